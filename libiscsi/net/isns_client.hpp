#pragma once

#include "libiscsi/isns/answer.hpp"
#include "libiscsi/net/connector.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>

namespace iscsi::net {

// A talk with an iSNS server over one connection: one question at a time. Lives on one thread.
class isns_client {
  public:
    explicit isns_client(connected link) : link_(std::move(link)) {}

    const endpoint& local() const { return link_.local; }

    const endpoint& peer() const { return link_.peer; }

    // Gives the question a transaction ID and waits for its answer. What the server says by itself
    // meanwhile is acknowledged. Faults: isns_errc, after which the connection is of no use but for
    // `refused` and `unknown_source`; what the system says; timed_out when there is no whole answer
    // within the limit.
    boost::asio::awaitable<result<isns::message>> ask(isns::message what, duration limit);

  private:
    boost::asio::awaitable<result<isns::message>> exchange(isns::message what);
    boost::asio::awaitable<result<void>> send(isns::message what);
    boost::asio::awaitable<result<isns::message>> receive();

    connected link_;
    isns::assembler reader_;
    std::uint16_t transaction_ = 0;
};

} // namespace iscsi::net
