#pragma once

#include "tests/support/fault_injector.hpp"
#include "tests/support/memory_target.hpp"
#include "tests/support/target_link.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <list>
#include <memory>

namespace iscsi::test {

// Paces one direction of a connection: bytes take their time on the wire, one after another.
class wire_pace {
  public:
    using clock = std::chrono::steady_clock;

    // When `bytes` that begin now are over, at that many bytes a second.
    clock::time_point pass(std::size_t bytes, std::uint64_t rate) {
        const auto time = std::chrono::nanoseconds(bytes * 1'000'000'000ULL / rate);
        free_at_ = std::max(free_at_, clock::now()) + time;
        return free_at_;
    }

  private:
    clock::time_point free_at_{};
};

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

    // Bytes a second of each connection and direction; 0: what the machine gives. Receive buffers
    // of connections that come are as small as a slow link's.
    void set_rate(std::uint64_t bytes) { rate_ = bytes; }

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
            : socket(std::move(taken))
            , link(target)
            , stall(socket.get_executor())
            , input_pause(socket.get_executor())
            , output_pause(socket.get_executor())
            , ping(socket.get_executor()) {}

        boost::asio::ip::tcp::socket socket;
        target_link link;
        std::vector<std::byte> input = std::vector<std::byte>(256U * 1024U);
        gathered_output writing; // under way
        gathered_output waiting; // after that
        boost::asio::steady_timer stall;
        boost::asio::steady_timer input_pause;
        boost::asio::steady_timer output_pause;
        boost::asio::steady_timer ping;
        wire_pace input_pace;
        wire_pace output_pace;
        bool stalls = false;
        bool closes = false; // once everything has been sent
        bool silent = false;
    };

    using connection_ptr = std::shared_ptr<connection>;

    void accept_next();
    void read_next(const connection_ptr& from);
    void write_next(const connection_ptr& to);
    void take_output(const connection_ptr& to);
    target_link::treatment screen(connection& by, const raw_pdu& heard);
    void prepare(const connection_ptr& fresh);
    void wait_for_answer(const std::weak_ptr<connection>& to, instant due, std::uint64_t number);
    void ping_later(const connection_ptr& to);
    void land_late_writes_later();
    std::size_t piece(std::size_t most) const;
    void read_after(const connection_ptr& from, std::size_t taken);
    void take_piece(connection& to) const;
    void wrote(const connection_ptr& to, std::size_t count);
    static void tell(connection& to, const std::vector<std::uint8_t>& events);
    void stall_for(const connection_ptr& which, std::chrono::milliseconds time);
    void close(const connection_ptr& which);

    memory_target& target_;
    fault_injector* faults_ = nullptr;
    std::uint64_t rate_ = 0;
    boost::asio::steady_timer landing_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::list<connection_ptr> connections_;
};

} // namespace iscsi::test
