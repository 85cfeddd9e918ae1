#include "tests/unit/net/run.hpp"

#include "libiscsi/net/connector.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>

namespace {

using namespace iscsi;
using boost::asio::ip::tcp;

// A loopback port where nobody listens: bound, so that nobody else takes it either.
struct deaf_port {
    explicit deaf_port(boost::asio::io_context& context)
        : socket(context, tcp::endpoint(tcp::v4(), 0)) {}

    net::endpoint where() const {
        return {boost::asio::ip::address_v4::loopback(), socket.local_endpoint().port()};
    }

    tcp::socket socket;
};

struct connector : testing::Test {
    boost::asio::io_context context;
    tcp::acceptor acceptor{context, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};

    result<net::connected> connect(net::endpoints to, const net::connect_options& options = {}) {
        return test::run(context, net::connect(std::move(to), options));
    }

    static int number(int socket, int level, int name) {
        int value = -1;
        socklen_t size = sizeof value;
        EXPECT_EQ(::getsockopt(socket, level, name, &value, &size), 0);
        return value;
    }
};

TEST_F(connector, connects_and_tunes) {
    net::connect_options options;
    options.window_size = 65536;
    auto made = connect({acceptor.local_endpoint()}, options);
    ASSERT_TRUE(made.has_value()) << made.error().text();
    const int socket = made->over.native_handle();
    EXPECT_EQ(number(socket, IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(number(socket, SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(number(socket, IPPROTO_TCP, TCP_USER_TIMEOUT), 30000);
    EXPECT_GE(number(socket, SOL_SOCKET, SO_RCVBUF), 65536);
    EXPECT_GE(number(socket, SOL_SOCKET, SO_SNDBUF), 65536);
    EXPECT_EQ(made->peer, acceptor.local_endpoint());
    EXPECT_TRUE(made->local.address().is_loopback());
}

TEST_F(connector, a_refusal_has_the_words_of_the_system) {
    const deaf_port deaf(context);
    const auto made = connect({deaf.where()});
    ASSERT_TRUE(made.has_error());
    EXPECT_EQ(made.error().code, boost::asio::error::connection_refused);
    EXPECT_EQ(made.error().code.message(), "Connection refused");
    EXPECT_EQ(made.error().field, net::to_text(deaf.where()));
}

TEST_F(connector, the_next_address_is_tried) {
    const deaf_port deaf(context);
    const auto made = connect({deaf.where(), acceptor.local_endpoint()});
    ASSERT_TRUE(made.has_value()) << made.error().text();
    EXPECT_EQ(made->peer, acceptor.local_endpoint());
}

TEST_F(connector, no_address_is_a_fault) {
    EXPECT_TRUE(connect({}).has_error());
}

TEST_F(connector, a_device_that_is_not_there_is_a_fault) {
    net::connect_options options;
    options.device = "nosuchdevice0";
    EXPECT_TRUE(connect({acceptor.local_endpoint()}, options).has_error());
}

TEST_F(connector, the_loopback_device_can_be_bound) {
    net::connect_options options;
    options.device = "lo";
    const auto made = connect({acceptor.local_endpoint()}, options);
    if (made.has_error() && made.error().code == boost::system::errc::operation_not_permitted)
        GTEST_SKIP() << "SO_BINDTODEVICE needs a privilege";
    EXPECT_TRUE(made.has_value()) << made.error().text();
}

TEST_F(connector, a_released_socket_blocks_again) {
    auto made = connect({acceptor.local_endpoint()});
    ASSERT_TRUE(made.has_value());
    const int socket = net::release(made->over);
    ASSERT_GE(socket, 0);
    EXPECT_EQ(::fcntl(socket, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_EQ(net::release(made->over), -1);
    ::close(socket);
}

} // namespace
