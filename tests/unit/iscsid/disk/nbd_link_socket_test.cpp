#include "tests/integration/disk/memory_lane.hpp"
#include "tests/unit/iscsid/disk/nbd_peer.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <iostream>

namespace {

using namespace test;
using std::chrono::seconds;

constexpr std::size_t size = std::size_t{8} << 20U;
constexpr auto patience = seconds(20);

// A link on a lane with a real ring, and a client with a real socket. The parameter: epoll?
class nbd_link_socket : public ::testing::TestWithParam<bool> {
  protected:
    void SetUp() override {
        if (!GetParam() && lane.ring_name() != "io_uring")
            GTEST_SKIP() << "no io_uring here";
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        const timeval limit{patience.count(), 0};
        ::setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        lane.put({}, lun);
        link = std::make_unique<disk::nbd_link>(
            ends[1],
            disk::nbd_shape{.slots = 8, .payload = 64 * 1024},
            [this] { ended.set_value(); }
        );
        lane.attach(0, {}, {}, *link);
    }

    void TearDown() override {
        if (link && !has_left)
            leave();
        for (const int each : ends)
            if (each >= 0)
                ::close(each);
    }

    static bool has_come(const std::future<void>& what) {
        return what.wait_for(patience) == std::future_status::ready;
    }

    std::future<void> start_leave() {
        has_left = true;
        auto left = gone.get_future();
        lane.detach(*link, [this] { gone.set_value(); });
        return left;
    }

    void leave() {
        if (!has_come(start_leave())) {
            ADD_FAILURE() << "it does not leave";
            static_cast<void>(link.release()); // the lane still has it
        }
    }

    bool send(const bytes& what) const {
        return ::send(ends[0], what.data(), what.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(what.size());
    }

    // Less when the link has nothing more to say.
    bytes receive(std::size_t count) const {
        bytes got(count);
        std::size_t filled = 0;
        while (filled < count) {
            const auto some = ::recv(ends[0], got.data() + filled, count - filled, 0);
            if (some <= 0 && errno != EINTR)
                break;
            filled += static_cast<std::size_t>(std::max<ssize_t>(some, 0));
        }
        got.resize(filled);
        return got;
    }

    std::uint32_t error_of_reply() const {
        const auto header = receive(16);
        return header.size() == 16 ? iscsi::load_be32(&header[4]) : ~0U;
    }

    // Of the lane, which counts them on its thread.
    std::uint64_t calls() {
        std::promise<std::uint64_t> seen;
        lane.post([&] { seen.set_value(lane.system_calls()); });
        return seen.get_future().get();
    }

    memory_lun lun{size};
    std::array<int, 2> ends{-1, -1};
    std::promise<void> ended;
    std::promise<void> gone;
    bool has_left = false;
    std::unique_ptr<disk::nbd_link> link;
    memory_lane lane{GetParam()}; // it ends before what it runs
};

TEST_P(nbd_link_socket, what_was_written_is_read) {
    for (const std::uint32_t length : {512U, 65536U, 65537U, 4U << 20U}) {
        const auto data = pattern(length);
        std::future<bool> sent = std::async(std::launch::async, [&] {
            return send(joined({nbd_request(1, 1, 4096, length), data}));
        });
        EXPECT_EQ(error_of_reply(), 0U);
        EXPECT_TRUE(sent.get());
        EXPECT_TRUE(send(nbd_request(0, 2, 4096, length)));
        EXPECT_EQ(error_of_reply(), 0U);
        EXPECT_TRUE(receive(length) == data) << length;
    }
}

TEST_P(nbd_link_socket, many_requests_of_a_client_that_does_not_wait) {
    constexpr std::uint64_t count = 500;
    std::map<std::uint64_t, std::uint32_t> lengths;
    bytes all;
    for (std::uint64_t cookie = 0; cookie < count; ++cookie) {
        lengths[cookie] = 4096;
        all = joined({std::move(all), nbd_request(0, cookie, cookie * 4096, 4096)});
    }
    lun.fill(std::byte{9});
    auto sent = std::async(std::launch::async, [&] { return send(all); });
    const nbd_answers got(receive(count * (16 + 4096)), lengths);
    EXPECT_TRUE(sent.get());
    EXPECT_TRUE(got.is_sound);
    EXPECT_EQ(got.all.size(), count);
    for (const auto& [cookie, answer] : got.all)
        EXPECT_EQ(answer.data, bytes(4096, std::byte{9})) << cookie;
}

// System calls of the lane for each read of 4 KiB, `depth` of which the client asks for at a time.
// The LUN answers at once, before the next request is received, so that the end of each reply is
// waited for: the dearest case. What a session adds is the lane's budget (lane/budget_test).
TEST_P(nbd_link_socket, a_read_costs_few_system_calls) {
    const auto cost = [this](std::uint32_t depth) {
        constexpr std::uint32_t rounds = 200;
        bytes asked;
        for (std::uint64_t cookie = 0; cookie < depth; ++cookie)
            asked = joined({std::move(asked), nbd_request(0, cookie, cookie * 4096, 4096)});
        const auto before = calls();
        for (std::uint32_t round = 0; round < rounds; ++round) {
            EXPECT_TRUE(send(asked));
            EXPECT_EQ(receive(depth * (16U + 4096U)).size(), depth * (16U + 4096U));
        }
        const auto each = static_cast<double>(calls() - before) / (rounds * depth);
        std::cout << lane.ring_name() << " depth " << depth << ": " << each << " calls a read\n";
        return each;
    };
    // Epoll tries first and then waits: how often depends on when the client is quicker.
    const bool is_epoll = GetParam();
    EXPECT_LE(cost(1), is_epoll ? 12 : 3);
    EXPECT_LE(cost(8), is_epoll ? 3 : 1);
}

TEST_P(nbd_link_socket, a_client_that_goes_in_the_middle_of_a_payload) {
    EXPECT_TRUE(send(joined({nbd_request(1, 1, 0, 1U << 20U), pattern(1000)})));
    ::close(std::exchange(ends[0], -1));
    EXPECT_TRUE(has_come(ended.get_future()));
    leave();
    EXPECT_EQ(lun.writes, 0U);
}

TEST_P(nbd_link_socket, a_disconnect_after_requests) {
    EXPECT_TRUE(send(joined({nbd_request(3, 1), nbd_request(3, 2), nbd_request(2, 0)})));
    EXPECT_EQ(receive(32).size(), 32U);
    EXPECT_TRUE(has_come(ended.get_future()));
}

TEST_P(nbd_link_socket, leaving_waits_for_the_lun) {
    lun.hold = true;
    EXPECT_TRUE(send(nbd_request(0, 1, 0, 4096)));
    const auto limit = std::chrono::steady_clock::now() + patience;
    while (lun.kept == 0 && std::chrono::steady_clock::now() < limit)
        std::this_thread::yield();
    const auto left = start_leave();
    std::promise<void> seen;
    lane.post([&] { seen.set_value(); });
    ASSERT_TRUE(has_come(seen.get_future()));
    EXPECT_NE(left.wait_for(seconds(0)), std::future_status::ready);
    lane.post([this] { lun.let_go(); });
    EXPECT_TRUE(has_come(left));
}

TEST_P(nbd_link_socket, leaving_does_not_wait_for_a_client_that_takes_nothing) {
    for (std::uint64_t cookie = 0; cookie < 8; ++cookie)
        EXPECT_TRUE(send(nbd_request(0, cookie, 0, 4U << 20U)));
    EXPECT_EQ(receive(16).size(), 16U); // replies are on their way
    leave();
}

INSTANTIATE_TEST_SUITE_P(Rings, nbd_link_socket, ::testing::Bool(), [](const auto& what) {
    return what.param ? "epoll" : "io_uring";
});

} // namespace
