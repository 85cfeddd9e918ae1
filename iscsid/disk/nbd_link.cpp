#include "iscsid/disk/nbd_link.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace iscsid::disk {

namespace {

constexpr std::size_t staging_size = std::size_t{64} * 1024;
constexpr std::size_t most_replies_in_a_send = 64;

bool has_payload(nbd::command what) {
    return what == nbd::command::write;
}

} // namespace

nbd_link::nbd_link(
    int socket,
    const nbd_shape& shape,
    std::function<void()> ended,
    iscsi::bytes_view head,
    std::shared_ptr<byte_share> share
)
    : socket_(socket)
    , shape_(shape)
    , on_end_(std::move(ended))
    , share_(std::move(share))
    , memory_(shape.slots, shape.payload)
    , age_(memory_, shape.slots, payload_age::first_page)
    , slots_(shape.slots)
    , idle_(shape.slots)
    , staging_(std::max(staging_size, head.size()))
    , staged_end_(head.size()) {
    std::ranges::copy(head, staging_.begin());
    ready_.reserve(shape.slots);
    leaving_.reserve(shape.slots);
    send_vector_.reserve(2 * most_replies_in_a_send);
}

void nbd_link::start(lane::ring& io, lane::lun_port& port) {
    io_ = &io;
    port_ = &port;
    take_requests();
}

void nbd_link::leave(std::function<void()> gone) {
    departure_.ask(std::move(gone));
    on_end_ = {};
    end();
    leave_if_empty();
}

bool nbd_link::give_back_memory(std::size_t& most) {
    return age_.give_back(most, [this](std::uint32_t index) { return !slots_[index].taken; });
}

void nbd_link::ring_done(std::uint32_t operation, std::int32_t result) {
    if (operation == receiving)
        received(result);
    else
        sent(result);
    leave_if_empty();
}

// ---- requests -----------------------------------------------------------------------------------

void nbd_link::received(std::int32_t result) {
    receive_under_way_ = false;
    if (result <= 0 || ended_) {
        end();
        return forget_filling();
    }
    auto count = static_cast<std::size_t>(result);
    if (filling_ != nobody) {
        const auto taken = std::min(count, slots_[filling_].payload.size() - filled_);
        filled_ += taken;
        count -= taken;
    }
    staged_end_ += count;
    take_requests();
}

// A request begins as soon as its header is there and a slot is free. What came with it in one
// receive lies in the staging room; the rest of a WRITE's payload is received where it belongs.
void nbd_link::take_requests() {
    while (!ended_ && !disconnecting_ && take_one())
        ;
    start_receive();
}

// False: it needs more bytes, or a free slot.
bool nbd_link::take_one() {
    if (filling_ != nobody) {
        take_payload();
        if (filled_ < slots_[filling_].payload.size())
            return false;
        serve(std::exchange(filling_, nobody));
        return true;
    }
    if (staged_end_ - staged_begin_ < nbd::request_size || !idle_.has_one())
        return false;
    const iscsi::bytes_view staged(staging_);
    const auto header = staged.subspan(staged_begin_).first<nbd::request_size>();
    const auto asked = nbd::decode_request(header);
    const auto bytes = memory_of(asked);
    waits_for_room_ = !charge(bytes);
    if (waits_for_room_)
        return false;
    staged_begin_ += nbd::request_size;
    return begin(asked, bytes);
}

// What is refused needs none.
std::size_t nbd_link::memory_of(const nbd::request& asked) const {
    const bool is_read = asked.type == nbd::command::read && !departure_.is_asked();
    const bool needs_some = is_read || has_payload(asked.type);
    const bool is_sound = asked.magic == nbd::request_magic && asked.length <= nbd::largest_payload;
    return needs_some && is_sound ? asked.length : 0;
}

// False: it must wait. A small request that is alone never does: others may hold what they have for
// as long as they like.
bool nbd_link::charge(std::size_t bytes) {
    const bool is_alone = charged_ == 0;
    if (!is_alone && charged_ + bytes > shape_.most_bytes)
        return false;
    if (share_ && bytes > 0) {
        if (is_alone && bytes <= shape_.payload)
            share_->take_anyway(bytes);
        else if (!share_->take(bytes, charged_, *this))
            return false;
    }
    charged_ += bytes;
    return true;
}

void nbd_link::room_again() {
    take_requests();
}

void nbd_link::take_payload() {
    const auto& payload = slots_[filling_].payload;
    const auto count = std::min(payload.size() - filled_, staged_end_ - staged_begin_);
    std::memcpy(payload.data() + filled_, staging_.data() + staged_begin_, count);
    filled_ += count;
    staged_begin_ += count;
}

// What is left of a payload goes where it belongs, and only what follows it into the staging.
void nbd_link::start_receive() {
    const bool has_room = idle_.has_one() && !waits_for_room_;
    if (ended_ || disconnecting_ || receive_under_way_ || (!has_room && filling_ == nobody))
        return;
    std::memmove(staging_.data(), staging_.data() + staged_begin_, staged_end_ - staged_begin_);
    staged_end_ -= std::exchange(staged_begin_, 0);
    std::size_t parts = 0;
    if (filling_ != nobody) {
        const auto left = slots_[filling_].payload.subspan(filled_);
        receive_vector_[parts++] = {left.data(), left.size()};
    }
    if (idle_.has_one()) // else there is no slot for what follows
        receive_vector_.at(parts++
        ) = {staging_.data() + staged_end_, staging_.size() - staged_end_};
    receive_under_way_ = true;
    io_->receive_vector(socket_, std::span(receive_vector_).first(parts), *this, receiving);
}

// False: the client does not speak the protocol, or it takes leave.
bool nbd_link::begin(const nbd::request& asked, std::size_t charged) {
    const bool too_long = has_payload(asked.type) && asked.length > nbd::largest_payload;
    if (asked.magic != nbd::request_magic || too_long) {
        end();
        return false;
    }
    if (asked.type == nbd::command::disconnect) {
        disconnecting_ = true;
        if (idle_.has_all())
            end();
        return false;
    }
    const std::uint32_t index = idle_.take();
    slot& where = slots_[index];
    where.taken = true;
    where.asked = asked;
    where.charged = charged;
    where.error = 0;
    where.flushes = false;
    where.payload = {};
    if (!has_payload(asked.type)) {
        serve(index);
        return true;
    }
    if (!make_room(index, asked.length)) { // its payload has nowhere to go
        end();
        release(index);
        return false;
    }
    filling_ = index;
    filled_ = 0;
    return true;
}

bool nbd_link::make_room(std::uint32_t index, std::size_t length) {
    slot& where = slots_[index];
    if (length <= shape_.payload) {
        if (age_.use(index, length))
            used_memory();
        where.payload = memory_.of(index, length);
        return true;
    }
    try {
        where.payload = where.large.emplace(1, length).of(0, length);
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

void nbd_link::serve(std::uint32_t index) {
    slot& where = slots_[index];
    if (departure_.is_asked())
        return reply(index, ENODEV);
    if (refuses_)
        return reply(index, ESHUTDOWN);
    switch (where.asked.type) {
    case nbd::command::read:
        if (where.asked.length > nbd::largest_payload)
            return reply(index, EINVAL);
        if (!make_room(index, where.asked.length))
            return reply(index, ENOMEM);
        return submit(index, lane::operation::read);
    case nbd::command::write:
        return submit(index, lane::operation::write);
    case nbd::command::flush:
        return submit(index, lane::operation::flush);
    case nbd::command::trim:
        return submit(index, lane::operation::discard);
    case nbd::command::write_zeroes:
        return submit(index, lane::operation::write_zeroes);
    case nbd::command::cache:
    case nbd::command::disconnect:
        break;
    }
    reply(index, EINVAL);
}

// The port may complete before it returns, and the slot may be in use again then.
void nbd_link::submit(std::uint32_t index, lane::operation op) {
    const slot& where = slots_[index];
    lane::block_request request;
    request.op = op;
    request.tag = index;
    request.buffer = where.payload;
    if (op != lane::operation::flush) {
        request.offset = where.asked.offset;
        request.length = where.asked.length;
    }
    request.force_unit_access =
        op == lane::operation::write && (where.asked.flags & nbd::flag_fua) != 0;
    request.may_unmap = (where.asked.flags & nbd::flag_no_hole) == 0;
    port_->submit(request, *this);
}

void nbd_link::complete(std::uint64_t tag, int error) {
    const auto index = static_cast<std::uint32_t>(tag);
    slot& where = slots_[index];
    const bool frees_or_zeroes =
        where.asked.type == nbd::command::trim || where.asked.type == nbd::command::write_zeroes;
    const bool wants_flush = frees_or_zeroes && (where.asked.flags & nbd::flag_fua) != 0;
    if (error == 0 && wants_flush && !std::exchange(where.flushes, true))
        return submit(index, lane::operation::flush);
    reply(index, error);
    leave_if_empty();
}

// ---- replies ------------------------------------------------------------------------------------

void nbd_link::reply(std::uint32_t index, int error) {
    if (ended_)
        return release(index);
    slots_[index].error = error;
    ready_.push_back(index);
    if (waits_for_lun_ && has_served_all())
        return end();
    start_send();
}

// All that is ready leaves together; more gathers meanwhile.
void nbd_link::start_send() {
    if (ready_.empty() || ended_)
        return;
    if (send_under_way_) // quietly, perhaps
        return io_->hurry();
    const auto count = std::min(ready_.size(), most_replies_in_a_send);
    send_vector_.clear();
    leaving_.assign(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(count));
    ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(count));
    for (const std::uint32_t index : leaving_)
        add_to_send(index);
    send_at_ = 0;
    send_under_way_ = true;
    io_->send_vector(socket_, send_vector_, *this, sending, end_of_send());
}

void nbd_link::add_to_send(std::uint32_t index) {
    slot& where = slots_[index];
    const bool is_read = where.asked.type == nbd::command::read;
    const auto header =
        is_read && shape_.structured_replies
            ? nbd::encode_structured_read_reply(where.header, where.asked, where.error)
            : nbd::encode_simple_reply(where.header, where.asked.cookie, where.error);
    send_vector_.push_back({where.header.data(), header});
    if (is_read && where.error == 0 && !where.payload.empty())
        send_vector_.push_back({where.payload.data(), where.payload.size()});
}

// The kernel may take less than it was given: what has not left goes first the next time.
void nbd_link::sent(std::int32_t result) {
    if (result < 0)
        end();
    auto count = static_cast<std::size_t>(std::max(result, 0));
    while (send_at_ < send_vector_.size() && count >= send_vector_[send_at_].iov_len)
        count -= send_vector_[send_at_++].iov_len;
    if (!ended_ && send_at_ < send_vector_.size())
        return send_rest(count);
    for (const std::uint32_t index : leaving_) // what that brings gathers for the next send
        release(index);
    leaving_.clear();
    send_under_way_ = false;
    start_send();
}

void nbd_link::send_rest(std::size_t gone_of_first) {
    iovec& cut = send_vector_[send_at_];
    cut.iov_base = static_cast<std::byte*>(cut.iov_base) + gone_of_first;
    cut.iov_len -= gone_of_first;
    const auto rest = std::span(send_vector_).subspan(send_at_);
    io_->send_vector(socket_, rest, *this, sending, lane::ending::wakes);
}

// While a receive is under way no request waits for a slot or for room that the replies give back.
lane::ending nbd_link::end_of_send() const {
    const bool is_awaited = !receive_under_way_ || disconnecting_ || !ready_.empty();
    return is_awaited ? lane::ending::wakes : lane::ending::quiet;
}

// The reply has left whole: the slot and its memory are free for the next request.
void nbd_link::release(std::uint32_t index) {
    const bool was_starved = !idle_.has_one() || waits_for_room_;
    const auto freed = std::exchange(slots_[index].charged, 0);
    slots_[index].large.reset();
    slots_[index].taken = false;
    idle_.give_back(index);
    charged_ -= freed;
    if (share_ && freed > 0)
        share_->give_back(freed);
    if (disconnecting_ && has_done_all())
        end();
    else if (was_starved && io_ != nullptr)
        take_requests();
}

// ---- the end ------------------------------------------------------------------------------------

void nbd_link::end_when_idle() {
    disconnecting_ = true;
    if (has_done_all())
        end();
}

void nbd_link::end_when_served() {
    disconnecting_ = waits_for_lun_ = true;
    if (has_served_all())
        end();
}

// But for a WRITE that is still coming in, and that nobody will take.
bool nbd_link::has_done_all() const {
    return idle_.taken() == (filling_ == nobody ? 0 : 1);
}

// The same, but for what the client has not taken.
bool nbd_link::has_served_all() const {
    const auto with_client = ready_.size() + leaving_.size() + (filling_ == nobody ? 0 : 1);
    return idle_.taken() == with_client;
}

// Replies that have not begun to leave have nobody to read them.
void nbd_link::end() {
    if (std::exchange(ended_, true))
        return;
    if (share_)
        share_->forget(*this);
    if (!receive_under_way_) // else the kernel may still write to that payload
        forget_filling();
    for (const std::uint32_t index : std::exchange(ready_, {}))
        release(index);
    if (receive_under_way_)
        io_->cancel(*this, receiving);
    if (send_under_way_)
        io_->cancel(*this, sending);
    if (on_end_)
        std::exchange(on_end_, {})();
}

void nbd_link::forget_filling() {
    if (filling_ != nobody)
        release(std::exchange(filling_, nobody));
}

// Requests at the LUN keep their memory until they end, whatever becomes of the connection.
void nbd_link::leave_if_empty() {
    departure_.leave_if(!receive_under_way_ && !send_under_way_ && idle_.has_all());
}

} // namespace iscsid::disk
