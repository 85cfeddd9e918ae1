#include "iscsid/session/login_room.hpp"

#include "iscsid/session/session_logout.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace iscsid::session {

namespace admin = iscsi::admin;
namespace asio = boost::asio;
using admin::exit_code;

namespace {

outcome<unsigned> missing(const admin::record& of, std::size_t present) {
    const auto wanted = static_cast<std::size_t>(
        std::max<std::int64_t>(1, of.get_integer("node.session.nr_sessions"))
    );
    if (present >= wanted)
        return failure{
            exit_code::session_exists,
            fmt::format("{} session(s) requested, but {} already present", wanted, present)};
    return static_cast<unsigned>(wanted - present);
}

iscsi::instant end_of(const login_time& what, const admin::record& of) {
    const std::chrono::seconds one(of.get_integer("node.conn[0].timeo.login_timeout"));
    const iscsi::duration each = one.count() > 0 ? one : iscsi::session_timeouts().login;
    const auto tries = of.get_integer("node.session.initial_login_retry_max");
    return what.asked + each * std::max<std::int64_t>(what.tries_once ? 1 : tries, 1);
}

} // namespace

outcome<unsigned> logins_to(const admin::record& node, const session_table& sessions) {
    const auto id = admin::id_of(node);
    return missing(node, sessions.established(id) - sessions.being_ended(id));
}

outcome<unsigned> room_for(const admin::record& record, const session_table& sessions) {
    const auto node = admin::id_of(record);
    const auto present = sessions.present(node);
    auto room = missing(record, present);
    if (room.has_error() && missing(record, present - sessions.being_ended(node)).has_value())
        return failure{exit_code::login, "a session to it is still being logged out"};
    return room;
}

bool is_being_left(const admin::node_id& node, const session_table& sessions) {
    const auto all = sessions.of(node);
    return std::ranges::any_of(all, [](const auto& each) { return each->is_being_ended(); });
}

asio::awaitable<void>
wait_for_logouts(admin::record node, login_time of, const session_table& sessions) {
    const auto limit = end_of(of, node);
    const auto all = sessions.of(admin::id_of(node));
    for (const auto& each : all) {
        session_logout theirs(each);
        co_await theirs.wait_while_under_way(limit);
    }
}

} // namespace iscsid::session
