#pragma once

#include "iscsid/session/condition.hpp"
#include "iscsid/session/isns_registrations.hpp"
#include "iscsid/session/login_plan.hpp"

#include "libiscsi/net/isns_client.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/udp.hpp>

#include <functional>
#include <memory>
#include <string>

namespace iscsid::session {

// The registration of an initiator with an iSNS server, for as long as somebody wants to hear of
// changes (RFC 4171 §5.6.5.1, §5.6.5.5, §5.6.5.8): it is renewed when half of its period is over,
// and tried again while the server is away. Notifications come by UDP to the address by which the
// server is reached, and are taken from that server alone.
//
//   start(), once → renew(), any time → stop()
//
// Lives on the control thread. Its coroutines keep it alive.
class isns_watch : public std::enable_shared_from_this<isns_watch> {
  public:
    struct options {
        boost::asio::any_io_executor control;
        boost::asio::any_io_executor resolvers;
        std::function<void()> changed;                   // something may be another than before
        std::function<void(const std::string&)> failed;  // a registration: why
        iscsi::duration pause = std::chrono::seconds(5); // before the next try; it doubles
    };

    isns_watch(discovery_plan plan, options how);

    const std::string& initiator() const { return plan_.session.initiator_name; }

    void start();

    // Before its time, for a server that may have forgotten it.
    void renew();

    // Also takes the registration back, as far as the server answers, unless somebody else needs
    // it.
    void stop();

  private:
    using socket = boost::asio::ip::udp::socket;

    boost::asio::awaitable<void> run(std::shared_ptr<isns_watch> self);
    boost::asio::awaitable<iscsi::result<iscsi::duration>> register_once();
    boost::asio::awaitable<iscsi::result<iscsi::net::isns_client>> connect();
    boost::asio::awaitable<void> deregister();
    iscsi::result<void> listen_at(const boost::asio::ip::address& where);
    boost::asio::awaitable<void>
    hear(std::shared_ptr<isns_watch> self, std::shared_ptr<socket> from);
    boost::asio::awaitable<void>
    take(std::shared_ptr<socket> from, boost::asio::ip::udp::endpoint who, iscsi::bytes_view said);

    discovery_plan plan_;
    options with_;
    condition changed_;
    isns_need need_; // from the beginning: who asks next waits for the first try
    std::shared_ptr<socket> listening_;
    boost::asio::ip::address server_;
    bool is_registered_ = false;
    bool renews_ = false;
    bool stopped_ = false;
};

} // namespace iscsid::session
