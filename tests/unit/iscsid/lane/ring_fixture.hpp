#pragma once

#include "iscsid/lane/ring.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <vector>

namespace iscsid::lane::test {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

class recorder final : public ring_client {
  public:
    void ring_done(std::uint32_t operation, std::int32_t result) override {
        ++count;
        results[operation] = result;
        if (then)
            then(operation, result);
    }

    std::size_t count = 0;
    std::map<std::uint32_t, std::int32_t> results;
    std::function<void(std::uint32_t, std::int32_t)> then;
};

struct pair_of_descriptors {
    std::array<int, 2> fd{-1, -1};

    ~pair_of_descriptors() {
        for (const int each : fd)
            if (each >= 0)
                ::close(each);
    }
};

struct socket_pair : pair_of_descriptors {
    explicit socket_pair(int flags = 0) {
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | flags, 0, fd.data()), 0);
    }
};

struct pipe_pair : pair_of_descriptors {
    pipe_pair() { EXPECT_EQ(::pipe2(fd.data(), O_NONBLOCK), 0); }
};

inline iovec as_iovec(std::vector<char>& what) {
    return {what.data(), what.size()};
}

inline iscsi::mutable_bytes as_bytes(std::vector<char>& what) {
    return std::as_writable_bytes(std::span(what));
}

class ring_test : public ::testing::TestWithParam<bool> {
  protected:
    void SetUp() override {
        std::string why_not;
        io = make_ring(&why_not, GetParam());
        ASSERT_NE(io, nullptr);
        if (!GetParam() && io->name() != "io_uring")
            GTEST_SKIP() << "no io_uring here: " << why_not;
    }

    // Turns until `count` operations have ended; a lost completion fails the test.
    void turn_until(std::size_t count) {
        const auto give_up = clock::now() + seconds(10);
        while (who.count < count && clock::now() < give_up)
            io->turn(give_up);
        ASSERT_EQ(who.count, count);
    }

    std::unique_ptr<ring> io;
    recorder who;
};

} // namespace iscsid::lane::test
