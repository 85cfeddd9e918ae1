#include "iscsid/session/manager_entry.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <utility>

// The disks of sessions that run: rescans, identity, and those of a daemon that has died.
namespace iscsid::session {

namespace admin = iscsi::admin;
namespace asio = boost::asio;
namespace net = iscsi::net;
using admin::exit_code;

namespace {

constexpr auto command_limit = std::chrono::seconds(60);
constexpr auto pause = std::chrono::milliseconds(20);

std::string hex_of(const iscsi::isid_field& isid) {
    std::string text;
    for (const auto each : isid)
        text += fmt::format("{:02x}", static_cast<unsigned>(each));
    return text;
}

asio::awaitable<iscsi::result<lane::scsi_outcome>>
execute_on(lane::lane& home, lane::session_key sid, const iscsi::command& what) {
    net::pending<lane::scsi_outcome> ended(co_await asio::this_coro::executor);
    home.execute(sid, what, ended.answer());
    auto outcome = co_await ended.wait(command_limit);
    if (!outcome || outcome->done.outcome == iscsi::task_result::lost)
        co_return iscsi::fault{
            iscsi::to_error_code(iscsi::session_errc::not_usable), "scan", "connection lost", {}};
    outcome->done.sense = outcome->sense_bytes; // which has moved
    co_return *std::move(outcome);
}

} // namespace

device::disk_state manager::words_of(const entry& which) {
    device::disk_state state;
    state.sid = which.sid;
    state.index = which.index;
    state.target = which.plan.node.target;
    state.portal_address = which.plan.node.address;
    state.portal_port = which.plan.node.port;
    state.portal_group_tag = which.plan.node.group_tag;
    state.interface = which.plan.node.interface;
    if (which.watch && !which.watch->peer().address().is_unspecified())
        state.peer_address = which.watch->peer().address().to_string();
    state.isid = hex_of(which.plan.session.isid);
    return state;
}

bool manager::respects_users() const {
    return settings_.config.daemon_value("iscsid.safe_logout") != "No";
}

// ---- looking again ------------------------------------------------------------------------------

asio::awaitable<admin::rescan_progress> manager::rescan(lane::session_key sid) {
    const auto found = sessions_.find(sid);
    if (found == sessions_.end() || found->second->now == entry::phase::logging_in)
        co_return admin::rescan_progress{sid, exit_code::session_not_found, "no such session"};
    const entry_pointer which = found->second;
    co_await let_scan_end(which, very_long); // bounded by what the scan itself waits for
    if (which->now != entry::phase::running)
        co_return admin::rescan_progress{
            sid, exit_code::internal, "the session is being logged out"};
    which->is_scanned = true;
    which->finds_new_luns = which->list_changed = true;
    std::vector<std::string> warnings;
    const auto trouble = co_await scan_once(which, warnings);
    which->is_scanned = false;
    if (which->scan_again)
        look_again(sid, false);
    if (trouble)
        co_return admin::rescan_progress{sid, exit_code::session_not_connected, *trouble};
    co_return admin::rescan_progress{sid, exit_code::success, {}, std::move(warnings)};
}

// The session is back, has been given up for now, or a LUN says that it has changed.
void manager::look_again(lane::session_key sid, bool list_changed) {
    const auto found = sessions_.find(sid);
    if (found == sessions_.end())
        return;
    const entry_pointer& which = found->second;
    which->scan_again = true; // in any case: a logout may be refused
    which->list_changed |= list_changed;
    if (which->now == entry::phase::running && !std::exchange(which->is_scanned, true))
        asio::co_spawn(with_.where.control, scan_in_turn(which), asio::detached);
}

asio::awaitable<void> manager::scan_in_turn(entry_pointer which) {
    while (which->now == entry::phase::running && std::exchange(which->scan_again, false)) {
        which->finds_new_luns = which->plan.scan;
        std::vector<std::string> warnings; // which are in the log
        const auto trouble = co_await scan_once(which, warnings);
        if (trouble && which->now == entry::phase::running)
            spdlog::warn("{}: its LUNs could not be looked at: {}", which->name(), *trouble);
    }
    which->is_scanned = false;
}

// What went wrong, if something did.
// A target that has just come back may not have all its LUNs yet: the word that its list has
// changed counts for the list that is asked for after it, on that connection.
asio::awaitable<std::optional<std::string>>
manager::scan_once(entry_pointer which, std::vector<std::string>& warnings) {
    const bool list_changed = std::exchange(which->list_changed, false);
    if (!which->watch->is_up()) {
        if (which->watch->has_given_up())
            co_await adopt_without_target(which);
        co_return "the session is not connected";
    }
    auto seen = co_await scan_on_lane(which);
    if (seen.has_error())
        co_return seen.error().text();
    if (which->now != entry::phase::running) {
        which->scan_again = true; // should the logout be refused
        which->list_changed |= list_changed;
        co_return "the session is being logged out";
    }
    warnings = co_await change_disks(which, *std::move(seen), list_changed);
    co_return std::nullopt;
}

asio::awaitable<iscsi::result<device::scan_result>> manager::scan_on_lane(entry_pointer which) {
    const device::execute_function execute = [which](const iscsi::command& what) {
        return execute_on(*which->home, which->sid, what);
    };
    co_return co_await device::scan(execute);
}

asio::awaitable<std::vector<std::string>>
manager::change_disks(entry_pointer which, device::scan_result seen, bool list_changed) {
    auto changes =
        changes_of(which->disks, which->orphans, seen, words_of(*which), which->finds_new_luns);
    if (!list_changed)
        changes.remove.clear();
    which->found = seen.disks;
    auto warnings = co_await apply(which, std::move(changes));
    look_later_if_needed(which);
    co_return warnings;
}

// A unit that could not say who it is will not tell when it can: it is asked again, at growing
// intervals.
void manager::look_later_if_needed(const entry_pointer& which) {
    constexpr unsigned most_doublings = 5;
    if (std::ranges::none_of(which->disks, &attached_disk::unverified)) {
        which->looks_in_vain = 0;
        which->later.cancel();
        return;
    }
    which->later.expires_after(
        with_.first_pause_of_looks * (1U << std::min(which->looks_in_vain++, most_doublings))
    );
    which->later.async_wait([this, sid = which->sid](const boost::system::error_code& ended) {
        if (!ended)
            look_again(sid, false);
    });
}

// Before anything is done to them: a logout that is refused must have changed nothing.
asio::awaitable<std::string> manager::user_of_orphans(entry_pointer which) {
    if (which->orphans.empty() || !respects_users())
        co_return std::string();
    auto look = [orphans = which->orphans] { return user_of(orphans); };
    auto found = co_await net::run_blocking(with_.where.workers, std::move(look), very_long);
    co_return found.value_or(std::string());
}

// Their users have waited for as long as they were promised: now they hear errors, until the target
// is back and shows that the LUNs are the same.
asio::awaitable<void> manager::adopt_without_target(entry_pointer which) {
    if (which->orphans.empty())
        co_return;
    disk_changes changes;
    changes.adopt = which->orphans;
    for (const auto& orphan : which->orphans)
        which->home->bar(which->sid, orphan.lun, ENOLINK);
    co_await apply(which, std::move(changes));
    for (auto& each : which->disks)
        each.barred = each.unverified = true;
}

asio::awaitable<std::vector<std::string>>
manager::apply(entry_pointer which, disk_changes changes) {
    auto work = [with = with_.disks,
                 home = which->home,
                 disks = which->disks,
                 changes = std::move(changes)]() mutable {
        return apply_changes(with, *home, std::move(disks), std::move(changes));
    };
    which->is_changed = true;
    auto report = co_await net::run_blocking(with_.where.workers, std::move(work), very_long);
    which->is_changed = false;
    which->disks = std::move(report->disks);
    which->orphans.clear();
    for (const auto& line : report->news)
        spdlog::info("{}: {}", which->name(), line);
    for (const auto& line : report->troubles)
        spdlog::error("{}: {}", which->name(), line);
    co_return std::move(report->warnings);
}

asio::awaitable<void> manager::let_scan_end(entry_pointer which, iscsi::duration limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    asio::steady_timer timer(with_.where.control);
    while (which->is_scanned && std::chrono::steady_clock::now() < end) {
        timer.expires_after(pause);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

// A logout does not wait for the target, which a scan may.
asio::awaitable<void> manager::let_changes_end(entry_pointer which) {
    asio::steady_timer timer(with_.where.control);
    while (which->is_changed) {
        timer.expires_after(pause);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

// ---- after another daemon -----------------------------------------------------------------------

outcome<manager::entry_pointer> manager::open_again(const device::disk_state& state) {
    const admin::node_id node{
        state.target,
        state.portal_address,
        state.portal_port,
        state.portal_group_tag,
        state.interface};
    auto record = find_record(node);
    if (record.has_error()) { // deleted meanwhile, or damaged: the session must go on
        spdlog::warn(
            "{} at {}: its record is not there ({}), the settings of iscsid.conf hold",
            state.target,
            state.portal_address,
            record.error().reason
        );
        record = record_of(node);
    }
    auto plan = plan_login(*record, settings_.identity, state.index);
    if (plan.has_error())
        return failure{exit_code::invalid, plan.error().text()};
    complete(*plan);
    auto made =
        std::make_shared<entry>(state.sid, state.index, *std::move(plan), with_.where.control);
    if (hex_of(made->plan.session.isid) != state.isid)
        spdlog::warn("{}: its ISID is another one now, old tasks may still run", made->name());
    return made;
}

void manager::restore(std::vector<device::disk_state> left) {
    for (auto& state : left) {
        next_sid_ = std::max(next_sid_, state.sid + 1);
        const auto which = restored_entry(state);
        if (which.has_error()) {
            spdlog::error("{} is left alone: {}", state.node, which.error().reason);
            continue;
        }
        (*which)->found.push_back({state.lun, state.lun_number, state.properties});
        (*which)->orphans.push_back(std::move(state));
    }
    for (const auto& [sid, which] : sessions_)
        resume(which);
}

// Disks of one session share an entry.
outcome<manager::entry_pointer> manager::restored_entry(const device::disk_state& state) {
    if (const auto found = sessions_.find(state.sid); found != sessions_.end())
        return found->second;
    auto opened = open_again(state);
    if (opened.has_value())
        sessions_.emplace(state.sid, *opened);
    return opened;
}

// Its name may not be resolved before its disk is back.
net::endpoint manager::last_peer_of(const entry& which) {
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(which.orphans.front().peer_address, error);
    return error ? net::endpoint() : net::endpoint(address, which.plan.node.port);
}

// A session that lives on its lane from the start: there it connects, and is given up, as after any
// loss of its connection.
void manager::resume(const entry_pointer& which) {
    iscsi::session engine(which->plan.session);
    std::vector<iscsi::lun_field> units;
    for (const auto& orphan : which->orphans) {
        units.push_back(orphan.lun);
        if (lane::ends_old_tasks(orphan.properties))
            engine.trust_reinstatement(orphan.lun);
    }
    engine.resume(units, std::chrono::steady_clock::now());
    supervisor::charge charge{which->sid, which->plan, last_peer_of(*which), {}};
    charge.resumes = true;
    watch_over(which, std::move(charge));
    which->home = &with_.adopt(which->sid, std::move(engine), -1, which->watch->ear());
    which->watch->moved_in(*which->home);
    which->now = entry::phase::running;
    spdlog::info(
        "{}: goes on for a daemon that has ended, {} disk(s)", which->name(), which->orphans.size()
    );
}

bool manager::outlives(const entry& which) const {
    const auto stays = [this](const device::disk_state& state) {
        return outlives_daemon(with_.disks, state);
    };
    return which.disks.size() + which.orphans.size() > 0 &&
           std::ranges::all_of(which.disks, stays, &attached_disk::state) &&
           std::ranges::all_of(which.orphans, stays);
}

bool manager::all_outlive() const {
    return std::ranges::all_of(sessions_, [this](const auto& each) {
        return outlives(*each.second);
    });
}

void manager::hand_over() {
    shutting_down_ = true;
    for (const auto& [sid, which] : sessions_) {
        if (which->watch)
            which->watch->stop();
        if (which->now == entry::phase::running)
            which->now = entry::phase::logging_out;
    }
}

} // namespace iscsid::session
