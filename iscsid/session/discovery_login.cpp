#include "iscsid/session/discovery_login.hpp"

#include "iscsid/session/clock.hpp"
#include "iscsid/session/login_failure.hpp"
#include "iscsid/session/negotiation_report.hpp"
#include "iscsid/session/reach.hpp"

#include "libiscsi/net/drive.hpp"

namespace iscsid::session {

namespace asio = boost::asio;
namespace net = iscsi::net;
using iscsi::admin::exit_code;

namespace {

// Drives the login phase over one connection. Nothing: the target sends us to another portal,
// which is then in `to`. The engine bounds the number of redirects.
asio::awaitable<std::optional<outcome<bool>>>
login_phase(iscsi::session& engine, net::stream& over, iscsi::portal& to) {
    for (;;) {
        const iscsi::event told = co_await net::next_event(engine, over);
        if (const auto* in = std::get_if<iscsi::logged_in>(&told)) {
            log_breaches({}, to.host, in->warnings);
            co_return true;
        }
        if (const auto* failed = std::get_if<iscsi::login_failed>(&told))
            co_return failure_of_login(*failed);
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

} // namespace

asio::awaitable<outcome<discovery_login>>
log_in(const discovery_plan& plan, net::connect_options options, asio::any_io_executor resolvers) {
    iscsi::session engine(plan.session);
    engine.start(now());
    while (engine.poll_event()) // want_transport, which is what comes now
        ;
    const iscsi::portal asked{plan.host, plan.port, std::nullopt};
    auto to = asked;
    for (;;) {
        auto link = co_await reach(to, options, resolvers);
        if (link.has_error())
            co_return failure_at(to, asked, failure_of_connect(link.error()));
        const auto at = to;
        engine.transport_up(now());
        auto ended = co_await login_phase(engine, link->over, to);
        if (!ended)
            continue;
        if (ended->has_error())
            co_return failure_at(at, asked, ended->error());
        co_return discovery_login{std::move(engine), *std::move(link)};
    }
}

} // namespace iscsid::session
