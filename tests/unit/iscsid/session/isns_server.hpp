#pragma once

#include "libiscsi/isns/answer.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <functional>
#include <vector>

namespace iscsid::session::test {

// An iSNS server on a loopback port, whose answers are the test's: bytes for each request, in their
// order; none: it is silent.
class isns_server {
  public:
    using bytes = std::vector<std::byte>;

    explicit isns_server(boost::asio::io_context& on) : listener_(on, {loopback(), 0}) {
        boost::asio::co_spawn(on, accept(), boost::asio::detached);
    }

    std::uint16_t port() const { return listener_.local_endpoint().port(); }

    std::function<bytes(const iscsi::isns::message&)> answers;
    std::vector<iscsi::isns::message> asked;
    bool closes = false; // after its answer

    // One that tells targets, by name, at 127.0.0.1:3260.
    static iscsi::isns::message
    naming(const iscsi::isns::message& asked, const std::vector<std::string>& targets) {
        using namespace iscsi::isns;
        auto made = answer_to(asked, 0);
        made.attributes = {number(tag::node_type, 1), nothing(tag::delimiter)};
        attribute address = nothing(tag::group_portal_address);
        address.value.resize(16);
        address.value[10] = address.value[11] = std::byte{0xff};
        address.value[12] = std::byte{127};
        address.value[15] = std::byte{1};
        for (const auto& each : targets) {
            made.attributes.push_back(text(tag::iscsi_name, each));
            made.attributes.push_back(number(tag::node_type, 1));
            made.attributes.push_back(text(tag::group_iscsi_name, each));
            made.attributes.push_back(address);
            made.attributes.push_back(number(tag::group_portal_port, 3260));
            made.attributes.push_back(number(tag::group_tag, 1));
        }
        return made;
    }

    static iscsi::isns::message answer_to(const iscsi::isns::message& asked, std::uint32_t status) {
        iscsi::isns::message made;
        made.function_id = asked.function_id | iscsi::isns::response_bit;
        made.transaction = asked.transaction;
        made.status = status;
        return made;
    }

  private:
    static boost::asio::ip::address loopback() { return boost::asio::ip::address_v4::loopback(); }

    boost::asio::awaitable<void> accept() {
        for (;;) {
            auto link = co_await listener_.async_accept(boost::asio::use_awaitable);
            boost::asio::co_spawn(
                listener_.get_executor(), serve(std::move(link)), boost::asio::detached
            );
        }
    }

    boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket link) {
        iscsi::isns::assembler reader;
        bytes room(4096);
        for (;;) {
            const auto [failed, count] = co_await link.async_read_some(
                boost::asio::buffer(room), boost::asio::as_tuple(boost::asio::use_awaitable)
            );
            if (failed)
                co_return;
            auto whole = reader.take(iscsi::bytes_view(room).first(count));
            for (; whole && *whole; whole = reader.take({})) {
                asked.push_back(**whole);
                const auto answer = answers ? answers(asked.back()) : bytes();
                const auto [refused, sent] = co_await boost::asio::async_write(
                    link,
                    boost::asio::buffer(answer),
                    boost::asio::as_tuple(boost::asio::use_awaitable)
                );
                if (refused || closes)
                    co_return;
            }
        }
    }

    boost::asio::ip::tcp::acceptor listener_;
};

} // namespace iscsid::session::test
