#include "iscsid/session/login_job.hpp"

#include "iscsid/session/pace.hpp"
#include "iscsid/session/reach.hpp"

#include "libiscsi/core/login/login.hpp"
#include "libiscsi/net/drive.hpp"
#include "libiscsi/net/execute.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

namespace iscsid::session {

namespace asio = boost::asio;
namespace net = iscsi::net;
using iscsi::admin::exit_code;

namespace {

constexpr int most_redirects = 8;
constexpr auto scan_limit = std::chrono::seconds(60);

iscsi::instant now() {
    return std::chrono::steady_clock::now();
}

asio::awaitable<void> sleep(iscsi::duration time) {
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(asio::use_awaitable);
}

failure from_reach(const iscsi::fault& why) {
    const bool unresolved = why.code == iscsi::to_error_code(net::resolve_errc::unresolvable);
    const bool no_device = why.code == iscsi::to_error_code(reach_errc::no_such_device);
    return {
        unresolved || no_device ? exit_code::transport : exit_code::transport_timeout,
        why.text(),
        !unresolved && !no_device,
        unresolved ? why.got : why.code.message()};
}

std::string words_of(const iscsi::login_failed& told) {
    if (told.status_class == 0)
        return told.why.text();
    return fmt::format(
        "target answered {:02x}{:02x}: {}",
        told.status_class,
        told.status_detail,
        iscsi::login_status_text(told.status_class, told.status_detail)
    );
}

failure from_login(const iscsi::login_failed& told) {
    const bool timeout = told.why.code == iscsi::to_error_code(iscsi::session_errc::login_timeout);
    switch (told.verdict) {
    case iscsi::login_verdict::authentication:
        return {exit_code::login_auth_failed, words_of(told), false};
    case iscsi::login_verdict::fatal:
        return {exit_code::fatal_login, words_of(told), false};
    case iscsi::login_verdict::retry:
        break;
    }
    return {timeout ? exit_code::pdu_timeout : exit_code::login, words_of(told), true};
}

// Drives the login phase over one connection. Nothing: the target sends us to another portal,
// which is then in `to`.
asio::awaitable<std::optional<outcome<bool>>>
login_phase(iscsi::session& engine, net::stream& over, iscsi::portal& to) {
    for (;;) {
        const iscsi::event told = co_await net::next_event(engine, over);
        if (std::holds_alternative<iscsi::logged_in>(told))
            co_return true;
        if (const auto* failed = std::get_if<iscsi::login_failed>(&told))
            co_return from_login(*failed);
        if (const auto* elsewhere = std::get_if<iscsi::want_transport>(&told)) {
            if (!elsewhere->redirect)
                co_return failure{exit_code::login, "connection lost during login", true};
            to = *elsewhere->redirect;
            co_return std::nullopt;
        }
        if (std::holds_alternative<iscsi::logged_out>(told))
            co_return failure{exit_code::login, "session ended during login", true};
    }
}

asio::awaitable<iscsi::result<lane::scsi_outcome>>
execute_over(iscsi::session& engine, net::stream& over, iscsi::command what) {
    auto answer = co_await net::execute(engine, over, what);
    if (answer.has_error())
        co_return answer.error();
    lane::scsi_outcome given{answer->done, std::move(answer->sense), std::move(answer->data)};
    given.done.sense = given.sense_bytes;
    co_return given;
}

// A target whose LUNs cannot be read is still a session, as with open-iscsi; a lost one is not.
asio::awaitable<outcome<device::scan_result>> scan_over(login_attempt& at, std::string name) {
    using namespace asio::experimental::awaitable_operators;
    asio::steady_timer timer(co_await asio::this_coro::executor, scan_limit);
    const device::execute_function execute = [&at](const iscsi::command& what) {
        return execute_over(at.engine, at.link.over, what);
    };
    auto first = co_await (device::scan(execute) || timer.async_wait(asio::use_awaitable));
    if (first.index() == 1)
        co_return failure{exit_code::pdu_timeout, "no answer to the scan for LUNs", true};
    auto& found = std::get<0>(first);
    if (found.has_value())
        co_return *std::move(found);
    if (at.engine.connection() != iscsi::connection_state::logged_in)
        co_return failure{exit_code::login, "lost while scanning: " + found.error().text(), true};
    spdlog::warn("{}: no LUN can be read: {}", name, found.error().text());
    co_return device::scan_result{};
}

void tell_of(const device::scan_result& found, const std::string& target) {
    if (!found.no_list.empty())
        spdlog::warn("{}: only LUN 0 was looked at: {}", target, found.no_list);
    for (const auto& each : found.skipped)
        spdlog::debug("{}: LUN {} is no disk: {}", target, each.number, each.why);
}

asio::awaitable<outcome<fresh_session>> attempt(login_plan plan, asio::any_io_executor resolvers) {
    const auto options = options_of(plan);
    if (options.has_error())
        co_return from_reach(options.error());
    auto at =
        co_await attempt_login(plan.session, portal_of(plan.node), *options, std::move(resolvers));
    if (at.has_error())
        co_return at.error();
    device::scan_result found;
    if (plan.scan) {
        auto scanned = co_await scan_over(*at, plan.node.target);
        if (scanned.has_error())
            co_return scanned.error();
        found = *std::move(scanned);
        tell_of(found, plan.node.target);
    }
    co_return fresh_session{std::move(at->engine), std::move(at->link), std::move(found)};
}

} // namespace

asio::awaitable<outcome<login_attempt>> attempt_login(
    iscsi::session_config config,
    iscsi::portal first,
    net::connect_options options,
    asio::any_io_executor resolvers
) {
    iscsi::session engine(std::move(config));
    engine.start(now());
    while (engine.poll_event()) // want_transport, which is what comes now
        ;
    iscsi::portal to = std::move(first);
    for (int redirects = 0; redirects <= most_redirects; ++redirects) {
        auto link = co_await reach(to, options, resolvers);
        if (link.has_error())
            co_return from_reach(link.error());
        engine.transport_up(now());
        auto ended = co_await login_phase(engine, link->over, to);
        if (!ended)
            continue;
        if (ended->has_error())
            co_return ended->error();
        co_return login_attempt{std::move(engine), *std::move(link)};
    }
    co_return failure{exit_code::fatal_login, "the target redirects in a circle", false};
}

asio::awaitable<outcome<fresh_session>> log_in(login_plan plan, asio::any_io_executor resolvers) {
    const auto end = now() + plan.initial_login_retry_max * plan.session.timeouts.login;
    pace pause;
    for (;;) {
        auto outcome = co_await attempt(plan, resolvers);
        if (outcome.has_value() || !outcome.error().may_retry)
            co_return outcome;
        const auto wait = pause.next();
        if (now() + wait >= end)
            co_return outcome;
        spdlog::debug(
            "{} at {}: login failed, will try again: {}",
            plan.node.target,
            plan.node.address,
            outcome.error().reason
        );
        co_await sleep(wait);
    }
}

} // namespace iscsid::session
