#include "iscsid/disk/export_loop.hpp"

#include "iscsid/disk/kernel/system_fault.hpp"
#include "iscsid/os/blocked_signals.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>

namespace iscsid::disk {

namespace {

constexpr std::uint64_t bell_number = 0; // members begin with 1
constexpr std::size_t most_events = 64;

bool add_to(int poll, int descriptor, std::uint32_t events, std::uint64_t number) {
    epoll_event what{};
    what.events = events;
    what.data.u64 = number;
    if (::epoll_ctl(poll, EPOLL_CTL_MOD, descriptor, &what) == 0)
        return true;
    return errno == ENOENT && ::epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &what) == 0;
}

} // namespace

void export_loop::inbox::post(std::function<void()> work) {
    const std::scoped_lock lock(guard_);
    if (is_closed_)
        return;
    mail_.push_back(std::move(work));
    ::eventfd_write(bell_.number(), 1);
}

std::vector<std::function<void()>> export_loop::inbox::take() {
    const std::scoped_lock lock(guard_);
    eventfd_t ignored = 0;
    ::eventfd_read(bell_.number(), &ignored);
    return std::exchange(mail_, {});
}

std::vector<std::function<void()>> export_loop::inbox::close() {
    const std::scoped_lock lock(guard_);
    is_closed_ = true;
    return std::exchange(mail_, {});
}

iscsi::result<std::shared_ptr<export_loop>> export_loop::make() {
    os::descriptor poll(::epoll_create1(EPOLL_CLOEXEC));
    if (!poll)
        return system_fault(disk_errc::attach_failed, "epoll_create1", "a descriptor");
    std::shared_ptr<export_loop> made(new export_loop(std::move(poll)));
    const auto& bell = made->inbox_->bell_;
    if (!bell || !add_to(made->poll_.number(), bell.number(), EPOLLIN, bell_number))
        return system_fault(disk_errc::attach_failed, "eventfd", "a descriptor");
    const os::blocked_signals meanwhile;
    made->thread_ = std::thread([loop = made.get()] { loop->run(); });
    return made;
}

export_loop::export_loop(os::descriptor poll) : poll_(std::move(poll)) {
    inbox_->bell_ = os::descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

export_loop::~export_loop() {
    if (!thread_.joinable())
        return;
    inbox_->post([this] { is_ending_ = true; });
    thread_.join();
    const auto unread = inbox_->close(); // and destroyed here, without the lock
}

// ---- members ------------------------------------------------------------------------------------

void export_loop::enter(member& who) {
    places_[++last_].who = &who;
    numbers_[&who] = last_;
}

void export_loop::leave(member& who) {
    const auto found = numbers_.find(&who);
    if (found == numbers_.end())
        return;
    wake_at(who, std::nullopt);
    places_.erase(found->second);
    numbers_.erase(found);
}

bool export_loop::watch(const member& who, int descriptor, std::uint32_t events) {
    return add_to(poll_.number(), descriptor, events, numbers_.at(&who));
}

void export_loop::forget(int descriptor) {
    ::epoll_ctl(poll_.number(), EPOLL_CTL_DEL, descriptor, nullptr);
}

void export_loop::wake_at(member& who, std::optional<clock::time_point> when) {
    const number which = numbers_.at(&who);
    auto& wakes_at = places_[which].wakes_at;
    if (wakes_at)
        alarms_.erase({*wakes_at, which});
    wakes_at = when;
    if (when)
        alarms_.emplace(*when, which);
}

// ---- the thread ---------------------------------------------------------------------------------

void export_loop::run() {
    ::pthread_setname_np(::pthread_self(), "nbd-export");
    while (!is_ending_) {
        auto due = wait();
        for (const auto& letter : inbox_->take())
            letter();
        add_those_due(due);
        for (const number each : due)
            if (const auto found = places_.find(each); found != places_.end())
                found->second.who->turn();
    }
}

// Whose descriptors are ready, once each.
std::set<export_loop::number> export_loop::wait() {
    std::array<epoll_event, most_events> events{};
    const int count = ::epoll_wait(
        poll_.number(), events.data(), static_cast<int>(events.size()), time_to_wait()
    );
    std::set<number> ready;
    for (int at = 0; at < count; ++at) {
        const number who = events.at(static_cast<std::size_t>(at)).data.u64; // not aligned there
        ready.insert(who);
    }
    return ready;
}

// In milliseconds, rounded up; negative for ever.
int export_loop::time_to_wait() const {
    if (alarms_.empty())
        return -1;
    constexpr std::chrono::milliseconds none{0};
    constexpr std::chrono::milliseconds longest = std::chrono::hours(1);
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(alarms_.begin()->first - clock::now());
    return static_cast<int>(std::clamp(left, none, longest).count());
}

void export_loop::add_those_due(std::set<number>& to) const {
    const auto now = clock::now();
    for (const auto& [when, who] : alarms_) {
        if (when > now)
            break;
        to.insert(who);
    }
}

} // namespace iscsid::disk
