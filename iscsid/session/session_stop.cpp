#include "iscsid/session/session_stop.hpp"

#include "iscsid/session/clock.hpp"
#include "iscsid/session/disk_notes.hpp"

#include "libiscsi/net/pending.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace iscsid::session {

namespace asio = boost::asio;
namespace net = iscsi::net;

namespace {

constexpr auto between_tries = std::chrono::milliseconds(500);
constexpr auto longest_reserve = std::chrono::seconds(10);
constexpr auto logout_limit = std::chrono::seconds(2); // of a session that nobody has any more

iscsi::duration time_until(iscsi::instant end) {
    return std::max(std::chrono::ceil<iscsi::duration>(end - now()), iscsi::duration(1));
}

bool is_among(const std::vector<disk_user>& users, std::uint64_t lun_number) {
    return std::ranges::find(users, lun_number, &disk_user::lun_number) != users.end();
}

} // namespace

stop_times stop_times::within(iscsi::duration limit) {
    const auto reserve = std::min<iscsi::duration>(limit / 4, longest_reserve);
    return {now() + limit - reserve, reserve, now() + 2 * limit};
}

session_stop::session_stop(
    const environment& with, std::shared_ptr<live_session> session, stop_times times
)
    : with_(with), session_(std::move(session)), times_(times) {}

// Before anybody is waited for: those of NBD sockets can be asked to leave.
void session_stop::dismiss_clients() const {
    for (const auto& each : session_->disks_.attached())
        if (each.device)
            each.device->dismiss();
}

// No daemon is to take them over.
asio::awaitable<void> session_stop::forget_disks() const {
    auto forget = [with = with_.disks, disks = mortal_disks()] {
        for (const auto& each : disks)
            forget_state(with, each.state);
        return true;
    };
    co_await run_on(*with_.workers, std::move(forget));
}

bool session_stop::is_over() const {
    return session_->current_phase() == phase::ended;
}

bool session_stop::may_end() const {
    return users_.empty() || !session_->owner_.respects_users();
}

asio::awaitable<void> session_stop::run() {
    const auto self = shared_from_this();
    dismiss_clients();
    co_await forget_disks();
    co_await find_ledgers();
    asio::steady_timer pause(with_.where.control);
    bool is_flushed = false;
    while (!is_over() && now() < times_.users_until) {
        co_await look_at_users();
        if (!users_.empty() && !std::exchange(is_flushed, true))
            co_await flush_as_they_are(used_among(mortal_disks()));
        const bool ends = may_end();
        if (ends)
            co_await try_to_log_out();
        if (is_over())
            co_return;
        if (is_stuck_)
            co_return co_await tell_what_is_left();
        if (ends && !std::exchange(is_flushed, true)) // there are users whom nobody sees
            co_await flush_as_they_are(mortal_disks());
        pause.expires_after(between_tries);
        co_await pause.async_wait(asio::use_awaitable);
    }
    if (!is_over())
        co_await end_for_users();
}

// ---- while there is time ------------------------------------------------------------------------

asio::awaitable<void> session_stop::find_ledgers() {
    std::vector<unit_path> units;
    for (const auto& each : session_->disks_.attached()) {
        const auto of_one = units_of(*session_->lane_, each);
        units.insert(units.end(), of_one.begin(), of_one.end());
    }
    for (const auto& each : units) {
        net::pending<std::shared_ptr<const lane::write_ledger>> found(with_.where.control);
        each.where->ledger(each.sid, each.lun, found.answer());
        const auto ledger = co_await found.wait(lane_limit);
        if (!ledger) // the lane does not turn
            co_return;
        if (*ledger)
            ledgers_.push_back(*ledger);
    }
}

std::uint64_t session_stop::steps() const {
    std::uint64_t all = 0;
    for (const auto& each : ledgers_)
        all += each->ended_well();
    return all;
}

disk::flush_patience
session_stop::patience_of(iscsi::duration without_moves, iscsi::duration at_most) {
    return {without_moves, at_most, [self = shared_from_this()] { return self->steps(); }};
}

std::vector<attached_disk> session_stop::mortal_disks() const {
    std::vector<attached_disk> mortal;
    for (const auto& each : session_->disks_.attached())
        if (each.device && !each.state.node.empty() && !each.is_lost() &&
            !outlives_daemon(with_.disks, each.state))
            mortal.push_back(each);
    return mortal;
}

// A disk is told once: its users may come and go.
asio::awaitable<void> session_stop::look_at_users() {
    auto look = [with = with_.disks, disks = mortal_disks()] {
        return users_of_disks(with, disks);
    };
    auto users = co_await run_on(*with_.workers, std::move(look));
    for (const auto& each : users)
        if (!is_among(users_, each.lun_number))
            spdlog::warn("{}: the end waits for {}: {}", session_->name(), each.disk, each.who);
    users_ = std::move(users);
}

std::vector<attached_disk> session_stop::used_among(std::vector<attached_disk> disks) const {
    std::erase_if(disks, [this](const auto& disk) {
        return !is_among(users_, disk.state.lun_number);
    });
    return disks;
}

// At once, so that what was written before is safe whatever comes.
asio::awaitable<void> session_stop::flush_as_they_are(std::vector<attached_disk> disks) {
    const auto left = time_until(times_.users_until);
    const auto patience =
        patience_of(std::min(session_->plan_->session.timeouts.logout, left), left);
    auto flush = [with = with_.disks, disks = std::move(disks), patience] {
        return flush_disks(with, disks, patience);
    };
    const auto ends = co_await run_on(*with_.workers, std::move(flush));
    for (const auto& each : ends)
        if (!each.failure.empty())
            spdlog::warn(
                "{}: {} is not flushed yet: {}",
                session_->name(),
                name_of(each.disk.state),
                each.failure
            );
}

// A removal that gets on is waited for; one that does not ends with the time that there is.
asio::awaitable<void> session_stop::try_to_log_out() {
    net::pending<bool> ended(with_.where.control);
    const auto done = [told = ended.answer()](const std::exception_ptr&, const auto&) {
        told(true);
    };
    asio::co_spawn(with_.where.control, session_->log_out(), done);
    std::uint64_t steps_before = steps();
    for (;;) {
        const auto end = co_await ended.wait(times_.without_moves);
        if (end || is_over())
            co_return;
        const auto steps_now = steps();
        const bool moves = std::exchange(steps_before, steps_now) != steps_now;
        is_stuck_ = now() >= (moves ? times_.flush_until : times_.users_until);
        if (is_stuck_)
            co_return;
    }
}

// ---- when there is none -------------------------------------------------------------------------

asio::awaitable<void> session_stop::tell_what_is_left() {
    auto look = [lane = session_->lane_, disks = session_->disks_.attached()] {
        std::vector<std::string> losses;
        for (const auto& each : disks)
            if (auto words = possible_loss(*lane, each.state); !words.empty())
                losses.push_back(std::move(words));
        return losses;
    };
    spdlog::error("{}: the logout has not ended in time", session_->name());
    const auto ends = co_await run_on(*with_.workers, std::move(look));
    for (const auto& each : ends)
        spdlog::error("{}: {}", session_->name(), each);
}

asio::awaitable<void> session_stop::end_for_users() {
    const auto disks = mortal_disks();
    if (disks.empty())
        co_return;
    const auto patience = patience_of(times_.without_moves, time_until(times_.flush_until));
    auto end = [with = with_.disks, lane = session_->lane_, disks, patience] {
        return let_go_of(*lane, flush_disks(with, disks, patience));
    };
    const auto ends = co_await run_on(*with_.workers, std::move(end));
    for (const auto& each : ends) {
        const auto level = each.is_loss ? spdlog::level::err : spdlog::level::warn;
        spdlog::log(level, "{}: {}", session_->name(), each.line);
    }
    session_->connection_->stop();
    session_->lane_->logout(session_->sid_);
    co_await session_->connection_->wait_for_logout(logout_limit);
}

asio::awaitable<void>
run_all(const environment& with, std::vector<std::shared_ptr<session_stop>> stops) {
    std::vector<net::pending<bool>> under_way;
    for (const auto& each : stops) {
        auto& end = under_way.emplace_back(with.where.control);
        const auto done = [told = end.answer()](const std::exception_ptr& /*it ends anyway*/) {
            told(true);
        };
        asio::co_spawn(with.where.control, each->run(), done);
    }
    for (auto& each : under_way)
        co_await each.wait(very_long);
}

} // namespace iscsid::session
