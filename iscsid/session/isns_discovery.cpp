#include "iscsid/session/isns_discovery.hpp"

#include "iscsid/session/clock.hpp"
#include "iscsid/session/isns_left_out.hpp"
#include "iscsid/session/isns_registrations.hpp"
#include "iscsid/session/reach.hpp"

#include "libiscsi/net/isns_client.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace iscsid::session {

namespace asio = boost::asio;
namespace isns = iscsi::isns;
namespace net = iscsi::net;
using iscsi::admin::exit_code;

namespace {

using portals = std::vector<discovered_portal>;

// To take a registration back is a courtesy: it ends by itself otherwise.
constexpr iscsi::duration goodbye_limit = std::chrono::seconds(5);

failure failed(exit_code code, const iscsi::fault& why) {
    return {code, why.text()};
}

// The parts of one question, over one connection.
class isns_question {
  public:
    isns_question(net::isns_client server, const discovery_plan& plan, iscsi::instant end)
        : server_(std::move(server)), plan_(plan), name_(plan.session.initiator_name), end_(end) {}

    asio::awaitable<outcome<portals>> run(isns_left_out& left_out);

  private:
    asio::awaitable<outcome<portals>> ask_registered(isns_left_out& left_out);
    asio::awaitable<iscsi::result<portals>> ask_for_targets(isns_left_out& left_out);
    asio::awaitable<iscsi::result<void>>
    ask_for_portals(const isns::found_targets& of, portals& all, isns_left_out& left_out);

    iscsi::duration limit() const {
        const auto left = std::chrono::duration_cast<iscsi::duration>(end_ - now());
        return std::clamp(left, iscsi::duration(0), plan_.answer_timeout);
    }

    net::isns_client server_;
    const discovery_plan& plan_;
    std::string name_;
    iscsi::instant end_;
};

// A server names no group tag for a portal without a group.
void add(const isns::found_targets& found, portals& to) {
    for (const auto& each : found.portals)
        to.push_back(
            {each.target, each.address, each.port, each.group_tag ? int{*each.group_tag} : -1}
        );
}

// Only to a server that does not know us is it of use to be known: of one that is busy, or that
// refuses what is asked, it would take away a registration that somebody else has made.
asio::awaitable<outcome<portals>> isns_question::run(isns_left_out& left_out) {
    auto found = co_await ask_for_targets(left_out);
    if (found)
        co_return *std::move(found);
    if (found.error().code != iscsi::to_error_code(isns::isns_errc::unknown_source))
        co_return failed(exit_code::isns_query, found.error());
    co_return co_await ask_registered(left_out);
}

asio::awaitable<outcome<portals>> isns_question::ask_registered(isns_left_out& left_out) {
    isns_need need(plan_, isns_need::whose::question);
    const auto registered = co_await server_.ask(isns::registration(name_, nullptr), limit());
    if (!registered)
        co_return failed(exit_code::isns_registration, registered.error());
    auto found = co_await ask_for_targets(left_out);
    if (need.end()) {
        const auto gone = co_await server_.ask(
            isns::deregistration(name_), std::min(goodbye_limit, plan_.answer_timeout)
        );
        static_cast<void>(gone);
    }
    if (!found)
        co_return failed(exit_code::isns_query, found.error());
    co_return *std::move(found);
}

asio::awaitable<iscsi::result<portals>> isns_question::ask_for_targets(isns_left_out& left_out) {
    const auto answer = co_await server_.ask(isns::query_targets(name_), limit());
    if (!answer)
        co_return answer.error();
    const auto found = isns::read_targets(*answer);
    left_out.take(found);
    portals all;
    add(found, all);
    const auto whole = co_await ask_for_portals(found, all, left_out);
    if (!whole)
        co_return whole.error();
    co_return all;
}

asio::awaitable<iscsi::result<void>> isns_question::ask_for_portals(
    const isns::found_targets& of, portals& all, isns_left_out& left_out
) {
    std::size_t asked = 0;
    for (const auto& target : of.without_portal) {
        const auto more = co_await server_.ask(isns::query_portals(name_, target), limit());
        if (!more) {
            auto why = more.error();
            why.field += fmt::format(
                " to the question for the portals of {}, {} of {} targets without portal groups",
                target,
                asked + 1,
                of.without_portal.size()
            );
            co_return why;
        }
        ++asked;
        const auto its = isns::read_portals(*more, target);
        left_out.take(its);
        add(its, all);
    }
    co_return iscsi::result<void>();
}

asio::awaitable<outcome<portals>>
ask_server(const discovery_plan& plan, asio::any_io_executor resolvers, isns_left_out& left_out) {
    const auto limit = most_answers * plan.answer_timeout;
    const auto end = now() + limit;
    if (plan.registrations)
        co_await plan.registrations->wait_for_first_try(registration_of(plan), plan.answer_timeout);
    const auto options = options_of(plan);
    if (!options)
        co_return failed(exit_code::isns_query, options.error());
    const iscsi::portal to{plan.host, plan.port, std::nullopt};
    auto link = co_await reach(to, *options, std::move(resolvers));
    if (!link)
        co_return failed(exit_code::isns_query, link.error());
    isns_question question(net::isns_client(*std::move(link)), plan, end);
    co_return co_await question.run(left_out);
}

} // namespace

asio::awaitable<outcome<portals>>
discover_by_isns(discovery_plan plan, asio::any_io_executor resolvers, note_taker note) {
    isns_left_out left_out(note, plan.hears_left_out);
    auto found = co_await ask_server(plan, std::move(resolvers), left_out);
    left_out.tell_rest();
    if (found.has_error())
        note(fmt::format("discovery at {}: {}", plan.host, found.error().reason));
    co_return found;
}

} // namespace iscsid::session
