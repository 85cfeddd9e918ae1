#include "iscsid/session/clock.hpp"
#include "iscsid/session/live_session.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

// The first login of a session: until it is up, its LUNs are seen, and its disks are there.
namespace iscsid::session {

namespace asio = boost::asio;
using iscsi::admin::exit_code;

namespace {

// The engine's shortest pause between two tries.
constexpr auto shortest_pause = std::chrono::seconds(1);

// Whoever stops or restarts the daemon should have heard of it.
std::vector<std::string> notes_of(const session_disks& disks) {
    if (disks.attached().empty() || disks.outlive_daemon())
        return {};
    return {
        "its disks end with this iscsid: stopping or restarting it takes them from their users"};
}

} // namespace

void live_session::start_login(iscsi::instant asked) {
    login_deadline_ = asked + plan_->initial_login_retry_max * plan_->session.timeouts.login;
    iscsi::session engine(plan_->session);
    engine.start(now());
    if (with_.disks.shares != nullptr)
        with_.disks.shares->coming(sid_, *plan_);
    move_in(std::move(engine), false);
    on(happening::adopted);
}

asio::awaitable<outcome<login_result>> live_session::login_end() {
    const auto self = shared_from_this();
    const auto is_decided = [this] {
        return phase_ == phase::ended || (is_established(phase_) && phase_ != phase::closing);
    };
    co_await changed_.wait(is_decided, very_long);
    if (login_failure_)
        co_return *login_failure_;
    if (phase_ != phase::running)
        co_return failure{exit_code::login, "the session ended at once"};
    co_return login_result{sid_, login_warnings_, notes_of(disks_)};
}

// The first time its LUNs get disks, later they are only looked at again.
void live_session::logged_in() {
    ++logins_;
    if (phase_ == phase::logging_in)
        return on(happening::logged_in);
    changed_.notify_all();
    watch_.look_again(false);
}

// A try has failed; the engine makes the next one after a pause.
void live_session::login_failed(const failure& why) {
    if (is_being_made(phase_) && plan_->hears_failures)
        plan_->hears_failures(why);
    if (why.may_retry && now() + shortest_pause < login_deadline_) {
        spdlog::debug("{}: login failed, will try again: {}", name_, why.reason);
        return;
    }
    if (is_being_made(phase_) && !login_failure_)
        login_failure_ = why;
    on(happening::login_failed);
}

asio::awaitable<void> live_session::look_first(std::shared_ptr<live_session> /*keeps it alive*/) {
    device::scan_result seen;
    if (plan_->scan) {
        auto scanned = co_await first_scan();
        if (!scanned)
            co_return;
        seen = *std::move(scanned);
    }
    on(happening::luns_seen);
    co_await attach_first(std::move(seen));
}

// Nothing when the session is on its way out. A target whose LUNs cannot be read is still a
// session, as with open-iscsi; one that is lost meanwhile has as long to come back as a login may
// take.
asio::awaitable<std::optional<device::scan_result>> live_session::first_scan() {
    for (;;) {
        const auto logins = logins_;
        watch_.set_incomplete(false);
        auto seen = co_await disks_.look();
        if (phase_ != phase::looking)
            co_return std::nullopt;
        if (seen.has_value())
            co_return *std::move(seen);
        if (logins_ != logins) // it was lost, and is back already
            continue;
        const auto why = seen.error().text();
        if (connection_->is_up()) {
            spdlog::warn("{}: no LUN can be read: {}", name_, why);
            login_warnings_.push_back("no LUN can be read: " + why);
            watch_.set_incomplete(true);
            co_return device::scan_result{};
        }
        const auto left = std::max<iscsi::instant::duration>(
            login_deadline_ - now(), plan_->session.timeouts.login
        );
        const auto is_back = [this] { return connection_->is_up() || phase_ != phase::looking; };
        if (!co_await changed_.wait(is_back, std::chrono::duration_cast<iscsi::duration>(left)))
            login_failed({exit_code::login, "lost while scanning: " + why, false});
        if (phase_ != phase::looking)
            co_return std::nullopt;
    }
}

// Some LUNs without a disk are a warning; no disk at all, where there should be some, is a failure.
asio::awaitable<void> live_session::attach_first(device::scan_result seen) {
    const bool wants_disks = !seen.disks.empty();
    const auto missing = watch_.note(seen);
    session_disks::scan_orders orders{
        new_disk_of(sid_, index_, *plan_, connection_->peer()), true, false};
    auto told = co_await disks_.follow(std::move(seen), std::move(orders));
    if (with_.disks.shares != nullptr)
        with_.disks.shares->settled(sid_);
    if (wants_disks && disks_.attached().empty()) {
        login_failure_ = failure{exit_code::error, fmt::format("{}", fmt::join(told, "; "))};
        on(happening::no_disks);
        co_return;
    }
    login_warnings_.insert(login_warnings_.end(), missing.begin(), missing.end());
    login_warnings_.insert(login_warnings_.end(), told.begin(), told.end());
    watch_.look_later_if_needed();
    on(happening::disks_ready);
}

} // namespace iscsid::session
