#include "iscsid/session/live_session.hpp"

#include "iscsid/session/clock.hpp"
#include "iscsid/session/isid.hpp"
#include "iscsid/session/live_changes.hpp"
#include "iscsid/session/log_events.hpp"
#include "iscsid/session/log_subject.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace iscsid::session {

namespace asio = boost::asio;
namespace net = iscsi::net;
using iscsi::admin::exit_code;

namespace {

// Its name may not be resolved before its disk is back.
net::endpoint last_peer_of(const device::disk_state& left, std::uint16_t port) {
    boost::system::error_code error;
    const auto address = asio::ip::make_address(left.peer_address, error);
    return error ? net::endpoint() : net::endpoint(address, port);
}

// Why nothing can be asked of its LUNs, if so.
std::optional<failure> refusal_in(phase now) {
    if (is_being_made(now))
        return failure{exit_code::session_not_connected, "its login is under way"};
    if (!is_established(now))
        return failure{exit_code::session_not_found, "no such session"};
    return std::nullopt;
}

} // namespace

live_session::live_session(
    lane::session_key sid,
    unsigned index,
    login_plan plan,
    const environment& with,
    session_owner owner
)
    : with_(with)
    , owner_(std::move(owner))
    , sid_(sid)
    , index_(index)
    , plan_(std::make_shared<login_plan>(std::move(plan)))
    , name_(full_name(sid, plan_->node))
    , changed_(
          with.where.control,
          [this] {
              if (with_.changed)
                  with_.changed(sid_);
          }
      )
    , disks_(with, changed_, sid, name_)
    , watch_({with, changed_, disks_, phase_, name_, plan_->scan, [this] {
                  return new_disk_of(sid_, index_, *plan_, connection_->peer());
              }}) {}

void live_session::on(happening what) {
    const auto step = advance(phase_, what);
    phase_ = step.next;
    perform(step.what);
    changed_.notify_all();
}

void live_session::perform(action what) {
    const auto spawn = [this](asio::awaitable<void> job) {
        asio::co_spawn(with_.where.control, std::move(job), asio::detached);
    };
    switch (what) {
    case action::none:
        return;
    case action::look_at_luns:
        return spawn(look_first(shared_from_this()));
    case action::announce:
        spdlog::log(events::session_up, spdlog::level::info, "{} is operational now", name_);
        if (!disks_.attached().empty() && !disks_.outlive_daemon())
            spdlog::info("{}: its disks end with this iscsid", name_);
        // What happened while the disks were made was put off until now.
        return connection_->has_ended() ? on(happening::session_over) : watch_.catch_up();
    case action::remove_disks:
        logout_.reset();
        return spawn(remove_disks(shared_from_this()));
    case action::resume_work:
        return watch_.catch_up();
    case action::close:
        return spawn(close(shared_from_this()));
    case action::finish:
        if (with_.disks.shares != nullptr)
            with_.disks.shares->gone(sid_);
        return owner_.forget(sid_);
    }
}

// Every session is born on its lane, without a connection.
void live_session::move_in(iscsi::session engine, bool resumes) {
    supervisor::subject subject{sid_, plan_, {}, resumes};
    if (resumes)
        subject.peer = last_peer_of(disks_.left_disks().front(), plan_->node.port);
    connection_ = std::make_shared<supervisor>(std::move(subject), with_.where, listeners());
    lane_ = &with_.adopt(sid_, std::move(engine), -1, connection_->note_handler());
    connection_->moved_in(*lane_);
    if (with_.disks.unsettled != nullptr)
        with_.disks.unsettled->greet(*lane_, sid_, plan_->node.target);
    disks_.move_to(*lane_);
    watch_.follow(*connection_, std::shared_ptr<lun_watch>(shared_from_this(), &watch_));
}

supervisor::listeners live_session::listeners() {
    const auto weak = weak_from_this();
    supervisor::listeners to;
    to.logged_in = [weak] {
        if (const auto self = weak.lock())
            self->logged_in();
    };
    to.login_failed = [weak](const failure& why) {
        if (const auto self = weak.lock())
            self->login_failed(why);
    };
    to.over = [weak] {
        if (const auto self = weak.lock()) {
            self->lane_->logout(self->sid_);
            self->on(happening::session_over);
        }
    };
    to.lost = [weak] {
        if (const auto self = weak.lock())
            self->changed_.notify_all();
    };
    to.look_again = [weak](bool list_changed) {
        if (const auto self = weak.lock())
            self->watch_.look_again(list_changed);
    };
    to.disk_of = [weak](const iscsi::lun_field& lun) {
        const auto self = weak.lock();
        return self ? self->disks_.node_of(lun) : std::string();
    };
    return to;
}

// ---- after another daemon -----------------------------------------------------------------------

void live_session::resume(std::vector<device::disk_state> left, std::set<std::uint64_t> detached) {
    disks_.detached().inherit(std::move(detached));
    iscsi::session engine(plan_->session);
    std::vector<iscsi::lun_field> units;
    for (const auto& each : left) {
        units.push_back(each.lun);
        if (lane::ends_old_tasks(each.properties) && !plan_->may_be_unknown)
            engine.trust_reinstatement(each.lun);
    }
    if (plan_->may_be_unknown)
        spdlog::warn("{}: its target may take it for another one, old tasks may still run", name_);
    engine.resume(units, now());
    for (auto& each : left)
        disks_.inherit(std::move(each));
    move_in(std::move(engine), true);
    if (with_.disks.shares != nullptr)
        with_.disks.shares->resume(*lane_, *plan_, disks_.left_disks());
    on(happening::resumed);
    spdlog::info("{}: goes on for a daemon that has ended, {} disk(s)", name_, units.size());
}

void live_session::hand_over() {
    if (connection_)
        connection_->stop();
    login_failure_ = failure{exit_code::daemon_not_connected, "iscsid is shutting down"};
    on(happening::daemon_ends);
}

// ---- while it runs ------------------------------------------------------------------------------

asio::awaitable<outcome<rescan_result>> live_session::rescan(rescan_of what) {
    const auto self = shared_from_this();
    if (const auto refused = refusal_in(phase_))
        co_return *refused;
    if (what == rescan_of::disks)
        co_return co_await watch_.look_at_disks();
    co_return co_await watch_.look_now();
}

asio::awaitable<outcome<lun_result>> live_session::attach_lun(std::uint64_t number) {
    const auto self = shared_from_this();
    if (const auto refused = refusal_in(phase_))
        co_return *refused;
    co_return co_await watch_.attach(number);
}

asio::awaitable<outcome<lun_result>> live_session::detach_lun(std::uint64_t number) {
    const auto self = shared_from_this();
    if (const auto refused = refusal_in(phase_))
        co_return *refused;
    const auto whose = owner_.respects_users() ? users::are_respected : users::are_ignored;
    const lun_watch::detach_orders how{whose, plan_->session.timeouts.logout};
    co_return co_await watch_.detach(number, how);
}

// Beside the looks, not in turn with them: it changes nothing, and somebody waits.
asio::awaitable<outcome<luns_result>> live_session::describe_luns() {
    const auto self = shared_from_this();
    if (const auto refused = refusal_in(phase_))
        co_return *refused;
    luns_result told;
    if (connection_->is_up()) {
        auto seen = co_await disks_.describe();
        if (seen) {
            told.luns = *std::move(seen);
            co_return told;
        }
    }
    told.of.emplace_back("the target cannot be asked, only the disks that there are are shown");
    told.luns = disks_.describe_disks();
    co_return told;
}

std::optional<session_outline> live_session::outline() const {
    if (!is_established(phase_))
        return std::nullopt;
    session_outline all{
        {sid_, with_.host_of(sid_), plan_, connection_->peer(), connection_->local()}};
    all.is_up = connection_->is_up();
    all.has_left_disks = !disks_.left_disks().empty();
    all.disks = disks_.describe_disks();
    return all;
}

asio::awaitable<outcome<fail_io_result>> live_session::fail_io() {
    const auto self = shared_from_this();
    if (const auto refused = refusal_in(phase_))
        co_return *refused;
    net::pending<std::optional<std::size_t>> ended(with_.where.control);
    lane_->give_up(sid_, ended.answer());
    const auto answer = co_await ended.wait(lane_limit);
    if (!answer)
        co_return failure{exit_code::internal, "the lane does not answer"};
    if (!*answer)
        co_return failure{
            exit_code::invalid_request,
            "the session is logged in or is being logged out: nothing waits for a connection"};
    co_return fail_io_result{**answer};
}

outcome<change_result> live_session::change(
    const planner& plans,
    const outcome<iscsi::admin::record>& node,
    const std::vector<std::string>& keys
) {
    if (const auto refused = refusal_in(phase_))
        return *refused;
    if (node.has_error())
        return node.error();
    const auto fresh = plans.plan_login(*node, index_);
    if (fresh.has_error())
        return fresh.error();
    auto result = take_over(keys, *fresh, *plan_);
    if (result.now.empty() && result.at_login.empty())
        return result;
    lane_->change(sid_, plan_->session);
    for (const auto& key : result.now)
        spdlog::info("{}: {} is as its record says, from now on", name_, key);
    for (const auto& key : result.at_login)
        spdlog::info("{}: {} is as its record says, from its next login on", name_, key);
    return result;
}

asio::awaitable<outcome<reservation_result>> live_session::reserve(reservation_request what) {
    const auto self = shared_from_this();
    if (const auto refused = refusal_in(phase_))
        co_return *refused;
    if (!connection_->is_up())
        co_return failure{exit_code::session_not_connected, "the session is not connected"};
    const auto& row = iscsi::admin::row_of(what.verb);
    auto result = co_await run_reservation(*lane_, sid_, what);
    if (row.changes())
        spdlog::info("{}: {}: {}", name_, words_of(what), ending_words(result));
    co_return std::move(result);
}

} // namespace iscsid::session
