#include "iscsid/disk/fuse_file.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace iscsid::disk {

namespace {

enum class step : std::uint32_t { read, reply };

constexpr std::uint32_t operation_of(std::uint32_t index, step what) {
    return index * 2 + static_cast<std::uint32_t>(what);
}

constexpr std::uint32_t index_of(std::uint32_t operation) {
    return operation / 2;
}

constexpr step step_of(std::uint32_t operation) {
    return static_cast<step>(operation % 2);
}

// The request went away before it was read, or the moment was bad: the next read may succeed.
bool worth_another_read(std::int32_t result) {
    return result == -ENOENT || result == -EINTR || result == -EAGAIN || result == -ENOMEM ||
           result == -EIO;
}

// The kernel no longer knows the request, or the connection: nobody waits for a reply.
bool nobody_waits(std::int32_t result) {
    return result == -ENOENT || result == -ENODEV || result == -ECONNABORTED ||
           result == -ENOTCONN || result == -EPERM;
}

// INIT of a kernel before 5.17 ends after its flags.
constexpr std::size_t shortest_init = 4 * sizeof(std::uint32_t);

} // namespace

fuse_file::fuse_file(
    int device,
    scsi::logical_unit lun,
    const fuse_shape& shape,
    std::function<void(int error)> reply_is_refused
)
    : device_(device)
    , lun_(std::move(lun))
    , shape_(shape)
    , payload_room_(std::max<std::size_t>(shape.payload, 2 * fuse::page))
    , memory_(shape.slots, fuse::page + payload_room_)
    , age_(memory_, shape.slots, 2 * fuse::page)
    , slots_(shape.slots)
    , idle_(shape.slots) {
    for (std::uint32_t index = 0; index < shape.slots; ++index)
        slots_[index].memory = memory_.of(index);
    if (shape.queues > 0 && shape.depth > 0)
        queues_ = std::make_unique<fuse_queues>(
            device,
            lun_,
            shape,
            fuse_queues::listener{
                [this] { used_memory(); },
                [this] { leave_if_empty(); },
                std::move(reply_is_refused)}
        );
}

void fuse_file::start(lane::ring& io, lane::lun_port& port) {
    io_ = &io;
    port_ = &port;
    wait_for_requests();
}

void fuse_file::leave(std::function<void()> gone) {
    departure_.ask(std::move(gone));
    ended_ = true;
    if (queues_)
        queues_->refuse_requests();
    for (std::uint32_t index = 0; index < slots_.size(); ++index) {
        if (slots_[index].now == slot::phase::reading)
            io_->cancel(*this, operation_of(index, step::read));
    }
    leave_if_empty();
}

// A new request wakes every read that waits, and all but one for nothing: so one waits while the
// disk is quiet, and several when many requests are under way, to take them in one turn.
void fuse_file::wait_for_requests() {
    const std::uint32_t under_way = idle_.taken() - reading_;
    const std::uint32_t wanted = std::clamp(under_way, 1U, shape_.reads_ahead);
    while (!ended_ && reading_ < wanted && idle_.has_one()) {
        const std::uint32_t index = idle_.take();
        slots_[index].now = slot::phase::reading;
        if (shape_.present)
            make_present(index);
        ++reading_;
        io_->read(device_, room_of(slots_[index]), *this, operation_of(index, step::read));
    }
}

void fuse_file::make_present(std::uint32_t index) {
    if (std::exchange(slots_[index].is_present, true))
        return;
    use(index, payload_room_);
    const auto room = room_of(slots_[index]);
    for (std::size_t at = 0; at < room.size(); at += fuse::page)
        room[at] = std::byte{0};
    room.back() = std::byte{0};
}

// The headers lie in the page before the payload. Of a disk whose buffers are present every read
// uses all of one.
void fuse_file::use(std::uint32_t index, std::size_t payload) {
    if (age_.use(index, fuse::page + payload))
        used_memory();
}

bool fuse_file::give_back_memory(std::size_t& most) {
    const bool some_is_left = age_.give_back(most, [this](std::uint32_t index) {
        if (slots_[index].now != slot::phase::idle)
            return false;
        slots_[index].is_present = false; // before the kernel reads into it again: make_present()
        return true;
    });
    return (queues_ && queues_->give_back_memory(most)) || some_is_left;
}

void fuse_file::ring_done(std::uint32_t operation, std::int32_t result) {
    if (step_of(operation) == step::read)
        read_ended(index_of(operation), result);
    else
        reply_ended(index_of(operation), result);
}

void fuse_file::read_ended(std::uint32_t index, std::int32_t result) {
    --reading_;
    if (result >= 0) {
        wait_for_requests();
        return serve(index, room_of(slots_[index]).first(static_cast<std::size_t>(result)));
    }
    if (!worth_another_read(result))
        ended_ = true;
    release(index);
}

// A reply that the kernel refused for another reason would leave its request waiting for ever.
void fuse_file::reply_ended(std::uint32_t index, std::int32_t result) {
    const bool was_error = slots_[index].reply.error != 0;
    if (result >= 0 && slots_[index].request.opcode == FUSE_INIT)
        start_queues();
    if (result >= 0 || nobody_waits(result) || was_error)
        release(index);
    else
        refuse(index, EIO);
}

void fuse_file::release(std::uint32_t index) {
    slots_[index].now = slot::phase::idle;
    idle_.give_back(index);
    wait_for_requests();
    leave_if_empty();
}

void fuse_file::leave_if_empty() {
    departure_.leave_if(idle_.has_all() && (!queues_ || queues_->are_empty()));
}

void fuse_file::complete(std::uint64_t tag, int error) {
    const auto index = static_cast<std::uint32_t>(tag);
    const slot& where = slots_[index];
    if (error != 0)
        return refuse(index, error);
    if (where.request.opcode == FUSE_READ)
        return reply(index, payload_of(where, where.length), 0);
    if (where.request.opcode == FUSE_WRITE)
        return answer(index, fuse::bytes_of(fuse::written(where.length)));
    answer(index);
}

void fuse_file::serve(std::uint32_t index, iscsi::bytes_view message) {
    slot& where = slots_[index];
    const auto header = fuse::read_as<fuse_in_header>(message);
    if (!header || fuse::wants_no_reply(header->opcode))
        return release(index);
    where.request = *header;
    if (header->len != message.size())
        return refuse(index, EIO);
    if (departure_.is_asked())
        return refuse(index, ENODEV);
    const auto body = message.subspan(sizeof *header);
    if (header->opcode == FUSE_INIT)
        return serve_init(index, body);
    const std::size_t payload = body.size() - std::min(body.size(), sizeof(fuse_write_in));
    const fuse::request what{header->opcode, header->nodeid, body, payload};
    obey(index, fuse::judge(what, lun_, shape_.payload));
}

void fuse_file::obey(std::uint32_t index, const fuse::verdict& given) {
    switch (given.what) {
    case fuse::verdict::kind::refusal:
        return refuse(index, given.error);
    case fuse::verdict::kind::answer:
        return answer(index, iscsi::bytes_view(given.bytes).first(given.size));
    case fuse::verdict::kind::command:
        return submit(index, given.asked);
    }
}

void fuse_file::serve_init(std::uint32_t index, iscsi::bytes_view body) {
    const auto offer = fuse::read_as<fuse_init_in>(body, shortest_init);
    if (!offer || offer->major != FUSE_KERNEL_VERSION)
        return refuse(index, EPROTO);
    can_resend_ = fuse::offers_resend(*offer);
    auto agreed = fuse::answer_init(*offer, shape_);
    agreed_to_ring_ = queues_ && io_->takes_wide_commands() && fuse::offers_ring(*offer);
    if (agreed_to_ring_)
        fuse::agree_to_ring(agreed);
    answer(index, fuse::bytes_of(agreed));
}

// From then on the kernel holds back all requests until each queue has an entry, or it has refused
// one. So it is told at once what has become of INIT: is_awaited().
void fuse_file::start_queues() {
    if (std::exchange(agreed_to_ring_, false) && !departure_.is_asked())
        queues_->start(*io_, *port_);
}

// The port may complete before it returns, and the slot may be in use again then.
void fuse_file::submit(std::uint32_t index, lane::block_request request) {
    slot& where = slots_[index];
    where.now = slot::phase::at_lun;
    where.length = request.length;
    request.tag = index;
    if (request.op == lane::operation::read || request.op == lane::operation::write) {
        use(index, request.length);
        request.buffer = payload_of(where, request.length);
    }
    port_->submit(request, *this);
}

void fuse_file::answer(std::uint32_t index, iscsi::bytes_view body) {
    slot& where = slots_[index];
    std::ranges::copy(body, where.answer.begin());
    reply(index, iscsi::bytes_view(where.answer).first(body.size()), 0);
}

void fuse_file::refuse(std::uint32_t index, int error) {
    reply(index, {}, error);
}

void fuse_file::reply(std::uint32_t index, iscsi::bytes_view body, int error) {
    slot& where = slots_[index];
    where.now = slot::phase::replying;
    where.reply.len = static_cast<std::uint32_t>(sizeof where.reply + body.size());
    where.reply.error = fuse::error_of_reply(error);
    where.reply.unique = where.request.unique;
    where.parts[0] = {&where.reply, sizeof where.reply};
    // writev takes what it only reads as a pointer to non-const
    where.parts[1] = {const_cast<std::byte*>(body.data()), body.size()};
    const std::span<const iovec> parts(where.parts.data(), body.empty() ? 1 : 2);
    const auto end = is_awaited() ? lane::ending::wakes : lane::ending::quiet;
    io_->write_vector(device_, parts, *this, operation_of(index, step::reply), end);
}

// Nobody waits for the slot of a request that is alone, while a read is under way for the next one.
// Among others the end of its reply lets more reads wait, so that several requests come in one
// turn; whether there are others that wait in the kernel is seen by asking now and then.
bool fuse_file::is_awaited() {
    constexpr unsigned now_and_then = 32;
    const bool is_alone = idle_.taken() - reading_ == 1 && reading_ > 0 && !ended_;
    return agreed_to_ring_ || !is_alone || ++alone_ % now_and_then == 0;
}

// Placed so that the data of a WRITE begins where the payload does.
iscsi::mutable_bytes fuse_file::room_of(const slot& where) const {
    std::byte* begin = where.memory + fuse::page - fuse::write_header_size;
    return {begin, fuse::write_header_size + payload_room_};
}

iscsi::mutable_bytes fuse_file::payload_of(const slot& where, std::size_t length) const {
    return {where.memory + fuse::page, length};
}

} // namespace iscsid::disk
