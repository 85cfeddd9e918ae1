#include "iscsid/disk/fuse_queues.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace iscsid::disk {

namespace {

// The connection has ended, and with it whatever was in the entry.
bool has_ended(std::int32_t result) {
    return result == -ENOTCONN || result == -ECONNABORTED || result == -ENODEV ||
           result == -ECANCELED;
}

// The moment was bad, and the request of a commit is where it was: -EIO is -EAGAIN, by the ring.
bool may_succeed_later(std::int32_t result) {
    return result == -ENOMEM || result == -EINTR || result == -EIO;
}

// Of one commit, each in a turn of the lane.
constexpr unsigned most_repeats = 1000;

std::size_t page_size() {
    return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace

fuse_queues::fuse_queues(
    int device, const scsi::logical_unit& lun, const fuse_shape& shape, listener tell
)
    : device_(device)
    , lun_(lun)
    , shape_(shape)
    , memory_(std::size_t{shape.queues} * shape.depth, fuse::payload_of_entry(shape, page_size()))
    , age_(memory_, std::uint32_t{shape.queues} * shape.depth, payload_age::first_page)
    , entries_(std::size_t{shape.queues} * shape.depth)
    , tell_(std::move(tell)) {
    for (std::uint32_t index = 0; index < entries_.size(); ++index) {
        entry& each = entries_[index];
        each.buffers[0] = {&each.headers, sizeof each.headers};
        each.buffers[1] = {memory_.of(index), memory_.stride()};
    }
}

void fuse_queues::start(lane::ring& io, lane::lun_port& port) {
    io_ = &io;
    port_ = &port;
    gives_back_ = io.defers_commands();
    for (std::uint32_t index = 0; index < entries_.size(); ++index) {
        ++under_way_;
        command(fuse::ring_command::enter, index);
    }
}

// See ublk_queue::give_back_memory(): the same kind of commands.
bool fuse_queues::give_back_memory(std::size_t& most) {
    std::optional<bool> is_settled;
    return gives_back_ && age_.give_back(most, [&](std::uint32_t index) {
        if (!is_settled)
            is_settled = io_->settle_commands();
        return *is_settled && entries_[index].now != entry::phase::at_lun;
    });
}

void fuse_queues::ring_done(std::uint32_t index, std::int32_t result) {
    if (result == 0)
        return serve(index);
    auto& where = entries_[index];
    const bool may_repeat = where.was_entered && where.repeats < most_repeats;
    if (may_repeat && may_succeed_later(result)) {
        ++where.repeats;
        return command(fuse::ring_command::commit_and_fetch, index);
    }
    end(index, result);
}

void fuse_queues::end(std::uint32_t index, std::int32_t result) {
    entries_[index].now = entry::phase::ended;
    --under_way_;
    if (!has_ended(result) && entries_[index].was_entered)
        refuse_reply(-result);
    else if (!has_ended(result) && refusal_ == 0)
        refusal_ = -result;
    tell_.one_has_ended();
}

// Its queue has an entry less, too: without any it would take requests that nobody sees.
void fuse_queues::refuse_reply(int error) {
    if (!std::exchange(reply_was_refused_, true) && tell_.reply_is_refused)
        tell_.reply_is_refused(error);
}

void fuse_queues::serve(std::uint32_t index) {
    entry& where = entries_[index];
    where.was_entered = true;
    where.repeats = 0;
    are_used_ = true;
    std::memcpy(&where.request, where.headers.in_out.data(), sizeof where.request);
    touch(index, where.headers.entry.payload_size);
    if (refuses_)
        return commit(index, 0, ENODEV);
    const fuse::request what{
        where.request.opcode,
        where.request.nodeid,
        where.headers.operation,
        where.headers.entry.payload_size};
    obey(index, fuse::judge(what, lun_, shape_.payload));
}

void fuse_queues::touch(std::uint32_t index, std::size_t length) {
    if (age_.use(index, length) && gives_back_)
        tell_.memory_is_used();
}

void fuse_queues::obey(std::uint32_t index, const fuse::verdict& given) {
    switch (given.what) {
    case fuse::verdict::kind::refusal:
        return commit(index, 0, given.error);
    case fuse::verdict::kind::answer:
        return answer(index, iscsi::bytes_view(given.bytes).first(given.size));
    case fuse::verdict::kind::command:
        return submit(index, given.asked);
    }
}

// The port may complete before it returns, and the entry may be in use again then.
void fuse_queues::submit(std::uint32_t index, lane::block_request request) {
    entry& where = entries_[index];
    where.now = entry::phase::at_lun;
    where.length = request.length;
    request.tag = index;
    if (request.op == lane::operation::read || request.op == lane::operation::write) {
        touch(index, request.length);
        request.buffer = memory_.of(index, request.length);
    }
    port_->submit(request, *this);
}

void fuse_queues::complete(std::uint64_t tag, int error) {
    const auto index = static_cast<std::uint32_t>(tag);
    const entry& where = entries_[index];
    if (error != 0)
        return commit(index, 0, error);
    if (where.request.opcode == FUSE_READ)
        return commit(index, where.length, 0);
    if (where.request.opcode == FUSE_WRITE)
        return answer(index, fuse::bytes_of(fuse::written(where.length)));
    commit(index, 0, 0);
}

void fuse_queues::answer(std::uint32_t index, iscsi::bytes_view bytes) {
    std::ranges::copy(bytes, memory_.of(index));
    commit(index, bytes.size(), 0);
}

// What is told in the payload buffer is there already.
void fuse_queues::commit(std::uint32_t index, std::size_t size, int error) {
    entry& where = entries_[index];
    fuse_out_header reply{};
    reply.len = static_cast<std::uint32_t>(sizeof reply + size);
    reply.error = fuse::error_of_reply(error);
    reply.unique = where.request.unique;
    std::memcpy(where.headers.in_out.data(), &reply, sizeof reply);
    where.headers.entry.payload_size = static_cast<std::uint32_t>(size);
    command(fuse::ring_command::commit_and_fetch, index);
}

void fuse_queues::command(fuse::ring_command what, std::uint32_t index) {
    entry& where = entries_[index];
    where.now = entry::phase::fetching;
    fuse::ring_field field;
    field.queue = static_cast<std::uint16_t>(index / shape_.depth);
    if (what == fuse::ring_command::commit_and_fetch)
        field.commit_id = where.headers.entry.commit_id;
    lane::wide_command asked;
    asked.opcode = static_cast<std::uint32_t>(what);
    std::memcpy(asked.field.data(), &field, sizeof field);
    if (what == fuse::ring_command::enter)
        asked.buffers = where.buffers;
    io_->command_with_buffers(device_, asked, *this, index);
}

} // namespace iscsid::disk
