#include "iscsid/session/discovery_job.hpp"

#include "iscsid/session/clock.hpp"
#include "iscsid/session/discovery_answer.hpp"
#include "iscsid/session/discovery_login.hpp"
#include "iscsid/session/isns_discovery.hpp"
#include "iscsid/session/login_failure.hpp"
#include "iscsid/session/reach.hpp"

#include "libiscsi/net/drive.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

namespace iscsid::session {

namespace asio = boost::asio;
namespace net = iscsi::net;
using iscsi::admin::exit_code;

namespace {

constexpr auto pause_between_tries = std::chrono::seconds(1);
constexpr auto logout_limit = std::chrono::seconds(2);

using portals = std::vector<discovered_portal>;

// How a job tells, and of where.
struct talk {
    const note_taker& note;
    discovery_place place;
    bool logs = true;
    const std::function<void(std::string)>& hears_left_out;
};

portals take(const iscsi::targets_found& answer, const talk& with) {
    for (const auto& line : lines_of_refused(answer, with.place)) {
        if (with.logs)
            spdlog::warn("{}", line);
        with.note(line);
    }
    if (with.hears_left_out)
        for (const auto& target : targets_of_refused(answer))
            with.hears_left_out(target);
    return portals_of(answer, with.place);
}

asio::awaitable<outcome<portals>> ask(discovery_login& at, const talk& with) {
    if (const auto asked = at.engine.send_targets("All", now()); asked.has_error())
        co_return failure{exit_code::internal, asked.error().text(), false};
    for (;;) {
        const iscsi::event told = co_await net::next_event(at.engine, at.link.over);
        if (const auto* answer = std::get_if<iscsi::targets_found>(&told))
            co_return take(*answer, with);
        if (std::holds_alternative<iscsi::want_transport>(told) ||
            std::holds_alternative<iscsi::login_failed>(told) ||
            std::holds_alternative<iscsi::logged_out>(told))
            co_return failure{exit_code::pdu_timeout, "connection lost", true};
    }
}

asio::awaitable<outcome<portals>>
ask_within_limit(discovery_login& at, const talk& with, iscsi::duration limit) {
    using namespace asio::experimental::awaitable_operators;
    asio::steady_timer timer(co_await asio::this_coro::executor, limit);
    auto first = co_await (ask(at, with) || timer.async_wait(asio::use_awaitable));
    if (first.index() == 1)
        co_return failure{exit_code::pdu_timeout, "no answer to SendTargets", true};
    co_return std::get<0>(std::move(first));
}

asio::awaitable<void> wait_for_logout(discovery_login& at) {
    for (;;) {
        const iscsi::event told = co_await net::next_event(at.engine, at.link.over);
        if (std::holds_alternative<iscsi::logged_out>(told))
            co_return;
    }
}

asio::awaitable<void> log_out(discovery_login& at) {
    using namespace asio::experimental::awaitable_operators;
    at.engine.logout(now());
    asio::steady_timer timer(co_await asio::this_coro::executor, logout_limit);
    co_await (wait_for_logout(at) || timer.async_wait(asio::use_awaitable));
}

asio::awaitable<outcome<portals>>
attempt(const discovery_plan& plan, asio::any_io_executor resolvers, const note_taker& note) {
    const auto options = options_of(plan);
    if (options.has_error())
        co_return failure_of_connect(options.error());
    auto at = co_await log_in(plan, *options, std::move(resolvers));
    if (at.has_error())
        co_return at.error();
    const talk with{
        note,
        {plan.host, plan.port, zone_of(at->link.peer, options->device)},
        !plan.is_repeated,
        plan.hears_left_out};
    auto answer = co_await ask_within_limit(*at, with, plan.answer_timeout);
    if (answer.has_value())
        co_await log_out(*at);
    co_return answer;
}

void take_note(const note_taker& note, const discovery_plan& plan, const failure& why) {
    if (why.code == exit_code::transport && why.detail.empty()) {
        note(fmt::format("cannot make connection to {}: {}", plan.host, why.reason));
    } else if (why.code == exit_code::transport) {
        note(fmt::format("Cannot resolve host {}. getaddrinfo error: [{}]", plan.host, why.detail));
        note(fmt::format("cannot resolve host name {}", plan.host));
    } else if (why.code == exit_code::transport_timeout) {
        note(fmt::format("cannot make connection to {}: {}", plan.host, why.detail));
    } else {
        note(fmt::format("discovery at {}: {}", plan.host, why.reason));
    }
}

} // namespace

asio::awaitable<outcome<portals>>
discover(discovery_plan plan, asio::any_io_executor resolvers, note_taker note) {
    if (plan.kind == iscsi::admin::source_kind::isns)
        co_return co_await discover_by_isns(std::move(plan), std::move(resolvers), std::move(note));
    asio::steady_timer pause(co_await asio::this_coro::executor);
    for (int tries = 0;; ++tries) {
        auto outcome = co_await attempt(plan, resolvers, note);
        if (outcome.has_value())
            co_return outcome;
        take_note(note, plan, outcome.error());
        if (!outcome.error().may_retry)
            co_return outcome;
        if (tries == plan.reopen_max)
            break;
        pause.expires_after(pause_between_tries);
        co_await pause.async_wait(asio::use_awaitable);
    }
    const std::string last =
        fmt::format("connection login retries (reopen_max) {} exceeded", plan.reopen_max);
    note(last);
    co_return failure{exit_code::pdu_timeout, last, false};
}

} // namespace iscsid::session
