#include "iscsid/session/isns_discovery.hpp"

#include "iscsid/session/reach.hpp"

#include <fmt/format.h>

namespace iscsid::session {

namespace asio = boost::asio;
namespace isns = iscsi::isns;
namespace net = iscsi::net;
using iscsi::admin::exit_code;

namespace {

using portals = std::vector<discovered_portal>;

// A server names no group tag for a portal without a group.
void add(const isns::found_targets& found, portals& to) {
    for (const auto& each : found.portals)
        to.push_back(
            {each.target, each.address, each.port, each.group_tag ? int{*each.group_tag} : -1}
        );
}

void tell(const isns::found_targets& found, const note_taker& note) {
    constexpr std::size_t most_lines = 100;
    for (std::size_t n = 0; n < std::min(most_lines, found.refused.size()); ++n)
        note("left out: " + found.refused[n].text());
    if (found.refused.size() > most_lines)
        note(fmt::format("{} more left out", found.refused.size() - most_lines));
}

failure failed(exit_code code, const iscsi::fault& why) {
    return {code, why.text()};
}

asio::awaitable<outcome<portals>>
ask_registered(net::isns_client& server, std::string name, iscsi::duration limit, note_taker note) {
    const auto registered = co_await server.ask(isns::registration(name, nullptr), limit);
    if (!registered)
        co_return failed(exit_code::isns_registration, registered.error());
    auto found = co_await ask_for_targets(server, name, limit, std::move(note));
    const auto gone = co_await server.ask(isns::deregistration(name), limit);
    static_cast<void>(gone); // it ends by itself otherwise
    if (!found)
        co_return failed(exit_code::isns_query, found.error());
    co_return *std::move(found);
}

} // namespace

asio::awaitable<iscsi::result<portals>> ask_for_targets(
    net::isns_client& server, std::string initiator, iscsi::duration limit, note_taker note
) {
    const auto answer = co_await server.ask(isns::query_targets(initiator), limit);
    if (!answer)
        co_return answer.error();
    const auto found = isns::read_targets(*answer);
    tell(found, note);
    portals all;
    add(found, all);
    for (const auto& target : found.without_portal) {
        const auto more = co_await server.ask(isns::query_portals(initiator, target), limit);
        if (!more)
            co_return more.error();
        const auto its = isns::read_portals(*more, target);
        tell(its, note);
        add(its, all);
    }
    co_return all;
}

asio::awaitable<outcome<portals>>
discover_by_isns(discovery_plan plan, asio::any_io_executor resolvers, note_taker note) {
    const auto told = [&](failure why) {
        note(fmt::format("discovery at {}: {}", plan.host, why.reason));
        return why;
    };
    const auto options = options_of(plan);
    if (!options)
        co_return told(failed(exit_code::isns_query, options.error()));
    const iscsi::portal to{plan.host, plan.port, std::nullopt};
    auto link = co_await reach(to, *options, std::move(resolvers));
    if (!link)
        co_return told(failed(exit_code::isns_query, link.error()));
    net::isns_client server(*std::move(link));
    const auto name = plan.session.initiator_name;
    auto found = co_await ask_for_targets(server, name, plan.answer_timeout, note);
    if (found)
        co_return *std::move(found);
    const bool is_unknown =
        found.error().code == iscsi::to_error_code(isns::isns_errc::unknown_source);
    // A repeated question has isns_watch, whose registration is to stay: it asks again after that.
    if (!is_unknown || plan.is_repeated)
        co_return told(failed(exit_code::isns_query, found.error()));
    auto again = co_await ask_registered(server, name, plan.answer_timeout, note);
    if (again.has_error())
        co_return told(again.error());
    co_return again;
}

} // namespace iscsid::session
