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

outcome<portals> take(iscsi::targets_found answer, const talk& with) {
    const auto unreadable = take_unreadable(answer);
    for (const auto& line : lines_of_refused(answer, with.place)) {
        if (with.logs)
            spdlog::warn("{}", line);
        with.note(line);
    }
    if (unreadable)
        return failure{
            exit_code::pdu_timeout,
            "the answer to SendTargets names no target that can be read: " + unreadable->text(),
            false};
    if (with.hears_left_out)
        for (const auto& target : targets_of_refused(answer))
            with.hears_left_out(target);
    return portals_of(answer, with.place);
}

asio::awaitable<outcome<iscsi::targets_found>> ask(discovery_login& at) {
    if (const auto asked = at.engine.send_targets("All", now()); asked.has_error())
        co_return failure{exit_code::internal, asked.error().text(), false};
    for (;;) {
        iscsi::event told = co_await net::next_event(at.engine, at.link.over);
        if (auto* answer = std::get_if<iscsi::targets_found>(&told))
            co_return std::move(*answer);
        if (const auto* failed = std::get_if<iscsi::discovery_failed>(&told))
            co_return failure_of_question(failed->why);
    }
}

failure silence(const iscsi::session& from, iscsi::duration limit) {
    const auto parts = from.statistics().textrsp_pdus;
    if (parts == 0)
        return {exit_code::pdu_timeout, "no answer to SendTargets", true};
    return {
        exit_code::pdu_timeout,
        fmt::format(
            "no end of the answer to SendTargets within {} s, in {} PDUs",
            std::chrono::duration_cast<std::chrono::seconds>(limit).count(),
            parts
        ),
        true};
}

asio::awaitable<outcome<iscsi::targets_found>>
ask_within_limit(discovery_login& at, iscsi::duration limit) {
    using namespace asio::experimental::awaitable_operators;
    asio::steady_timer timer(co_await asio::this_coro::executor, limit);
    auto first = co_await (ask(at) || timer.async_wait(asio::use_awaitable));
    if (first.index() == 1)
        co_return silence(at.engine, limit);
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
    auto answer = co_await ask_within_limit(*at, plan.answer_timeout);
    if (answer.has_error())
        co_return answer.error();
    co_await log_out(*at);
    co_return take(*std::move(answer), with);
}

// What the tries of one discovery end with. That a connection cannot be made is said of each, as
// open-iscsi does; what comes after it once, and the log has it too.
class tries_told {
  public:
    tries_told(const discovery_plan& plan, const note_taker& note) : plan_(plan), note_(note) {}

    void tell(const failure& why) {
        if (why.code == exit_code::transport && why.detail.empty()) {
            note_(fmt::format("cannot make connection to {}: {}", plan_.host, why.reason));
        } else if (why.code == exit_code::transport) {
            note_(fmt::format(
                "Cannot resolve host {}. getaddrinfo error: [{}]", plan_.host, why.detail
            ));
            note_(fmt::format("cannot resolve host name {}", plan_.host));
        } else if (why.code == exit_code::transport_timeout) {
            note_(fmt::format("cannot make connection to {}: {}", plan_.host, why.detail));
        } else if (why.reason != last_) {
            last_ = why.reason;
            tell_once(fmt::format("discovery at {}: {}", plan_.host, why.reason));
        }
    }

  private:
    void tell_once(const std::string& line) {
        if (!plan_.is_repeated)
            spdlog::warn("{}", line);
        note_(line);
    }

    const discovery_plan& plan_;
    const note_taker& note_;
    std::string last_;
};

} // namespace

asio::awaitable<outcome<portals>>
discover(discovery_plan plan, asio::any_io_executor resolvers, note_taker note) {
    if (plan.kind == iscsi::admin::source_kind::isns)
        co_return co_await discover_by_isns(std::move(plan), std::move(resolvers), std::move(note));
    asio::steady_timer pause(co_await asio::this_coro::executor);
    tries_told told(plan, note);
    for (int tries = 0;; ++tries) {
        auto outcome = co_await attempt(plan, resolvers, note);
        if (outcome.has_value())
            co_return outcome;
        told.tell(outcome.error());
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
