#include "iscsid/session/manager.hpp"

#include "iscsid/session/clock.hpp"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace iscsid::session {

namespace admin = iscsi::admin;
namespace asio = boost::asio;
using admin::exit_code;

manager::manager(environment with, current_settings settings)
    : with_(std::move(with)), planner_(with_, std::move(settings)), memory_(with_.where.control) {}

manager::~manager() = default;

// ---- making sessions ----------------------------------------------------------------------------

outcome<manager::session_pointer>
manager::open(const admin::record& node, how_many wanted, login_terms terms) {
    if (shutting_down_)
        return failure{exit_code::daemon_not_connected, "iscsid is shutting down"};
    if (with_.disks.driver == nullptr)
        return failure{exit_code::transport_not_found, with_.no_driver};
    // Asked again here, where nothing can come between: two clients may have counted together.
    const auto room = room_for(node, sessions_);
    if (wanted == how_many::by_record && room.has_error())
        return room.error();
    const unsigned index = sessions_.free_index(admin::id_of(node));
    auto plan = planner_.plan_login(node, index);
    if (plan.has_error())
        return plan.error();
    plan->hears_failures = std::move(terms.hears_failures);
    if (terms.tries_once)
        plan->initial_login_retry_max = 0;
    return add(next_sid_++, index, *std::move(plan));
}

manager::session_pointer manager::add(lane::session_key sid, unsigned index, login_plan plan) {
    session_owner owner;
    owner.forget = [this](lane::session_key ended) {
        sessions_.forget(ended);
        memory_.session_ended();
    };
    owner.respects_users = [this] {
        return settings().config.daemon_value("iscsid.safe_logout") != "No";
    };
    auto made =
        std::make_shared<live_session>(sid, index, std::move(plan), with_, std::move(owner));
    sessions_.add(made, with_.where.control);
    return made;
}

outcome<login_under_way> manager::start_login(
    const admin::record& node,
    const std::set<lane::session_key>& joined,
    waiting caller,
    login_terms terms
) {
    if (auto session = sessions_.in_login(admin::id_of(node), joined))
        return want_login(std::move(session), caller);
    return begin(node, how_many::by_record, caller, std::move(terms));
}

outcome<login_under_way>
manager::start_additional_login(const admin::record& node, waiting caller) {
    return begin(node, how_many::one_more, caller);
}

outcome<login_under_way>
manager::begin(const admin::record& node, how_many wanted, waiting caller, login_terms terms) {
    const bool is_heard = static_cast<bool>(terms.hears_failures);
    const auto asked = terms.asked.value_or(now());
    auto opened = open(node, wanted, std::move(terms));
    if (opened.has_error()) {
        if (!is_heard)
            spdlog::error("no login to {}: {}", node.get("node.name"), opened.error().reason);
        return opened.error();
    }
    (*opened)->start_login(asked);
    return want_login(*std::move(opened), caller);
}

login_under_way manager::want_login(session_pointer session, waiting caller) {
    auto& interest = sessions_.interest(session->sid());
    if (caller == waiting::no)
        interest.keep();
    auto claim = caller == waiting::yes ? interest.claim() : login_claim();
    return {std::move(session), std::move(claim)};
}

// Disks of one session come together.
void manager::restore(
    std::vector<device::disk_state> left, const std::vector<device::detached_lun>& detached
) {
    std::map<lane::session_key, std::vector<device::disk_state>> by_session;
    for (auto& state : left)
        by_session[state.sid].push_back(std::move(state));
    std::map<lane::session_key, std::set<std::uint64_t>> without_disk;
    for (const auto& lun : detached)
        without_disk[lun.sid].insert(lun.lun_number);
    for (auto& [sid, states] : by_session) {
        next_sid_ = std::max(next_sid_, sid + 1);
        auto plan = planner_.plan_again(states.front());
        if (plan.has_value()) {
            const auto again = add(sid, states.front().index, *std::move(plan));
            again->resume(std::move(states), std::move(without_disk[sid]));
            continue;
        }
        for (const auto& state : states)
            spdlog::error("{} is left alone: {}", state.node, plan.error().reason);
    }
}

// ---- verbs --------------------------------------------------------------------------------------

asio::awaitable<outcome<logout_result>> manager::logout(lane::session_key sid) {
    const auto session = sessions_.find(sid);
    if (!session)
        co_return failure{exit_code::session_not_found, "no such session"};
    co_return co_await session->log_out();
}

asio::awaitable<std::vector<session_report>> manager::list(std::optional<lane::session_key> only) {
    std::vector<session_pointer> wanted;
    for (const auto& [sid, session] : sessions_.all())
        if (is_listed(session->current_phase()) && sid == only.value_or(sid))
            wanted.push_back(session);
    std::vector<session_report> all;
    for (const auto& session : wanted)
        if (auto report = co_await session->report())
            all.push_back(*std::move(report));
    co_return all;
}

asio::awaitable<outcome<std::vector<discovered_portal>>>
manager::discover(discovery_request what, note_taker note) {
    const auto records = co_await planner_.records().read(what);
    auto plan = planner_.plan_discovery(what, records);
    if (plan.has_error()) {
        if (!plan.error().reason.empty())
            note(plan.error().reason);
        co_return plan.error();
    }
    co_return co_await session::discover(*std::move(plan), with_.where.resolvers, note);
}

// ---- the end ------------------------------------------------------------------------------------

asio::awaitable<void> manager::shut_down(iscsi::duration limit, leaving which) {
    shutting_down_ = true;
    const auto times = stop_times::within(limit);
    for (const auto& [sid, session] : sessions_.all())
        if (which == leaving::all || !session->outlives_daemon())
            stops_.push_back(std::make_shared<session_stop>(with_, session, times));
    co_await run_all(with_, stops_);
}

std::string manager::waits_for() const {
    std::vector<std::string> all;
    for (const auto& stop : stops_)
        for (const auto& each : stop->waits_for())
            all.push_back(fmt::format("{} {}", each.disk, each.who));
    return fmt::format("{}", fmt::join(all, "; "));
}

std::size_t manager::outliving() const {
    const auto outlives = [](const auto& each) { return each.second->outlives_daemon(); };
    return static_cast<std::size_t>(std::ranges::count_if(sessions_.all(), outlives));
}

void manager::hand_over() {
    shutting_down_ = true;
    for (const auto& [sid, session] : sessions_.all())
        session->hand_over();
}

} // namespace iscsid::session
