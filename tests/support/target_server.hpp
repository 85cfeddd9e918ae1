#pragma once

#include "tests/support/fault_injector.hpp"
#include "tests/support/memory_target.hpp"
#include "tests/support/target_link.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <list>
#include <memory>

namespace iscsi::test {

// Serves a memory_target on a loopback socket. Everything happens in the thread that runs the
// io_context; the target must outlive the server.
class target_server {
  public:
    // Port 0 takes a free one. Throws boost::system::system_error.
    target_server(boost::asio::io_context& context, memory_target& target, std::uint16_t port = 0);
    ~target_server();

    // From now on the target says what the script makes of it. Outlives the server.
    void use(fault_injector& faults) { faults_ = &faults; }

    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

    // Closes every connection at once, as a dying network does.
    void drop_connections();

    // Sends what connections have to say after a call to one of them (ping, tell, release_held).
    void flush();

    std::size_t connections() const { return connections_.size(); }

    template <class Action>
    void for_each_link(Action act) {
        for (const auto& each : connections_)
            act(each->link);
        flush();
    }

  private:
    struct connection {
        connection(boost::asio::ip::tcp::socket taken, memory_target& target)
            : socket(std::move(taken)), link(target), stall(socket.get_executor()) {}

        boost::asio::ip::tcp::socket socket;
        target_link link;
        std::vector<std::byte> input = std::vector<std::byte>(256U * 1024U);
        std::vector<std::byte> writing; // under way
        std::vector<std::byte> waiting; // after that
        boost::asio::steady_timer stall;
        bool stalls = false;
        bool closes = false; // once everything has been sent
        bool silent = false;
    };

    using connection_ptr = std::shared_ptr<connection>;

    void accept_next();
    void read_next(const connection_ptr& from);
    void write_next(const connection_ptr& to);
    void take_output(const connection_ptr& to);
    target_link::reception screen(connection& by, const raw_pdu& heard);
    static void tell(connection& to, const std::vector<std::uint8_t>& events);
    void stall_for(const connection_ptr& which, std::chrono::milliseconds time);
    void close(const connection_ptr& which);

    memory_target& target_;
    fault_injector* faults_ = nullptr;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::list<connection_ptr> connections_;
};

} // namespace iscsi::test
