#include "tests/unit/iscsid/lane/ring_fixture.hpp"

#include "iscsid/lane/session_socket.hpp"

#include "libiscsi/core/session/event.hpp"

#include <netinet/in.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

namespace iscsid::lane {
namespace {

using namespace test;

constexpr std::size_t more_than_arrives = std::size_t{1} << 18U;

// Its second end takes little and is not read.
struct tcp_pair : pair_of_descriptors {
    tcp_pair() {
        const int listens = ::socket(AF_INET, SOCK_STREAM, 0);
        const int little = 4096;
        EXPECT_EQ(::setsockopt(listens, SOL_SOCKET, SO_RCVBUF, &little, sizeof little), 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof at;
        auto* const address = reinterpret_cast<sockaddr*>(&at);
        EXPECT_EQ(::bind(listens, address, length), 0);
        EXPECT_EQ(::listen(listens, 1), 0);
        EXPECT_EQ(::getsockname(listens, address, &length), 0);
        fd[0] = ::socket(AF_INET, SOCK_STREAM, 0);
        const int much = more_than_arrives * 2;
        EXPECT_EQ(::setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &much, sizeof much), 0);
        EXPECT_EQ(::connect(fd[0], address, length), 0);
        EXPECT_EQ(::fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
        fd[1] = ::accept(listens, nullptr, nullptr);
        EXPECT_GE(fd[1], 0);
        ::close(listens);
    }
};

class session_socket_test : public ring_test, public socket_owner {
  protected:
    void received(std::size_t) override {}

    void sent(std::size_t bytes) override {
        sent_ += bytes;
        if (sent_ < out_.size())
            send_rest();
    }

    void closed(const iscsi::fault& why) override { closed_ = why; }

    // All of it is the kernel's, and most of it has not left.
    void send_much() {
        socket_ = std::make_unique<session_socket>(-1, *io, *this);
        socket_->open(std::exchange(ends_.fd[0], -1));
        send_rest();
        turn_while([this] { return sent_ < out_.size(); });
        ASSERT_EQ(sent_, out_.size());
    }

    void turn_while(const std::function<bool()>& goes_on) {
        const auto give_up = clock::now() + seconds(10);
        while (goes_on() && clock::now() < give_up)
            io->turn(give_up);
    }

    // What the other end gets until the end, and the error of that: 0: as streams end.
    std::pair<std::size_t, int> take_all() {
        std::vector<char> into(65536);
        std::size_t all = 0;
        for (;;) {
            const auto got = ::recv(ends_.fd[1], into.data(), into.size(), 0);
            if (got <= 0)
                return {all, got == 0 ? 0 : errno};
            all += static_cast<std::size_t>(got);
        }
    }

    tcp_pair ends_;
    std::unique_ptr<session_socket> socket_;
    std::optional<iscsi::fault> closed_;

  private:
    void send_rest() {
        plan_ = {std::as_bytes(std::span(out_)).subspan(sent_)};
        socket_->send(plan_, ending::wakes);
    }

    std::vector<char> out_ = std::vector<char>(more_than_arrives, 'x');
    std::vector<iscsi::bytes_view> plan_;
    std::size_t sent_ = 0;
};

// A write in it has failed by then: it must not land later.
TEST_P(session_socket_test, WhatHasNotLeftIsDroppedAtTheLossOfAConnection) {
    send_much();
    socket_->close({iscsi::to_error_code(iscsi::session_errc::target_closed), {}, {}, {}});
    turn_while([this] { return !closed_; });
    ASSERT_TRUE(closed_);
    const auto [bytes, error] = take_all();
    EXPECT_LT(bytes, more_than_arrives);
    EXPECT_EQ(error, ECONNRESET);
}

TEST_P(session_socket_test, AndWhereItIsClosedOtherwise) {
    send_much();
    socket_->close({});
    turn_while([this] { return !closed_; });
    const auto [bytes, error] = take_all();
    EXPECT_LT(bytes, more_than_arrives);
    EXPECT_EQ(error, ECONNRESET);
}

// As when the process is killed: nobody closes it but the kernel.
TEST_P(session_socket_test, AndWhereNobodyClosesIt) {
    send_much();
    socket_.reset();
    const auto [bytes, error] = take_all();
    EXPECT_LT(bytes, more_than_arrives);
    EXPECT_EQ(error, ECONNRESET);
}

TEST_P(session_socket_test, AfterALogoutItEndsAsStreamsDo) {
    send_much();
    socket_->end_stream();
    turn_while([this] { return !closed_; });
    ASSERT_TRUE(closed_);
    EXPECT_EQ(take_all(), std::pair(more_than_arrives, 0));
}

INSTANTIATE_TEST_SUITE_P(rings, session_socket_test, ::testing::Values(false, true));

} // namespace
} // namespace iscsid::lane
