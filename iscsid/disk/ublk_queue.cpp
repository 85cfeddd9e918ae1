#include "iscsid/disk/ublk_queue.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace iscsid::disk {

namespace {

constexpr std::uint64_t sector = 512;

} // namespace

ublk_queue::ublk_queue(
    int file,
    const ublk::io_descriptor* descriptors,
    const ublk_shape& shape,
    bool encodes,
    ublk_place place
)
    : file_(file)
    , descriptors_(descriptors)
    , shape_(shape)
    , encodes_(encodes)
    , place_(std::move(place))
    , memory_(shape.depth, shape.payload)
    , age_(memory_, shape.depth, payload_age::first_page)
    , slots_(shape.depth) {}

void ublk_queue::start(lane::ring& io, lane::lun_port& port) {
    io_ = &io;
    port_ = &port;
    gives_back_ = shape_.comes_by_ring && io.defers_commands();
    for (std::uint32_t tag = 0; tag < slots_.size(); ++tag) {
        ++under_way_;
        command(ublk::fetch, tag, -1);
    }
}

void ublk_queue::leave(std::function<void()> gone) {
    departure_.ask(std::move(gone));
    leave_if_empty();
}

void ublk_queue::fail_all() {
    fails_ = true;
    for (std::uint32_t tag = 0; tag < slots_.size(); ++tag) {
        if (slots_[tag].now != slot::phase::at_lun || slots_[tag].given_up)
            continue;
        slots_[tag].now = slot::phase::fetching;
        slots_[tag].given_up = true;
        ++under_way_; // the kernel has the tag again, and the LUN still has it
        command(ublk::commit_and_fetch, tag, -EIO);
    }
}

// What has been copied into a slot whose request we have not heard of must stay, as must the data
// of a READ that the kernel has not taken: settled, there is neither, until the ring is called
// again.
bool ublk_queue::give_back_memory(std::size_t& most) {
    std::optional<bool> is_settled;
    return gives_back_ && age_.give_back(most, [&](std::uint32_t tag) {
        if (!is_settled)
            is_settled = io_->settle_commands();
        return *is_settled && is_free(tag);
    });
}

bool ublk_queue::is_free(std::uint32_t tag) const {
    return slots_[tag].now != slot::phase::at_lun && !slots_[tag].given_up;
}

// A result below 0 ends the tag: the device is being stopped, or refuses us.
void ublk_queue::ring_done(std::uint32_t tag, std::int32_t result) {
    if (result == 0)
        return serve(tag);
    --under_way_;
    slots_[tag].now = slot::phase::ended;
    *is_served_ = false;
    leave_if_empty();
}

void ublk_queue::complete(std::uint64_t tag, int error) {
    if (tag >= slots_.size())
        return part_for_another_ended(tag - slots_.size(), error);
    part_ended(static_cast<std::uint32_t>(tag), error);
}

void ublk_queue::part_ended(std::uint32_t tag, int error) {
    slot& what = slots_[tag];
    if (what.error == 0)
        what.error = error;
    if (--what.parts > 0)
        return;
    if (what.given_up) {
        what.given_up = false;
        --under_way_;
        return leave_if_empty();
    }
    commit(tag, what.error);
}

void ublk_queue::flush_own(std::function<void(int)> ended) {
    if (port_ == nullptr || has_left_)
        return ended(ENOLINK);
    if (fails_)
        return ended(EIO);
    auto place = std::ranges::find_if(for_others_, [](const auto& each) { return !each; });
    if (place == for_others_.end())
        place = for_others_.emplace(place);
    *place = std::move(ended);
    ++under_way_;
    lane::block_request request;
    request.op = lane::operation::flush;
    request.is_flush_if_due = true;
    request.tag = slots_.size() + static_cast<std::size_t>(place - for_others_.begin());
    port_->submit(request, *this);
}

void ublk_queue::part_for_another_ended(std::size_t which, int error) {
    std::exchange(for_others_[which], nullptr)(error);
    --under_way_;
    leave_if_empty();
}

// What the kernel asks on this tag, read from the shared descriptors (ublksrv_io_desc).
void ublk_queue::serve(std::uint32_t tag) {
    if (fails_)
        return command(ublk::commit_and_fetch, tag, -EIO);
    slots_[tag].now = slot::phase::at_lun;
    switch (descriptors_[tag].op_and_flags & ublk::op_mask) {
    case ublk::op_read:
        return submit(tag, lane::operation::read);
    case ublk::op_write:
        return submit(tag, lane::operation::write);
    case ublk::op_flush:
        return submit(tag, lane::operation::flush);
    case ublk::op_discard:
        return submit(tag, lane::operation::discard);
    case ublk::op_write_zeroes:
        return submit(tag, lane::operation::write_zeroes);
    default:
        return commit(tag, EOPNOTSUPP);
    }
}

// The port may complete before it returns, and the tag may be in use again then.
void ublk_queue::submit(std::uint32_t tag, lane::operation op) {
    const auto& asked = descriptors_[tag];
    slots_[tag].parts = 1;
    slots_[tag].error = 0;
    lane::block_request request;
    request.op = op;
    request.tag = tag;
    request.force_unit_access = (asked.op_and_flags & ublk::io_flag_fua) != 0;
    request.may_unmap = (asked.op_and_flags & ublk::io_flag_no_unmap) == 0;
    if (op != lane::operation::flush) {
        request.offset = asked.start_sector * sector;
        request.length = length_of(tag);
    }
    if (op == lane::operation::read || op == lane::operation::write) {
        if (request.length > shape_.payload)
            return commit(tag, EINVAL);
        request.buffer = memory_.of(tag, request.length);
        if (age_.use(tag, request.length) && gives_back_)
            used_memory();
    }
    if (op == lane::operation::flush && place_.relay)
        slots_[tag].parts += place_.relay->flush_others(place_.number, [this, tag](int error) {
            part_ended(tag, error);
        });
    port_->submit(request, *this);
}

std::uint64_t ublk_queue::length_of(std::uint32_t tag) const {
    return descriptors_[tag].sectors * sector;
}

// The result of what has moved is its length; anything shorter would be asked for again.
void ublk_queue::commit(std::uint32_t tag, int error) {
    const bool is_flush = (descriptors_[tag].op_and_flags & ublk::op_mask) == ublk::op_flush;
    const auto length = is_flush ? 0 : static_cast<std::int32_t>(length_of(tag));
    command(ublk::commit_and_fetch, tag, error == 0 ? length : -error);
}

void ublk_queue::command(ublk::io what, std::uint32_t tag, std::int32_t result) {
    slots_[tag].now = slot::phase::fetching;
    ublk::io_command command;
    command.queue = place_.number;
    command.tag = static_cast<std::uint16_t>(tag);
    command.result = result;
    command.address = reinterpret_cast<std::uintptr_t>(memory_.of(tag));
    lane::command_field field{};
    std::memcpy(field.data(), &command, sizeof command);
    const auto opcode = encodes_ ? ublk::encoded(what) : std::uint32_t{what};
    io_->command(file_, opcode, field, *this, tag);
}

void ublk_queue::leave_if_empty() {
    has_left_ |= under_way_ == 0 && departure_.is_asked();
    departure_.leave_if(under_way_ == 0);
}

} // namespace iscsid::disk
