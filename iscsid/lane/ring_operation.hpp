#pragma once

#include "iscsid/lane/ring.hpp"

#include <sys/socket.h>

#include <deque>

namespace iscsid::lane {

enum class ring_verb : std::uint8_t { read, write_vector, receive_vector, send_vector, command };

constexpr bool waits_for_input(ring_verb verb) {
    return verb == ring_verb::read || verb == ring_verb::receive_vector;
}

// One I/O operation from its start to its ring_done(). Does not move: `message` points to `single`.
// `generation` tells a completion of an operation from one of its predecessor in the same slot.
struct ring_operation {
    ring_verb verb = ring_verb::read;
    int fd = -1;
    iovec single{};   // the one buffer of read()
    msghdr message{}; // what to move; a command moves nothing, and may have buffers
    std::uint32_t opcode = 0;
    decltype(wide_command::field) command{};
    ring_client* client = nullptr;
    std::uint32_t number = 0; // the client's own
    std::uint32_t generation = 0;
    bool cancelled = false;
    bool polling = false; // io_uring: waits for readiness
    bool quiet = false;   // see ending
    std::int32_t result = 0;
    std::uint32_t next = 0; // in whatever list it is
};

inline constexpr std::uint32_t no_operation = 0xffff'ffff;

// How much it would move.
std::int32_t length_of(const ring_operation& what);

// Makes the system call once, without waiting; gives its result or -errno.
// -EAGAIN means that the descriptor has to be waited for.
std::int32_t attempt(ring_operation& what);

// The operations of a ring, in slots that are used again. Grows only when more are under way than
// ever before.
// It belongs to one ring and its thread.
class operation_table {
  public:
    explicit operation_table(std::size_t expected);

    std::uint32_t start_read(int fd, iscsi::mutable_bytes into, ring_client& who, std::uint32_t op);
    std::uint32_t start_vector(
        ring_verb verb, int fd, std::span<const iovec> what, ring_client& who, std::uint32_t op
    );

    // What was just started ends so; gives it back.
    std::uint32_t with_end(std::uint32_t slot, ending end) {
        operations_[slot].quiet = end == ending::quiet;
        return slot;
    }

    std::uint32_t start_command(
        int fd, std::uint32_t opcode, const command_field& what, ring_client& who, std::uint32_t op
    );

    std::uint32_t
    start_command(int fd, const wide_command& what, ring_client& who, std::uint32_t op);

    // Frees the slot, then tells the client; it may start new operations meanwhile.
    void finish(std::uint32_t slot, std::int32_t result);

    ring_operation& operator[](std::uint32_t slot) { return operations_[slot]; }

    std::size_t size() const { return operations_.size(); }

    // Marks the client's operations of that number as cancelled and calls `each` with their slots.
    template <class Each>
    void cancel(const ring_client& who, std::uint32_t op, Each each);

  private:
    std::uint32_t take(ring_verb verb, int fd, ring_client& who, std::uint32_t op);

    std::deque<ring_operation> operations_; // a deque, for they must not move
    std::uint32_t first_free_ = no_operation;
};

// A list of operations in the order of their start, linked through `next`.
class operation_list {
  public:
    bool empty() const { return first_ == no_operation; }

    std::uint32_t first() const { return first_; }

    void push(operation_table& table, std::uint32_t slot);
    std::uint32_t pop(operation_table& table);
    void remove(operation_table& table, std::uint32_t slot); // which is in it

  private:
    std::uint32_t first_ = no_operation;
    std::uint32_t last_ = no_operation;
};

template <class Each>
void operation_table::cancel(const ring_client& who, std::uint32_t op, Each each) {
    for (std::uint32_t slot = 0; slot < operations_.size(); ++slot) {
        ring_operation& operation = operations_[slot];
        if (operation.client != &who || operation.number != op || operation.cancelled ||
            operation.verb == ring_verb::command)
            continue;
        operation.cancelled = true;
        each(slot);
    }
}

} // namespace iscsid::lane
