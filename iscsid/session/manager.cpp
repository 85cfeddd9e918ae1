#include "iscsid/session/describe.hpp"
#include "iscsid/session/manager_entry.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <set>

namespace iscsid::session {

namespace admin = iscsi::admin;
namespace asio = boost::asio;
namespace net = iscsi::net;
using admin::exit_code;

std::string label(lane::session_key sid, const login_plan& plan) {
    return fmt::format(
        "session {} [iface: {}, target: {}, portal: {},{}]",
        sid,
        plan.node.interface,
        plan.node.target,
        plan.node.address,
        plan.node.port
    );
}

namespace {

constexpr auto pause_before_insisting = std::chrono::milliseconds(500);
constexpr iscsi::duration shortest_wait = std::chrono::milliseconds(1);

failure from_plan(const iscsi::fault& why) {
    const bool no_name = why.code == iscsi::to_error_code(plan_errc::no_initiator_name);
    const bool transport = why.code == iscsi::to_error_code(plan_errc::transport_not_supported);
    const auto code = no_name     ? exit_code::login
                      : transport ? exit_code::transport_not_found
                                  : exit_code::invalid;
    return {code, why.text()};
}

} // namespace

manager::manager(surroundings with, current_settings settings)
    : with_(std::move(with)), settings_(std::move(settings)) {}

manager::~manager() = default;

void manager::use(current_settings settings) {
    settings_ = std::move(settings);
}

outcome<admin::record> manager::find_record(const admin::node_id& node) const {
    auto found = with_.records->find(node);
    if (found.has_error())
        return failure{exit_code::database, found.error().text()};
    if (!found->has_value())
        return failure{exit_code::no_objects_found, "no record of " + node.target};
    return **std::move(found);
}

admin::record manager::record_of(const admin::node_id& node) const {
    auto record = settings_.config.new_node();
    const admin::key_values words{
        {"node.name", node.target},
        {"node.tpgt", std::to_string(node.group_tag)},
        {"node.conn[0].address", node.address},
        {"node.conn[0].port", std::to_string(node.port)},
        {"iface.iscsi_ifacename", node.interface}};
    for (const auto& [key, value] : words)
        static_cast<void>(record.set(key, value));
    return record;
}

// What a session shares with the others, or has from iscsid.conf.
void manager::complete(login_plan& plan) const {
    plan.session.auth.watch = challenges_;
    plan.session.replay_barrier =
        replay_barrier_of(settings_.config.daemon_value("iscsid.replay_barrier"));
}

outcome<unsigned> manager::sessions_to_make(const admin::node_id& node) const {
    const auto record = find_record(node);
    if (record.has_error())
        return record.error();
    return missing_sessions(*record);
}

outcome<unsigned> manager::missing_sessions(const admin::record& record) const {
    const auto node = admin::id_of(record);
    const auto wanted = std::max<std::int64_t>(1, record.get_integer("node.session.nr_sessions"));
    const auto present = std::count_if(sessions_.begin(), sessions_.end(), [&](const auto& each) {
        return is_same_path(each.second->plan.node, node);
    });
    if (present >= wanted)
        return failure{
            exit_code::session_exists,
            fmt::format("{} session(s) requested, but {} already present", wanted, present)};
    return static_cast<unsigned>(wanted - present);
}

// Indexes are used again, so that a session that comes back has the ISID that it had.
unsigned manager::free_index(const admin::node_id& node) const {
    const auto is_taken = [&](unsigned index) {
        return std::any_of(sessions_.begin(), sessions_.end(), [&](const auto& each) {
            return is_same_path(each.second->plan.node, node) && each.second->index == index;
        });
    };
    unsigned index = 0;
    while (is_taken(index))
        ++index;
    return index;
}

outcome<manager::entry_pointer> manager::open_entry(const admin::node_id& node) {
    if (shutting_down_)
        return failure{exit_code::daemon_not_connected, "iscsid is shutting down"};
    if (with_.disks.driver == nullptr)
        return failure{exit_code::transport_not_found, with_.no_driver};
    const auto record = find_record(node);
    if (record.has_error())
        return record.error();
    // Asked again here, where nothing can come between: two clients may have counted together.
    if (const auto missing = missing_sessions(*record); missing.has_error())
        return missing.error();
    const unsigned index = free_index(admin::id_of(*record));
    auto plan = plan_login(*record, settings_.identity, index);
    if (plan.has_error())
        return from_plan(plan.error());
    complete(*plan);
    const auto sid = next_sid_++;
    auto made = std::make_shared<entry>(sid, index, *std::move(plan), with_.where.control);
    sessions_.emplace(sid, made);
    return made;
}

asio::awaitable<admin::login_progress> manager::login(admin::node_id node, std::uint32_t index) {
    auto opened = open_entry(node);
    if (opened.has_error()) {
        spdlog::error("no login to {}: {}", node.target, opened.error().reason);
        co_return admin::login_progress{index, opened.error().code, opened.error().reason, 0};
    }
    const entry_pointer which = *opened;
    const auto result = co_await establish(which);
    which->login_over.answer()(true);
    if (result.has_value())
        co_return admin::login_progress{index, exit_code::success, {}, which->sid};
    sessions_.erase(which->sid);
    spdlog::error("{}: login failed: {}", which->name(), result.error().reason);
    co_return admin::login_progress{index, result.error().code, result.error().reason, 0};
}

asio::awaitable<outcome<bool>> manager::establish(entry_pointer which) {
    auto fresh = co_await run_login(which);
    if (!fresh)
        co_return failure{exit_code::login, "the login was cancelled"};
    if (fresh->has_error())
        co_return fresh->error();
    adopt(which, *std::move(*fresh));
    const auto attached = co_await attach(which);
    if (attached.has_error()) {
        co_await close(which, which->plan.session.timeouts.logout);
        co_return attached.error();
    }
    which->now = entry::phase::running;
    spdlog::info("{} is operational now", which->name());
    // What was told while the disks were made.
    if (which->watch->has_ended())
        abandon(which->sid);
    else if (which->scan_again)
        look_again(which->sid, false);
    co_return true;
}

// Nothing when the login was cancelled.
asio::awaitable<std::optional<outcome<fresh_session>>> manager::run_login(entry_pointer which) {
    std::optional<outcome<fresh_session>> result;
    const auto job = [&]() -> asio::awaitable<void> {
        result = co_await with_.log_in(which->plan);
    };
    try {
        co_await asio::co_spawn(
            with_.where.control,
            job,
            asio::bind_cancellation_slot(which->cancel.slot(), asio::use_awaitable)
        );
    } catch (const std::exception& cancelled) {
        spdlog::debug("{}: {}", which->name(), cancelled.what());
        result.reset();
    }
    co_return result;
}

void manager::watch_over(const entry_pointer& which, supervisor::charge charge) {
    which->watch = std::make_shared<supervisor>(
        std::move(charge),
        with_.where,
        supervisor::ears{
            [this, sid = which->sid] { abandon(sid); },
            [this, sid = which->sid](bool list_changed) { look_again(sid, list_changed); }}
    );
}

void manager::adopt(const entry_pointer& which, fresh_session fresh) {
    which->found = std::move(fresh.found.disks);
    watch_over(which, {which->sid, which->plan, fresh.link.peer, fresh.link.local});
    which->home = &with_.adopt(
        which->sid, std::move(fresh.engine), net::release(fresh.link.over), which->watch->ear()
    );
    which->watch->moved_in(*which->home);
}

// Some LUNs without a disk are a warning; no disk at all, where there should be some, is a failure.
asio::awaitable<outcome<bool>> manager::attach(entry_pointer which) {
    std::vector<device::disk_state> wanted;
    for (const auto& each : which->found) {
        auto& state = wanted.emplace_back(words_of(*which));
        state.lun = each.lun;
        state.lun_number = each.number;
        state.properties = each.properties;
    }
    if (wanted.empty())
        co_return true;
    auto work = [with = with_.disks, home = which->home, wanted = std::move(wanted)]() mutable {
        return attach_all(with, *home, std::move(wanted));
    };
    auto report = co_await net::run_blocking(with_.where.workers, std::move(work), very_long);
    for (const auto& line : report->failures)
        spdlog::error("{}: {}", which->name(), line);
    which->disks = std::move(report->disks);
    if (which->disks.empty())
        co_return failure{exit_code::error, fmt::format("{}", fmt::join(report->failures, "; "))};
    co_return true;
}

asio::awaitable<admin::logout_progress> manager::logout(lane::session_key sid) {
    const auto found = sessions_.find(sid);
    if (found == sessions_.end())
        co_return admin::logout_progress{sid, exit_code::session_not_found, "no such session"};
    const entry_pointer which = found->second;
    if (which->now == entry::phase::logging_in)
        co_await cancel_login(which);
    if (sessions_.count(sid) == 0)
        co_return admin::logout_progress{sid, exit_code::success, {}};
    if (!which->orphans.empty() && which->watch->is_up()) // a healthy end for them needs the scan
        co_await let_scan_end(which, which->plan.session.timeouts.logout);
    co_await let_changes_end(which);
    if (which->now != entry::phase::running)
        co_return admin::logout_progress{
            sid, exit_code::internal, "the session is being logged in or out"};
    auto result = co_await take_down(which);
    if (result.has_error())
        co_return admin::logout_progress{sid, result.error().code, result.error().reason};
    co_return admin::logout_progress{sid, exit_code::success, {}, *std::move(result)};
}

asio::awaitable<void> manager::cancel_login(entry_pointer which) {
    which->cancel.emit(asio::cancellation_type::terminal);
    co_await which->login_over.wait(which->plan.session.timeouts.logout);
}

asio::awaitable<outcome<std::vector<std::string>>> manager::take_down(entry_pointer which) {
    which->now = entry::phase::logging_out;
    const auto timeout = which->plan.session.timeouts.logout;
    const auto end = std::chrono::steady_clock::now() + timeout;
    removal_report report;
    report.refusal = co_await user_of_orphans(which);
    report.left = which->disks;
    if (report.refusal.empty()) {
        co_await adopt_without_target(which); // what was never taken over must go, too
        report = co_await detach(which);
    }
    which->disks = std::move(report.left);
    if (!report.refusal.empty()) {
        for (const auto& loss : report.losses)
            spdlog::error("{}: {}", which->name(), loss);
        which->now = entry::phase::running;
        if (std::exchange(which->told_refusal, report.refusal) != report.refusal)
            spdlog::warn("{}: logout refused: {}", which->name(), report.refusal);
        if (which->scan_again)
            look_again(which->sid, false);
        co_return failure{exit_code::busy, report.refusal};
    }
    const auto left =
        std::chrono::duration_cast<iscsi::duration>(end - std::chrono::steady_clock::now());
    co_await close(which, which->is_cut_off ? shortest_wait : std::max(left, timeout / 4));
    sessions_.erase(which->sid);
    for (const auto& note : report.notes)
        spdlog::warn("{}: {}", which->name(), note);
    if (!report.losses.empty()) {
        const auto losses = fmt::format("{}", fmt::join(report.losses, "; "));
        spdlog::error("{} is logged out, with losses: {}", which->name(), losses);
        co_return failure{exit_code::logout, losses};
    }
    spdlog::info("{} is logged out", which->name());
    co_return std::move(report.notes);
}

asio::awaitable<removal_report> manager::detach(entry_pointer which) {
    if (which->disks.empty())
        co_return removal_report{};
    net::pending<removal_report> removal(with_.where.control);
    post_removal(
        which,
        take_devices(which->disks),
        respects_users() ? users::are_respected : users::are_ignored,
        removal.answer()
    );
    const auto quarter = which->plan.session.timeouts.logout / 4;
    std::optional<removal_report> report;
    for (int waited = 0; !report && (co_await has_moved(which) || waited < 3); ++waited)
        report = co_await removal.wait(quarter);
    const bool gives_up = !report;
    if (gives_up) {
        // The kernel waits for I/O that waits for a lost connection, or for a target that is
        // silent: only the end of the session lets go of it.
        spdlog::warn("{}: unfinished I/O is given up", which->name());
        which->watch->stop();
        which->home->logout(which->sid);
        report = co_await removal.wait(quarter);
    }
    if (!report) {
        which->is_cut_off = true;
        with_.drop(which->sid, [] {});
        report = co_await removal.wait(very_long);
    }
    if (gives_up && !report->refusal.empty()) { // there is no session to go back to
        net::pending<removal_report> rest(with_.where.control);
        post_removal(which, std::move(report->left), users::are_ignored, rest.answer());
        auto losses = std::move(report->losses);
        auto notes = std::move(report->notes);
        report = co_await rest.wait(very_long);
        report->losses.insert(report->losses.begin(), losses.begin(), losses.end());
        report->notes.insert(report->notes.begin(), notes.begin(), notes.end());
    }
    co_return *std::move(report);
}

void manager::post_removal(
    const entry_pointer& which,
    std::vector<attached_disk> disks,
    users whose,
    std::function<void(removal_report)> done
) {
    asio::post(
        with_.where.workers,
        [with = with_.disks,
         home = which->home,
         disks = std::move(disks),
         whose,
         done = std::move(done)]() mutable {
            done(remove_all(with, *home, std::move(disks), whose));
        }
    );
}

// A flush may take its time, as long as the target answers.
asio::awaitable<bool> manager::has_moved(entry_pointer which) {
    net::pending<lane::session_view> view(with_.where.control);
    which->home->look(which->sid, view.answer());
    const auto seen = co_await view.wait(lane_limit);
    if (!seen)
        co_return false;
    const auto answers = seen->statistics.scsirsp_pdus;
    co_return std::exchange(which->answers_seen, answers) != answers;
}

// The end of a session that is on a lane, with or without the target's consent.
asio::awaitable<void> manager::close(entry_pointer which, iscsi::duration within) {
    which->watch->stop();
    which->home->logout(which->sid);
    if (!co_await which->watch->wait_for_logout(std::max(within, shortest_wait)))
        spdlog::warn("{}: no end of the logout in time", which->name());
    net::pending<bool> gone(with_.where.control);
    with_.drop(which->sid, [told = gone.answer()] { told(true); });
    if (!co_await gone.wait(lane_limit))
        spdlog::error("{}: the lane does not let go of it", which->name());
}

// The session ended by itself. Its disks fail all I/O now; they go as soon as nobody uses them.
void manager::abandon(lane::session_key sid) {
    const auto found = sessions_.find(sid);
    if (found == sessions_.end() || found->second->now != entry::phase::running)
        return;
    found->second->home->logout(sid);
    asio::co_spawn(with_.where.control, logout(sid), asio::detached);
}

asio::awaitable<std::vector<admin::session_info>>
manager::list(std::optional<lane::session_key> only) {
    std::vector<entry_pointer> wanted;
    for (const auto& [sid, which] : sessions_)
        if (which->now != entry::phase::logging_in && sid == only.value_or(sid))
            wanted.push_back(which);
    std::vector<admin::session_info> all;
    for (const auto& which : wanted)
        if (auto info = co_await describe_entry(which))
            all.push_back(*std::move(info));
    co_return all;
}

// In the kernel's words for a SCSI device.
std::string manager::state_of(const entry& which, std::uint64_t lun_number) {
    for (const auto& each : which.disks)
        if (each.state.lun_number == lun_number && each.barred)
            return "offline";
    return "running";
}

std::string manager::node_of(const entry& which, std::uint64_t lun_number) {
    for (const auto& each : which.disks)
        if (each.state.lun_number == lun_number)
            return each.state.node;
    for (const auto& each : which.orphans)
        if (each.lun_number == lun_number)
            return each.node;
    return {};
}

asio::awaitable<std::optional<admin::session_info>> manager::describe_entry(entry_pointer which) {
    net::pending<lane::session_view> view(with_.where.control);
    which->home->look(which->sid, view.answer());
    const auto seen = co_await view.wait(lane_limit);
    if (!seen) // it was dropped meanwhile
        co_return std::nullopt;
    auto info = describe(which->plan, *which->watch, *seen);
    info.sid = which->sid;
    info.host_number = which->sid;
    std::set<std::uint64_t> numbers; // also of disks whose LUN is gone, while they are in use
    for (const auto& each : which->found)
        numbers.insert(each.number);
    for (const auto& each : which->disks)
        numbers.insert(each.state.lun_number);
    for (const auto number : numbers)
        info.luns.push_back({number, node_of(*which, number), state_of(*which, number)});
    co_return info;
}

// Empty: the daemon's own name, any network device.
outcome<admin::record> manager::find_interface(const std::string& name) const {
    if (name.empty())
        return admin::record(admin::record_kind::interface);
    auto found = with_.records->find_interface(name);
    if (found.has_error())
        return failure{exit_code::database, found.error().text()};
    if (!*found)
        return failure{exit_code::no_objects_found, fmt::format("no interface '{}'", name)};
    return **std::move(found);
}

asio::awaitable<admin::discover_progress>
manager::discover(admin::discover_request_message what, note_taker note) {
    admin::discover_progress end;
    end.finished = true;
    auto record = settings_.config.new_send_targets();
    if (what.use_record) {
        auto found = with_.records->find_discovery({what.address, what.port});
        if (found.has_error() || !found->has_value()) {
            end.code = found.has_error() ? exit_code::database : exit_code::no_objects_found;
            co_return end;
        }
        record = **std::move(found);
    } else {
        static_cast<void>(record.set("discovery.sendtargets.address", what.address));
        static_cast<void>(record.set("discovery.sendtargets.port", std::to_string(what.port)));
    }
    const auto interface = find_interface(what.interface);
    if (interface.has_error()) {
        note(interface.error().reason);
        end.code = interface.error().code;
        co_return end;
    }
    auto plan = plan_discovery(record, *interface, settings_.identity);
    if (plan.has_error()) {
        note("Cannot perform discovery. Initiatorname required.");
        end.code = exit_code::daemon_not_connected;
        co_return end;
    }
    plan->session.auth.watch = challenges_;
    auto found = co_await session::discover(*std::move(plan), with_.where.resolvers, note);
    if (found.has_error())
        end.code = found.error().code;
    else
        end.portals = *std::move(found);
    co_return end;
}

// Somebody may still be unmounting.
asio::awaitable<bool> manager::insist_on_logout(lane::session_key sid, iscsi::instant end) {
    asio::steady_timer pause(with_.where.control);
    for (;;) {
        const auto how = co_await logout(sid);
        if (how.code != exit_code::busy)
            co_return sessions_.count(sid) == 0;
        if (std::chrono::steady_clock::now() + pause_before_insisting >= end)
            co_return false;
        pause.expires_after(pause_before_insisting);
        co_await pause.async_wait(asio::use_awaitable);
    }
}

asio::awaitable<void> manager::shut_down(iscsi::duration limit, leaving whom) {
    shutting_down_ = true;
    const auto end = std::chrono::steady_clock::now() + limit;
    std::vector<std::pair<lane::session_key, net::pending<bool>>> under_way;
    for (const auto& [sid, which] : sessions_) {
        if (whom == leaving::mortal && outlives(*which))
            continue;
        auto& job = under_way.emplace_back(sid, with_.where.control).second;
        asio::co_spawn(
            with_.where.control,
            insist_on_logout(sid, end),
            [done = job.answer()](const std::exception_ptr& thrown, bool gone) {
                done(!thrown && gone);
            }
        );
    }
    for (auto& [sid, job] : under_way) {
        const auto left = end - std::chrono::steady_clock::now();
        const auto gone = co_await job.wait(
            std::max(std::chrono::duration_cast<iscsi::duration>(left), iscsi::duration(1))
        );
        if (!gone.value_or(false))
            spdlog::error("session {}: could not be logged out before the end", sid);
    }
}

} // namespace iscsid::session
