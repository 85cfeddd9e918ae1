#include "iscsid/session/manager.hpp"

#include "libiscsi/net/pending.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace iscsid::session {

namespace admin = iscsi::admin;
namespace asio = boost::asio;
namespace net = iscsi::net;
using admin::exit_code;

namespace {

constexpr auto pause_before_insisting = std::chrono::milliseconds(500);

} // namespace

manager::manager(environment with, current_settings settings)
    : with_(std::move(with)), planner_(with_.records, std::move(settings)) {}

manager::~manager() = default;

manager::session_pointer manager::find(lane::session_key sid) const {
    const auto found = sessions_.find(sid);
    return found == sessions_.end() ? nullptr : found->second;
}

// ---- making sessions ----------------------------------------------------------------------------

outcome<unsigned> manager::sessions_to_make(const admin::node_id& node) const {
    const auto record = planner_.record_of(node);
    if (record.has_error())
        return record.error();
    return missing_sessions(*record);
}

outcome<unsigned> manager::missing_sessions(const admin::record& record) const {
    const auto node = admin::id_of(record);
    const auto wanted = std::max<std::int64_t>(1, record.get_integer("node.session.nr_sessions"));
    const auto present = std::ranges::count_if(sessions_, [&](const auto& each) {
        return is_same_path(each.second->node(), node);
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
        return std::ranges::any_of(sessions_, [&](const auto& each) {
            return is_same_path(each.second->node(), node) && each.second->index() == index;
        });
    };
    unsigned index = 0;
    while (is_taken(index))
        ++index;
    return index;
}

outcome<manager::session_pointer> manager::open(const admin::node_id& node) {
    if (shutting_down_)
        return failure{exit_code::daemon_not_connected, "iscsid is shutting down"};
    if (with_.disks.driver == nullptr)
        return failure{exit_code::transport_not_found, with_.no_driver};
    const auto record = planner_.record_of(node);
    if (record.has_error())
        return record.error();
    // Asked again here, where nothing can come between: two clients may have counted together.
    if (const auto missing = missing_sessions(*record); missing.has_error())
        return missing.error();
    const unsigned index = free_index(admin::id_of(*record));
    auto plan = planner_.plan_login(*record, index);
    if (plan.has_error())
        return plan.error();
    return add(next_sid_++, index, *std::move(plan));
}

manager::session_pointer manager::add(lane::session_key sid, unsigned index, login_plan plan) {
    session_owner owner;
    owner.forget = [this](lane::session_key ended) { sessions_.erase(ended); };
    owner.respects_users = [this] {
        return settings().config.daemon_value("iscsid.safe_logout") != "No";
    };
    auto made =
        std::make_shared<live_session>(sid, index, std::move(plan), with_, std::move(owner));
    sessions_.emplace(sid, made);
    return made;
}

asio::awaitable<outcome<login_result>> manager::login(admin::node_id node) {
    auto opened = open(node);
    if (opened.has_error()) {
        spdlog::error("no login to {}: {}", node.target, opened.error().reason);
        co_return opened.error();
    }
    const session_pointer session = *opened;
    auto result = co_await session->log_in();
    if (result.has_error())
        spdlog::error("{}: login failed: {}", session->name(), result.error().reason);
    co_return result;
}

// Disks of one session come together.
void manager::restore(std::vector<device::disk_state> left) {
    std::map<lane::session_key, std::vector<device::disk_state>> by_session;
    for (auto& state : left)
        by_session[state.sid].push_back(std::move(state));
    for (auto& [sid, states] : by_session) {
        next_sid_ = std::max(next_sid_, sid + 1);
        auto plan = planner_.plan_again(states.front());
        if (plan.has_value()) {
            const auto again = add(sid, states.front().index, *std::move(plan));
            again->resume(std::move(states));
            continue;
        }
        for (const auto& state : states)
            spdlog::error("{} is left alone: {}", state.node, plan.error().reason);
    }
}

// ---- verbs --------------------------------------------------------------------------------------

asio::awaitable<outcome<logout_result>> manager::logout(lane::session_key sid) {
    const auto session = find(sid);
    if (!session)
        co_return failure{exit_code::session_not_found, "no such session"};
    co_return co_await session->log_out();
}

asio::awaitable<outcome<rescan_result>> manager::rescan(lane::session_key sid) {
    const auto session = find(sid);
    if (!session)
        co_return failure{exit_code::session_not_found, "no such session"};
    co_return co_await session->rescan();
}

asio::awaitable<std::vector<session_report>> manager::list(std::optional<lane::session_key> only) {
    std::vector<session_pointer> wanted;
    for (const auto& [sid, session] : sessions_)
        if (session->is_listed() && sid == only.value_or(sid))
            wanted.push_back(session);
    std::vector<session_report> all;
    for (const auto& session : wanted)
        if (auto report = co_await session->report())
            all.push_back(*std::move(report));
    co_return all;
}

asio::awaitable<outcome<std::vector<discovered_portal>>>
manager::discover(discovery_request what, note_taker note) {
    auto plan = planner_.plan_discovery(what);
    if (plan.has_error()) {
        if (!plan.error().reason.empty())
            note(plan.error().reason);
        co_return plan.error();
    }
    co_return co_await session::discover(*std::move(plan), with_.where.resolvers, note);
}

// ---- the end ------------------------------------------------------------------------------------

// Somebody may still be unmounting.
asio::awaitable<bool> manager::insist_on_logout(lane::session_key sid, iscsi::instant end) {
    asio::steady_timer pause(with_.where.control);
    for (;;) {
        const auto how = co_await logout(sid);
        if (how.has_value() || how.error().code != exit_code::busy)
            co_return sessions_.count(sid) == 0;
        if (std::chrono::steady_clock::now() + pause_before_insisting >= end)
            co_return false;
        pause.expires_after(pause_before_insisting);
        co_await pause.async_wait(asio::use_awaitable);
    }
}

asio::awaitable<void> manager::shut_down(iscsi::duration limit, leaving which) {
    shutting_down_ = true;
    const auto end = std::chrono::steady_clock::now() + limit;
    std::vector<std::pair<lane::session_key, net::pending<bool>>> under_way;
    for (const auto& [sid, session] : sessions_) {
        if (which == leaving::mortal && session->outlives_daemon())
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

bool manager::all_outlive() const {
    return std::ranges::all_of(sessions_, [](const auto& each) {
        return each.second->outlives_daemon();
    });
}

void manager::hand_over() {
    shutting_down_ = true;
    for (const auto& [sid, session] : sessions_)
        session->hand_over();
}

} // namespace iscsid::session
