#include "iscsid/session/session_logout.hpp"

#include "iscsid/session/clock.hpp"

#include <algorithm>
#include <utility>

namespace iscsid::session {

namespace asio = boost::asio;
using iscsi::admin::exit_code;

asio::awaitable<outcome<logout_result>> live_session::log_out(heeds whom) {
    session_logout mine(shared_from_this());
    co_return co_await mine.run(whom);
}

asio::awaitable<outcome<logout_result>> session_logout::run(live_session::heeds whom) {
    auto& of = *session_;
    if (of.is_being_ended())
        co_return co_await end();
    if (of.phase_ == phase::logging_in || of.phase_ == phase::looking) {
        co_await cancel_login();
        co_return logout_result{};
    }
    if (of.with_.disks.shares != nullptr) // what waits for other sessions ends
        of.with_.disks.shares->hurry(of.sid_);
    co_await wait_until_it_can_begin();
    if (of.phase_ == phase::running) {
        of.heeds_users_ = whom == live_session::heeds::users_always;
        of.on(happening::logout_asked);
    }
    co_return co_await end();
}

asio::awaitable<void> session_logout::cancel_login() {
    auto& of = *session_;
    of.login_failure_ = failure{exit_code::login, "the login was cancelled"};
    of.on(happening::logout_asked);
    const auto is_over = [&of] { return of.phase_ == phase::ended; };
    co_await of.changed_.wait(is_over, very_long);
}

// For disks that are being made, or changed. Others see it as a logout by then.
asio::awaitable<void> session_logout::wait_until_it_can_begin() {
    auto& of = *session_;
    of.waits_to_end_ = true;
    of.logout_.reset();
    of.changed_.notify_all();
    const auto is_made = [&of] {
        return of.phase_ != phase::attaching && of.phase_ != phase::failing;
    };
    co_await of.changed_.wait(is_made, of.plan_->session.timeouts.logout);
    co_await wait_for_scan();
    of.waits_to_end_ = false;
    of.changed_.notify_all();
}

// A logout does not wait for the target, which a scan may; only for the changes that it has begun
// to make. But disks that were left by another daemon are taken over by it, and a healthy end for
// them needs that.
asio::awaitable<void> session_logout::wait_for_scan() {
    auto& of = *session_;
    const auto timeout = of.plan_->session.timeouts.logout;
    const auto is_scanned = [&of] { return !of.watch_.is_looking(); };
    const bool needs_scan = !of.disks_.left_disks().empty() && of.connection_->is_up();
    if (needs_scan)
        co_await of.changed_.wait(is_scanned, timeout);
    co_await of.disks_.changes_end(timeout / 4);
}

// Of whoever's logout it is.
asio::awaitable<outcome<logout_result>> session_logout::end() {
    auto& of = *session_;
    const auto is_decided = [&of] { return !of.is_being_ended() && of.phase_ != phase::failing; };
    co_await of.changed_.wait(is_decided, very_long);
    if (of.phase_ == phase::attaching)
        co_return failure{exit_code::internal, "its disks are still being made"};
    if (of.logout_)
        co_return *of.logout_;
    if (of.phase_ == phase::ended) // its login had failed
        co_return logout_result{};
    co_return failure{exit_code::internal, "iscsid is shutting down"};
}

asio::awaitable<void> session_logout::wait_while_under_way(iscsi::instant limit) {
    auto& of = *session_;
    const auto left = std::chrono::ceil<iscsi::duration>(limit - now());
    const auto is_decided = [&of] { return !of.is_being_ended(); };
    co_await of.changed_.wait(is_decided, std::max(left, iscsi::duration(0)));
}

} // namespace iscsid::session
