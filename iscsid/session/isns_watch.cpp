#include "iscsid/session/isns_watch.hpp"

#include "iscsid/session/environment.hpp"
#include "iscsid/session/reach.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <vector>

namespace iscsid::session {

namespace asio = boost::asio;
namespace ip = boost::asio::ip;
namespace isns = iscsi::isns;
namespace net = iscsi::net;

namespace {

constexpr auto token = asio::as_tuple(asio::use_awaitable);

// Of a server that does not say how long a registration lasts.
constexpr iscsi::duration usual_period = std::chrono::minutes(10);
constexpr iscsi::duration longest_retry = std::chrono::minutes(1);
constexpr iscsi::duration shortest_renewal = std::chrono::seconds(1);

constexpr std::size_t longest_datagram = 65536;

isns::address_bytes bytes_of(const ip::address& address) {
    const auto v6 =
        address.is_v4() ? ip::make_address_v6(ip::v4_mapped, address.to_v4()) : address.to_v6();
    isns::address_bytes all{};
    std::ranges::transform(v6.to_bytes(), all.begin(), [](auto each) { return std::byte{each}; });
    return all;
}

bool is_change(const isns::message& said) {
    return said.function_id == static_cast<std::uint16_t>(isns::function::state_change);
}

} // namespace

isns_watch::isns_watch(discovery_plan plan, options how)
    : plan_(std::move(plan))
    , with_(std::move(how))
    , changed_(with_.control)
    , need_(plan_, isns_need::whose::watch) {}

void isns_watch::start() {
    asio::co_spawn(with_.control, run(shared_from_this()), asio::detached);
}

void isns_watch::renew() {
    renews_ = true;
    changed_.notify_all();
}

void isns_watch::stop() {
    stopped_ = true;
    changed_.notify_all();
}

// What has changed before a registration was nobody's to tell, so each is a change.
asio::awaitable<void> isns_watch::run(std::shared_ptr<isns_watch> /*keeps it alive*/) {
    const auto is_due = [this] { return stopped_ || renews_; };
    auto retry = with_.pause;
    while (!stopped_) {
        renews_ = false;
        const auto period = co_await register_once();
        need_.has_tried();
        if (!stopped_ && period)
            with_.changed();
        if (!stopped_ && !period)
            with_.failed(period.error().text());
        const auto pause = period ? std::max(*period / 2, shortest_renewal) : retry;
        retry = period ? with_.pause : std::min(2 * retry, longest_retry);
        co_await changed_.wait(is_due, pause);
    }
    if (listening_)
        listening_->close();
    if (need_.end() && is_registered_)
        co_await deregister();
}

asio::awaitable<iscsi::result<net::isns_client>> isns_watch::connect() {
    const auto how = options_of(plan_);
    if (!how)
        co_return how.error();
    const iscsi::portal to{plan_.host, plan_.port, std::nullopt};
    auto link = co_await reach(to, *how, with_.resolvers);
    if (!link)
        co_return link.error();
    co_return net::isns_client(*std::move(link));
}

asio::awaitable<iscsi::result<iscsi::duration>> isns_watch::register_once() {
    auto server = co_await connect();
    if (!server)
        co_return server.error();
    if (const auto heard = listen_at(server->local().address()); !heard)
        co_return heard.error();
    server_ = server->peer().address();
    const isns::notified_portal at{
        bytes_of(server->local().address()), listening_->local_endpoint().port(), true};
    const auto known =
        co_await server->ask(isns::registration(initiator(), &at), plan_.answer_timeout);
    if (!known)
        co_return known.error();
    is_registered_ = true;
    const auto told =
        co_await server->ask(isns::change_registration(initiator()), plan_.answer_timeout);
    if (!told)
        co_return told.error();
    const auto period = isns::registration_period_of(*known);
    co_return period ? iscsi::duration(*period) : usual_period;
}

asio::awaitable<void> isns_watch::deregister() {
    auto server = co_await connect();
    if (!server)
        co_return;
    const auto gone = co_await server->ask(isns::deregistration(initiator()), plan_.answer_timeout);
    static_cast<void>(gone); // it ends by itself otherwise
}

// One port for as long as the way to the server is the same.
iscsi::result<void> isns_watch::listen_at(const ip::address& where) {
    boost::system::error_code failed;
    if (listening_ && listening_->local_endpoint(failed).address() == where && !failed)
        return {};
    if (listening_)
        listening_->close(failed);
    const ip::udp::endpoint here(where, 0);
    auto made = std::make_shared<socket>(with_.control);
    made->open(here.protocol(), failed);
    if (!failed)
        made->bind(here, failed);
    if (failed)
        return iscsi::fault{failed, "listening for the iSNS server", where.to_string(), {}};
    listening_ = made;
    asio::co_spawn(with_.control, hear(shared_from_this(), made), asio::detached);
    return {};
}

asio::awaitable<void>
isns_watch::hear(std::shared_ptr<isns_watch> /*keeps it alive*/, std::shared_ptr<socket> from) {
    std::vector<std::byte> room(longest_datagram);
    while (from->is_open()) {
        ip::udp::endpoint who;
        const auto [failed, count] =
            co_await from->async_receive_from(asio::buffer(room), who, token);
        if (failed == asio::error::operation_aborted)
            co_return;
        if (!failed && who.address() == server_)
            co_await take(from, who, iscsi::bytes_view(room).first(count));
    }
}

// A datagram is a message; what is none is nobody's trouble.
asio::awaitable<void>
isns_watch::take(std::shared_ptr<socket> from, ip::udp::endpoint who, iscsi::bytes_view said) {
    isns::assembler reader;
    const auto whole = reader.take(said);
    if (!whole || !*whole)
        co_return;
    if (const auto seen = isns::acknowledgement_of(**whole)) {
        const auto wire = isns::encode(*seen);
        const auto [failed, count] = co_await from->async_send_to(asio::buffer(wire), who, token);
        static_cast<void>(failed); // the server says it again
    }
    if (is_change(**whole) && !stopped_)
        with_.changed();
}

} // namespace iscsid::session
