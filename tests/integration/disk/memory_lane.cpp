#include "tests/integration/disk/memory_lane.hpp"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace test {

using namespace iscsid::lane;

memory_lun::memory_lun(std::size_t size)
    : size_(size), content_(static_cast<std::byte*>(std::calloc(size, 1))) {
    if (!content_)
        throw std::bad_alloc();
}

void memory_lun::free_memory::operator()(std::byte* memory) const {
    std::free(memory);
}

void memory_lun::submit(const block_request& request, request_owner& owner) {
    if (hold) {
        kept_.push_back({request, &owner});
        ++kept;
        return;
    }
    owner.complete(request.tag, perform(request));
}

void memory_lun::let_go() {
    hold = false;
    kept = 0;
    for (const kept_request& waiting : std::exchange(kept_, {}))
        waiting.owner->complete(waiting.request.tag, perform(waiting.request));
}

int memory_lun::perform(const block_request& request) {
    (void)fills_.load(); // see fill()
    if (fail_with != 0)
        return fail_with;
    if (request.offset > size_ || request.length > size_ - request.offset)
        return EINVAL;
    if (null) {
        ++(request.op == operation::read ? reads : writes);
        return 0;
    }
    std::byte* at = content_.get() + request.offset;
    switch (request.op) { // counted afterwards: see content()
    case operation::read:
        std::memcpy(request.buffer.data(), at, request.length);
        ++reads;
        return 0;
    case operation::write:
        std::memcpy(at, request.buffer.data(), request.length);
        ++writes;
        return 0;
    case operation::write_zeroes:
    case operation::discard:
        std::memset(at, 0, request.length);
        ++zeroed;
        return 0;
    case operation::flush:
        ++flushes;
        return fail_flush;
    }
    return EINVAL;
}

// The kernel orders what the lane writes before what a test reads; the counters tell TSan.
iscsi::mutable_bytes memory_lun::content() {
    (void)(reads + writes + zeroed);
    return {content_.get(), size_};
}

void memory_lun::fill(std::byte value) {
    std::fill_n(content_.get(), size_, value);
    ++fills_;
}

memory_lane::memory_lane(bool force_epoll) : memory_lane(make_ring(nullptr, force_epoll)) {}

memory_lane::memory_lane(std::unique_ptr<ring> io)
    : io_(std::move(io))
    , bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
    , thread_([this] { run(); }) {}

memory_lane::~memory_lane() {
    post([this] { stop_ = true; });
    thread_.join();
    io_.reset();
    ::close(bell_);
}

void memory_lane::put(const iscsi::lun_field& lun, memory_lun& content) {
    const std::lock_guard lock(guard_);
    luns_[lun] = &content;
}

void memory_lane::post(std::function<void()> work) {
    {
        const std::lock_guard lock(guard_);
        mail_.push_back(std::move(work));
    }
    const std::uint64_t one = 1;
    if (::write(bell_, &one, sizeof one) != sizeof one)
        throw std::runtime_error("eventfd");
}

std::uint64_t memory_lane::system_calls() const {
    return io_->system_calls();
}

void memory_lane::attach(
    session_key /*key*/,
    const iscsi::lun_field& lun,
    const scsi::logical_unit& /*properties*/,
    lane_resident& resident
) {
    post([this, lun, &resident] {
        const std::lock_guard lock(guard_);
        resident.start(*io_, *luns_.at(lun));
    });
}

void memory_lane::detach(lane_resident& resident, std::function<void()> gone) {
    post([&resident, gone = std::move(gone)] { resident.leave(gone); });
}

std::string_view memory_lane::ring_name() const {
    return io_->name();
}

void memory_lane::run() {
    wait_for_mail();
    while (!stop_)
        io_->turn(std::nullopt);
}

void memory_lane::wait_for_mail() {
    io_->read(bell_, std::as_writable_bytes(std::span(&rings_, 1)), *this, 0);
}

void memory_lane::ring_done(std::uint32_t /*operation*/, std::int32_t /*result*/) {
    std::deque<std::function<void()>> mail;
    {
        const std::lock_guard lock(guard_);
        mail.swap(mail_);
    }
    for (const auto& work : mail)
        work();
    wait_for_mail();
}

void memory_lane::adopt(session_key, iscsi::session, int, note_handler) {}

void memory_lane::transport(session_key, int, iscsi::fault) {}

void memory_lane::execute(
    session_key, const iscsi::command& what, std::function<void(scsi_outcome)> done
) {
    if (on_execute)
        on_execute(what, std::move(done));
}

void memory_lane::look(session_key, std::function<void(session_view)>) {}

void memory_lane::change(session_key, iscsi::session_settings) {}

void memory_lane::give_up(session_key, std::function<void(std::optional<std::size_t>)>) {}

void memory_lane::logout(session_key) {}

void memory_lane::drop(session_key, std::function<void()>) {}

} // namespace test
