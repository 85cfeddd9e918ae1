#include "iscsid/session/clock.hpp"
#include "iscsid/session/live_session.hpp"
#include "iscsid/session/log_events.hpp"
#include "iscsid/session/removal_wait.hpp"

#include "libiscsi/scsi/lun.hpp"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

// How a session ends: its disks first, then the Logout, then its place on the lane.
namespace iscsid::session {

namespace asio = boost::asio;
namespace net = iscsi::net;
using iscsi::admin::exit_code;

namespace {

constexpr iscsi::duration shortest_wait = std::chrono::milliseconds(1);

std::string words_of_losses(const std::vector<std::string>& losses) {
    return fmt::format("with losses: {}", fmt::join(losses, "; "));
}

void prepend(std::vector<std::string> first, std::vector<std::string>& to) {
    to.insert(
        to.begin(), std::make_move_iterator(first.begin()), std::make_move_iterator(first.end())
    );
}

} // namespace

asio::awaitable<void> live_session::remove_disks(std::shared_ptr<live_session> /*keeps it alive*/) {
    const auto timeout = plan_->session.timeouts.logout;
    const auto end = now() + timeout;
    co_await disks_.changes_end(timeout / 4);
    removal_report report;
    report.left = disks_.attached();
    if (heeds_users_ ||
        owner_.respects_users()) // before anything is done: a refused logout has changed nothing
        report.refusal = co_await disks_.user_of_left_disks();
    if (report.refusal.empty()) {
        co_await disks_.take_over_without_target(); // what was never taken over must go, too
        if (connection_->is_up())
            co_await disks_.fail_removed_units(std::min(presence_limit, timeout / 4));
        report = co_await detach();
    }
    disks_.keep(std::move(report.left));
    if (!report.refusal.empty()) {
        refuse_logout(report);
        co_return;
    }
    for (const auto& note : report.notes)
        spdlog::warn("{}: {}", name_, note);
    if (report.losses.empty())
        logout_ = logout_result{std::move(report.notes)};
    else
        logout_ = failure{
            exit_code::logout, fmt::format("logged out, {}", words_of_losses(report.losses))};
    const auto left = std::chrono::duration_cast<iscsi::duration>(end - now());
    time_to_close_ = is_cut_off_ ? shortest_wait : std::max(left, timeout / 4);
    on(happening::disks_removed);
}

void live_session::refuse_logout(const removal_report& report) {
    for (const auto& loss : report.losses)
        spdlog::error("{}: {}", name_, loss);
    if (std::exchange(told_refusal_, report.refusal) != report.refusal)
        spdlog::warn("{}: logout refused: {}", name_, report.refusal);
    logout_ = failure{exit_code::busy, report.refusal};
    if (!report.losses.empty())
        logout_->error().reason += ", " + words_of_losses(report.losses);
    on(happening::disks_in_use);
}

asio::awaitable<removal_report> live_session::detach() {
    if (disks_.attached().empty())
        co_return removal_report{};
    const auto quarter = plan_->session.timeouts.logout / 4;
    net::pending<removal_report> removal(with_.where.control);
    const auto progress = std::make_shared<removal_progress>();
    const auto whose =
        heeds_users_ || owner_.respects_users() ? users::are_respected : users::are_ignored;
    disks_.start_removal({whose, progress}, removal.answer());
    auto report = co_await wait_for_removal(removal, *progress, quarter);
    const bool gives_up = !report;
    std::vector<attached_disk> given_up;
    if (gives_up) {
        // The kernel waits for I/O that waits for a lost connection, or for a target that is
        // silent or busy: only the end of the session lets go of it.
        spdlog::warn("{}: unfinished I/O is given up", name_);
        connection_->stop();
        lane_->logout(sid_);
        given_up = shared_among(disks_.attached());
        for (const auto& each : given_up)
            give_up_other_paths(each);
        report = co_await removal.wait(quarter);
    }
    if (!report) {
        is_cut_off_ = true;
        with_.drop(sid_, [] {});
        report = co_await removal.wait(very_long);
    }
    for (const auto& each : given_up)
        fail_other_paths(each, 0);
    if (gives_up && !report->refusal.empty()) { // there is no session to go back to
        net::pending<removal_report> rest(with_.where.control);
        disks_.continue_removal(std::move(report->left), rest.answer());
        auto all = co_await rest.wait(very_long);
        prepend(std::move(report->losses), all->losses);
        prepend(std::move(report->notes), all->notes);
        co_return *std::move(all);
    }
    co_return *std::move(report);
}

// With or without the target's consent.
asio::awaitable<void> live_session::close(std::shared_ptr<live_session> /*keeps it alive*/) {
    connection_->stop();
    watch_.stop();
    lane_->logout(sid_);
    const bool in_time =
        co_await connection_->wait_for_logout(std::max(time_to_close_, shortest_wait));
    const bool is_regular = logout_ && logout_->has_value();
    const bool is_confirmed = in_time && connection_->was_logout_confirmed();
    if (is_regular && !is_confirmed) {
        spdlog::warn("{}: the target has not confirmed the logout", name_);
        (*logout_)->of.emplace_back("the target has not confirmed the logout");
    }
    co_await disks_.detached().clear();
    net::pending<bool> gone(with_.where.control);
    with_.drop(sid_, [told = gone.answer()] { told(true); });
    const auto let_go = co_await gone.wait(lane_limit);
    if (!let_go)
        spdlog::error("{}: the lane does not let go of it", name_);
    if (with_.disks.unsettled != nullptr)
        with_.disks.unsettled->part(sid_, is_regular && is_confirmed);
    if (logout_ && logout_->has_error())
        spdlog::error("{} is {}", name_, logout_->error().reason);
    else if (login_failure_)
        spdlog::log(
            events::login_failed,
            plan_->hears_failures ? spdlog::level::debug : spdlog::level::err,
            "{}: login failed: {}",
            name_,
            login_failure_->reason
        );
    else
        spdlog::log(events::logged_out, spdlog::level::info, "{} is logged out", name_);
    on(happening::lane_let_go);
}

namespace {

void add_meters(session_report& to) {
    for (const auto& unit : to.seen.units) {
        const auto number = scsi::lun_number(unit.lun);
        const auto known = std::ranges::find(to.luns, number, &lun_report::number);
        if (known != to.luns.end())
            known->io = unit.meter;
    }
}

} // namespace

asio::awaitable<std::optional<session_report>> live_session::report() {
    const auto self = shared_from_this();
    net::pending<lane::session_view> view(with_.where.control);
    lane_->look(sid_, view.answer());
    auto seen = co_await view.wait(lane_limit);
    if (!seen || !is_listed(phase_)) // it was dropped, or has failed meanwhile
        co_return std::nullopt;
    session_report all{
        {sid_, with_.host_of(sid_), plan_, connection_->peer(), connection_->local()}};
    all.internal_state = connection_->internal_state();
    all.is_in_login = is_being_made(phase_);
    all.is_in_logout = is_being_ended();
    all.seen = *seen;
    all.luns = disks_.report();
    add_meters(all);
    co_return all;
}

} // namespace iscsid::session
