#include "iscsid/session/live_changes.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace iscsid::session {

namespace {

// Since when a value holds.
enum class holds : std::uint8_t {
    now,
    at_login, // of this session: after its connection is lost
};

struct live_key {
    std::string_view name;
    holds since{};
    void (*take)(const login_plan& from, login_plan& to);
};

// NOP-Outs are switched on and off by both values together, so each of them takes both along.
void take_nop_timeouts(const login_plan& from, login_plan& to) {
    to.session.timeouts.noop_out_interval = from.session.timeouts.noop_out_interval;
    to.session.timeouts.noop_out_timeout = from.session.timeouts.noop_out_timeout;
}

// A name and its secret belong together.
void take_outgoing(const login_plan& from, login_plan& to) {
    to.session.auth.outgoing = from.session.auth.outgoing;
}

void take_incoming(const login_plan& from, login_plan& to) {
    to.session.auth.incoming = from.session.auth.incoming;
}

template <iscsi::duration iscsi::session_timeouts::*Which>
void take_timeout(const login_plan& from, login_plan& to) {
    to.session.timeouts.*Which = from.session.timeouts.*Which;
}

using timeouts = iscsi::session_timeouts;

constexpr std::array live_keys{
    live_key{
        "node.session.timeo.replacement_timeout", holds::now, take_timeout<&timeouts::replacement>},
    live_key{"node.session.err_timeo.abort_timeout", holds::now, take_timeout<&timeouts::abort>},
    live_key{
        "node.session.err_timeo.lu_reset_timeout", holds::now, take_timeout<&timeouts::lu_reset>},
    live_key{
        "node.session.err_timeo.tgt_reset_timeout",
        holds::now,
        take_timeout<&timeouts::target_reset>},
    live_key{"node.conn[0].timeo.login_timeout", holds::now, take_timeout<&timeouts::login>},
    live_key{"node.conn[0].timeo.logout_timeout", holds::now, take_timeout<&timeouts::logout>},
    live_key{"node.conn[0].timeo.noop_out_interval", holds::now, take_nop_timeouts},
    live_key{"node.conn[0].timeo.noop_out_timeout", holds::now, take_nop_timeouts},
    live_key{
        "node.session.queue_depth",
        holds::now,
        [](const login_plan& from, login_plan& to) {
            to.session.unit_commands_max = from.session.unit_commands_max;
        }},
    live_key{
        "node.session.iscsi.FastAbort",
        holds::now,
        [](const login_plan& from, login_plan& to) {
            to.session.fast_abort = from.session.fast_abort;
        }},
    live_key{
        "node.session.reopen_max",
        holds::now,
        [](const login_plan& from, login_plan& to) { to.reopen_max = from.reopen_max; }},
    live_key{"node.session.auth.username", holds::at_login, take_outgoing},
    live_key{"node.session.auth.password", holds::at_login, take_outgoing},
    live_key{"node.session.auth.password_file", holds::at_login, take_outgoing},
    live_key{"node.session.auth.username_in", holds::at_login, take_incoming},
    live_key{"node.session.auth.password_in", holds::at_login, take_incoming},
    live_key{"node.session.auth.password_in_file", holds::at_login, take_incoming},
    live_key{
        "node.session.auth.chap_algs",
        holds::at_login,
        [](const login_plan& from, login_plan& to) {
            to.session.auth.chap_algorithms = from.session.auth.chap_algorithms;
        }},
};

// When, whether and how often to log in, and what is kept for open-iscsi alone.
constexpr std::array<std::string_view, 3> no_affairs_of_sessions{
    "node.session.nr_sessions", "node.session.auth.authmethod", "node.conn[0].startup"};

// Says something of a session that is made by it.
bool is_about_sessions(std::string_view key) {
    if (std::ranges::find(no_affairs_of_sessions, key) != no_affairs_of_sessions.end())
        return false;
    return key.starts_with("node.session.") || key.starts_with("node.conn[0].") ||
           key.starts_with("iface.");
}

} // namespace

change_result
take_over(std::span<const std::string> keys, const login_plan& fresh, login_plan& plan) {
    change_result result;
    for (const auto& key : keys) {
        const auto found = std::ranges::find(live_keys, key, &live_key::name);
        if (found != live_keys.end()) {
            found->take(fresh, plan);
            auto& list = found->since == holds::now ? result.now : result.at_login;
            list.push_back(key);
        } else if (is_about_sessions(key)) {
            result.later.push_back(key);
        }
    }
    return result;
}

} // namespace iscsid::session
