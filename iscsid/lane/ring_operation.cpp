#include "iscsid/lane/ring_operation.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace iscsid::lane {

namespace {

ssize_t call(ring_operation& what) {
    const auto count = static_cast<int>(what.message.msg_iovlen);
    switch (what.verb) {
    case ring_verb::read:
        return ::read(what.fd, what.single.iov_base, what.single.iov_len);
    case ring_verb::write_vector:
        return ::writev(what.fd, what.message.msg_iov, count);
    case ring_verb::receive_vector:
        return ::recvmsg(what.fd, &what.message, MSG_DONTWAIT);
    case ring_verb::send_vector:
        return ::sendmsg(what.fd, &what.message, MSG_DONTWAIT | MSG_NOSIGNAL);
    case ring_verb::command:
        break;
    }
    errno = EOPNOTSUPP;
    return -1;
}

} // namespace

std::int32_t length_of(const ring_operation& what) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < what.message.msg_iovlen; ++i)
        length += what.message.msg_iov[i].iov_len;
    return static_cast<std::int32_t>(length);
}

std::int32_t attempt(ring_operation& what) {
    ssize_t moved = 0;
    do
        moved = call(what);
    while (moved < 0 && errno == EINTR);
    return moved < 0 ? -errno : static_cast<std::int32_t>(moved);
}

operation_table::operation_table(std::size_t expected) {
    operations_.resize(expected);
    for (std::size_t i = expected; i-- > 0;) {
        operations_[i].next = first_free_;
        first_free_ = static_cast<std::uint32_t>(i);
    }
}

// Slots that were used last are used next: they are warm.
std::uint32_t operation_table::take(ring_verb verb, int fd, ring_client& who, std::uint32_t op) {
    if (first_free_ == no_operation) {
        operations_.emplace_back().next = no_operation;
        first_free_ = static_cast<std::uint32_t>(operations_.size() - 1);
    }
    const std::uint32_t slot = first_free_;
    ring_operation& operation = operations_[slot];
    first_free_ = operation.next;
    operation.verb = verb;
    operation.fd = fd;
    operation.client = &who;
    operation.number = op;
    operation.cancelled = false;
    operation.polling = false;
    operation.quiet = false;
    operation.next = no_operation;
    return slot;
}

std::uint32_t
operation_table::start_read(int fd, iscsi::mutable_bytes into, ring_client& who, std::uint32_t op) {
    const std::uint32_t slot = take(ring_verb::read, fd, who, op);
    ring_operation& operation = operations_[slot];
    operation.single = {into.data(), into.size()};
    operation.message = {};
    operation.message.msg_iov = &operation.single;
    operation.message.msg_iovlen = 1;
    return slot;
}

std::uint32_t operation_table::start_vector(
    ring_verb verb, int fd, std::span<const iovec> what, ring_client& who, std::uint32_t op
) {
    const std::uint32_t slot = take(verb, fd, who, op);
    ring_operation& operation = operations_[slot];
    operation.message = {};
    // The system calls take a pointer to non-const, but do not write to the array.
    operation.message.msg_iov = const_cast<iovec*>(what.data());
    operation.message.msg_iovlen = what.size();
    return slot;
}

std::uint32_t operation_table::start_command(
    int fd, std::uint32_t opcode, const command_field& what, ring_client& who, std::uint32_t op
) {
    wide_command wide;
    wide.opcode = opcode;
    std::ranges::copy(what, wide.field.begin());
    return start_command(fd, wide, who, op);
}

std::uint32_t operation_table::start_command(
    int fd, const wide_command& what, ring_client& who, std::uint32_t op
) {
    const std::uint32_t slot = take(ring_verb::command, fd, who, op);
    ring_operation& operation = operations_[slot];
    operation.opcode = what.opcode;
    operation.command = what.field;
    operation.message = {};
    operation.message.msg_iov = const_cast<iovec*>(what.buffers.data());
    operation.message.msg_iovlen = what.buffers.size();
    return slot;
}

// The slot is free before the client hears, so that a client that starts its next operation there
// finds room.
void operation_table::finish(std::uint32_t slot, std::int32_t result) {
    ring_operation& operation = operations_[slot];
    ring_client& client = *operation.client;
    operation.client = nullptr;
    ++operation.generation;
    operation.next = first_free_;
    first_free_ = slot;
    client.ring_done(operation.number, result);
}

void operation_list::push(operation_table& table, std::uint32_t slot) {
    table[slot].next = no_operation;
    if (empty())
        first_ = slot;
    else
        table[last_].next = slot;
    last_ = slot;
}

std::uint32_t operation_list::pop(operation_table& table) {
    const std::uint32_t slot = first_;
    first_ = table[slot].next;
    return slot;
}

// Walks the list; only cancelling does that, and lists are short.
void operation_list::remove(operation_table& table, std::uint32_t slot) {
    std::uint32_t before = no_operation;
    for (std::uint32_t at = first_; at != slot; at = table[at].next)
        before = at;
    (before == no_operation ? first_ : table[before].next) = table[slot].next;
    if (last_ == slot)
        last_ = before;
}

} // namespace iscsid::lane
