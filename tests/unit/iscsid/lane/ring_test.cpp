#include "tests/unit/iscsid/lane/ring_fixture.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <functional>
#include <map>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

namespace iscsid::lane::test {
namespace {

TEST_P(ring_test, SaysItsName) {
    EXPECT_EQ(io->name(), GetParam() ? "epoll" : "io_uring");
}

TEST_P(ring_test, ReceivesWhatIsAlreadyThere) {
    socket_pair sockets;
    ASSERT_EQ(::write(sockets.fd[1], "hello", 5), 5);
    std::vector<char> into(16);
    const iovec vector = as_iovec(into);
    io->receive_vector(sockets.fd[0], {&vector, 1}, who, 7);
    EXPECT_EQ(who.count, 0U) << "never from inside the start";
    turn_until(1);
    EXPECT_EQ(who.results.at(7), 5);
    EXPECT_EQ(std::string(into.data(), 5), "hello");
}

TEST_P(ring_test, ReceivesWhatComesLater) {
    socket_pair sockets;
    std::vector<char> into(16);
    const iovec vector = as_iovec(into);
    io->receive_vector(sockets.fd[0], {&vector, 1}, who, 1);
    io->turn(clock::now());
    EXPECT_EQ(who.count, 0U);
    ASSERT_EQ(::write(sockets.fd[1], "later", 5), 5);
    turn_until(1);
    EXPECT_EQ(who.results.at(1), 5);
}

TEST_P(ring_test, ScattersAndGathers) {
    socket_pair sockets;
    std::vector<char> one(3, 'a');
    std::vector<char> two(4, 'b');
    const std::array<iovec, 2> from{as_iovec(one), as_iovec(two)};
    std::vector<char> head(2);
    std::vector<char> tail(10);
    const std::array<iovec, 2> into{as_iovec(head), as_iovec(tail)};
    io->receive_vector(sockets.fd[1], into, who, 1);
    io->send_vector(sockets.fd[0], from, who, 2, ending::wakes);
    turn_until(2);
    EXPECT_EQ(who.results.at(2), 7);
    EXPECT_EQ(who.results.at(1), 7);
    EXPECT_EQ(std::string(head.data(), 2), "aa");
    EXPECT_EQ(std::string(tail.data(), 5), "abbbb");
}

TEST_P(ring_test, EndOfStreamIsZero) {
    socket_pair sockets;
    std::vector<char> into(16);
    const iovec vector = as_iovec(into);
    io->receive_vector(sockets.fd[0], {&vector, 1}, who, 1);
    ::shutdown(sockets.fd[1], SHUT_WR);
    turn_until(1);
    EXPECT_EQ(who.results.at(1), 0);
}

TEST_P(ring_test, ShutdownOfTheOwnSideEndsAReceive) {
    socket_pair sockets;
    std::vector<char> into(16);
    const iovec vector = as_iovec(into);
    io->receive_vector(sockets.fd[0], {&vector, 1}, who, 1);
    io->turn(clock::now());
    ::shutdown(sockets.fd[0], SHUT_RDWR);
    turn_until(1);
    EXPECT_EQ(who.results.at(1), 0);
}

TEST_P(ring_test, SendToAClosedPeerIsAnErrorAndNoSignal) {
    socket_pair sockets;
    ::close(std::exchange(sockets.fd[1], -1));
    std::vector<char> data(8);
    const iovec vector = as_iovec(data);
    io->send_vector(sockets.fd[0], {&vector, 1}, who, 1, ending::wakes);
    turn_until(1);
    EXPECT_EQ(who.results.at(1), -EPIPE);
}

TEST_P(ring_test, BadDescriptorIsAnError) {
    std::vector<char> data(8);
    const iovec vector = as_iovec(data);
    io->read(-1, as_bytes(data), who, 1);
    io->write_vector(-1, {&vector, 1}, who, 2, ending::wakes);
    turn_until(2);
    EXPECT_EQ(who.results.at(1), -EBADF);
    EXPECT_EQ(who.results.at(2), -EBADF);
}

TEST_P(ring_test, ReadsAPipeThatIsNonBlocking) {
    pipe_pair pipe;
    std::vector<char> into(16);
    io->read(pipe.fd[0], as_bytes(into), who, 3);
    io->turn(clock::now());
    io->turn(clock::now());
    EXPECT_EQ(who.count, 0U) << "EAGAIN is no result";
    ASSERT_EQ(::write(pipe.fd[1], "pipe", 4), 4);
    turn_until(1);
    EXPECT_EQ(who.results.at(3), 4);
}

TEST_P(ring_test, WritesAPipeWhenThereIsRoom) {
    pipe_pair pipe;
    std::vector<char> fill(1 << 16, 'x');
    while (::write(pipe.fd[1], fill.data(), fill.size()) > 0) {
    }
    const iovec vector = as_iovec(fill);
    io->write_vector(pipe.fd[1], {&vector, 1}, who, 3, ending::wakes);
    io->turn(clock::now());
    EXPECT_EQ(who.count, 0U);
    std::vector<char> drain(1 << 16);
    while (::read(pipe.fd[0], drain.data(), drain.size()) > 0) {
    }
    turn_until(1);
    EXPECT_GT(who.results.at(3), 0);
}

TEST_P(ring_test, ReadsAnEventCounter) {
    pair_of_descriptors event;
    event.fd[0] = ::eventfd(0, EFD_NONBLOCK);
    std::vector<char> into(8);
    for (std::size_t round = 1; round <= 3; ++round) {
        io->read(event.fd[0], as_bytes(into), who, 1);
        io->turn(clock::now());
        ASSERT_EQ(::eventfd_write(event.fd[0], 1), 0);
        turn_until(round);
        EXPECT_EQ(who.results.at(1), 8);
    }
}

TEST_P(ring_test, AnotherThreadWakesTheTurn) {
    pair_of_descriptors event;
    event.fd[0] = ::eventfd(0, EFD_NONBLOCK);
    std::vector<char> into(8);
    io->read(event.fd[0], as_bytes(into), who, 1);
    std::jthread other([&] { ::eventfd_write(event.fd[0], 1); });
    while (who.count == 0)
        io->turn(std::nullopt);
    EXPECT_EQ(who.results.at(1), 8);
}

TEST_P(ring_test, CancelEndsAWaitingReceive) {
    socket_pair sockets;
    std::vector<char> into(16);
    const iovec vector = as_iovec(into);
    io->receive_vector(sockets.fd[0], {&vector, 1}, who, 1);
    io->turn(clock::now());
    io->cancel(who, 1);
    turn_until(1);
    EXPECT_EQ(who.results.at(1), -ECANCELED);
    // The bytes that come now belong to the next receive.
    ASSERT_EQ(::write(sockets.fd[1], "next", 4), 4);
    io->receive_vector(sockets.fd[0], {&vector, 1}, who, 2);
    turn_until(2);
    EXPECT_EQ(who.results.at(2), 4);
}

TEST_P(ring_test, CancelEndsAWaitingReceiveIntoTwoPlaces) {
    socket_pair sockets;
    std::vector<char> head(2, '-');
    std::vector<char> tail(10, '-');
    const std::array<iovec, 2> vector{as_iovec(head), as_iovec(tail)};
    io->receive_vector(sockets.fd[0], vector, who, 1);
    io->turn(clock::now());
    io->cancel(who, 1);
    turn_until(1);
    EXPECT_EQ(who.results.at(1), -ECANCELED);
    ASSERT_EQ(::write(sockets.fd[1], "next", 4), 4);
    io->turn(clock::now());
    EXPECT_EQ(head, std::vector<char>(2, '-')) << "written to after its end";
}

TEST_P(ring_test, CancelEndsAWaitingReadOfAPipe) {
    pipe_pair pipe;
    std::vector<char> into(16);
    io->read(pipe.fd[0], as_bytes(into), who, 1);
    io->turn(clock::now());
    io->turn(clock::now());
    io->cancel(who, 1);
    turn_until(1);
    EXPECT_EQ(who.results.at(1), -ECANCELED);
}

TEST_P(ring_test, CancelBeforeTheFirstTurnStillEndsOnce) {
    socket_pair sockets;
    std::vector<char> into(16);
    const iovec vector = as_iovec(into);
    io->receive_vector(sockets.fd[0], {&vector, 1}, who, 1);
    io->cancel(who, 1);
    io->cancel(who, 1);
    turn_until(1);
    EXPECT_EQ(who.results.at(1), -ECANCELED);
    io->turn(clock::now() + milliseconds(5));
    EXPECT_EQ(who.count, 1U);
}

TEST_P(ring_test, CancelOfNothingDoesNothing) {
    socket_pair sockets;
    std::vector<char> into(16);
    const iovec vector = as_iovec(into);
    recorder other;
    io->receive_vector(sockets.fd[0], {&vector, 1}, who, 1);
    io->cancel(other, 1);
    io->cancel(who, 2);
    io->turn(clock::now() + milliseconds(5));
    EXPECT_EQ(who.count, 0U);
    ASSERT_EQ(::write(sockets.fd[1], "here", 4), 4);
    turn_until(1);
    EXPECT_EQ(who.results.at(1), 4);
}

TEST_P(ring_test, TurnEndsAtItsDeadline) {
    const auto deadline = clock::now() + milliseconds(20);
    while (clock::now() < deadline)
        io->turn(deadline);
    EXPECT_GE(clock::now(), deadline);
    EXPECT_LT(io->system_calls(), 20U) << "it slept, and did not spin";
}

TEST_P(ring_test, TurnWithAPastDeadlineComesBackAtOnce) {
    io->turn(clock::now() - seconds(5));
    io->turn(clock::time_point{});
    SUCCEED();
}

TEST_P(ring_test, OperationsStartedFromRingDoneRunInLaterTurns) {
    socket_pair sockets;
    std::vector<char> data(1, 'x');
    std::vector<char> into(1);
    const iovec out = as_iovec(data);
    const iovec in = as_iovec(into);
    constexpr std::size_t rounds = 1000;
    who.then = [&](std::uint32_t operation, std::int32_t result) {
        ASSERT_EQ(result, 1);
        if (who.count >= rounds)
            return;
        if (operation == 1)
            io->receive_vector(sockets.fd[1], {&in, 1}, who, 2);
        else
            io->send_vector(sockets.fd[0], {&out, 1}, who, 1, ending::wakes);
    };
    io->send_vector(sockets.fd[0], {&out, 1}, who, 1, ending::wakes);
    turn_until(rounds);
}

TEST_P(ring_test, ManyOperationsOfManyDescriptors) {
    constexpr std::size_t count = 1500; // more than the table and the queues hold at first
    std::vector<socket_pair> sockets(300);
    std::vector<std::vector<char>> into(count, std::vector<char>(1));
    std::vector<iovec> vectors;
    for (auto& each : into)
        vectors.push_back(as_iovec(each));
    for (std::uint32_t i = 0; i < count; ++i)
        io->receive_vector(sockets[i % 300].fd[0], {&vectors[i], 1}, who, i);
    io->turn(clock::now());
    for (std::size_t i = 0; i < count; ++i)
        ASSERT_EQ(::write(sockets[i % 300].fd[1], "y", 1), 1);
    turn_until(count);
    EXPECT_EQ(who.results.size(), count);
    for (const auto& [operation, result] : who.results)
        EXPECT_EQ(result, 1) << operation;
}

TEST_P(ring_test, SeveralReadsOfOneDescriptorEachGetTheirs) {
    socket_pair sockets;
    std::vector<char> into(4);
    std::vector<iovec> vectors;
    for (char& each : into)
        vectors.push_back({&each, 1});
    for (std::uint32_t i = 0; i < 4; ++i)
        io->receive_vector(sockets.fd[0], {&vectors[i], 1}, who, i);
    io->turn(clock::now());
    ASSERT_EQ(::write(sockets.fd[1], "abcd", 4), 4);
    turn_until(4);
    std::sort(into.begin(), into.end());
    EXPECT_EQ(std::string(into.begin(), into.end()), "abcd");
}

TEST_P(ring_test, ALargeTransferArrivesWholeAndInOrder) {
    socket_pair sockets;
    constexpr std::size_t size = 8 << 20;
    std::vector<char> from(size);
    std::iota(from.begin(), from.end(), char{0});
    std::vector<char> into(size);
    std::size_t sent = 0;
    std::size_t received = 0;
    iovec out{from.data(), size};
    iovec in{into.data(), size};
    who.then = [&](std::uint32_t operation, std::int32_t result) {
        ASSERT_GT(result, 0);
        const auto moved = static_cast<std::size_t>(result);
        if (operation == 1 && (sent += moved) < size) {
            out = {from.data() + sent, size - sent};
            io->send_vector(sockets.fd[0], {&out, 1}, who, 1, ending::wakes);
        }
        if (operation == 2 && (received += moved) < size) {
            in = {into.data() + received, size - received};
            io->receive_vector(sockets.fd[1], {&in, 1}, who, 2);
        }
    };
    io->send_vector(sockets.fd[0], {&out, 1}, who, 1, ending::wakes);
    io->receive_vector(sockets.fd[1], {&in, 1}, who, 2);
    const auto give_up = clock::now() + seconds(20);
    while (received < size && clock::now() < give_up)
        io->turn(give_up);
    EXPECT_EQ(from, into);
}

TEST_P(ring_test, ADescriptorNumberThatIsUsedAgainWorks) {
    std::vector<char> into(4);
    const iovec vector = as_iovec(into);
    for (std::size_t round = 1; round <= 20; ++round) {
        socket_pair sockets;
        io->receive_vector(sockets.fd[0], {&vector, 1}, who, 1);
        io->turn(clock::now());
        ASSERT_EQ(::write(sockets.fd[1], "z", 1), 1);
        turn_until(round);
        EXPECT_EQ(who.results.at(1), 1);
    }
}

TEST_P(ring_test, CanBeMadeOnOneThreadAndUsedOnAnother) {
    socket_pair sockets;
    std::jthread other([&] {
        std::vector<char> into(4);
        const iovec vector = as_iovec(into);
        io->receive_vector(sockets.fd[0], {&vector, 1}, who, 1);
        ASSERT_EQ(::write(sockets.fd[1], "z", 1), 1);
        turn_until(1);
    });
    other.join();
    EXPECT_EQ(who.results.at(1), 1);
}

// SOCKET_URING_OP_SIOCINQ of Linux 6.7 ends at once: what it has to tell is seen before it is told.
TEST_P(ring_test, SaysWhenNoCommandHasEndedUnheard) {
    socket_pair sockets;
    io->turn(iscsi::instant{});
    if (!io->defers_commands()) {
        EXPECT_FALSE(io->settle_commands()) << "no moment is safe";
        return;
    }
    EXPECT_TRUE(io->settle_commands());
    io->command(sockets.fd[0], 0, command_field{}, who, 1);
    EXPECT_FALSE(io->settle_commands()) << "it has ended, and its owner does not know";
    EXPECT_EQ(who.count, 0U);
    turn_until(1);
    EXPECT_TRUE(io->settle_commands());
}

// The kernel has taken them by then, for it reads their memory when it does.
TEST_P(ring_test, SettlingStartsWhatWasPrepared) {
    socket_pair sockets;
    io->turn(iscsi::instant{});
    if (!io->defers_commands())
        return;
    std::vector<char> hello{'h', 'i'};
    const iovec vector = as_iovec(hello);
    io->send_vector(sockets.fd[0], {&vector, 1}, who, 3, ending::wakes);
    EXPECT_TRUE(io->settle_commands()) << "the end of a send is no matter of commands";
    std::array<char, 4> got{};
    EXPECT_EQ(::recv(sockets.fd[1], got.data(), got.size(), MSG_DONTWAIT), 2);
    EXPECT_EQ(who.count, 0U);
    turn_until(1);
}

// Files without commands refuse them, and so does a ring that has none.
TEST_P(ring_test, ACommandThatTheFileDoesNotKnowIsRefused) {
    pipe_pair pipe;
    io->command(pipe.fd[0], 0x1234, command_field{}, who, 5);
    EXPECT_EQ(who.count, 0U) << "never from inside the start";
    turn_until(1);
    EXPECT_EQ(who.results.at(5), -EOPNOTSUPP);
}

TEST_P(ring_test, AWideCommandIsRefusedAsOthersAre) {
    if (!io->takes_wide_commands())
        GTEST_SKIP() << "needs SQEs of double size";
    pipe_pair pipe;
    const std::array<iovec, 2> buffers{};
    wide_command what;
    what.opcode = 0x1234;
    what.buffers = buffers;
    for (std::uint32_t i = 0; i < 600; ++i) { // more than the queue of submissions holds
        what.field.fill(static_cast<std::byte>(i));
        io->command_with_buffers(pipe.fd[0], what, who, i);
    }
    EXPECT_EQ(who.count, 0U) << "never from inside the start";
    turn_until(600);
    for (const auto& [operation, result] : who.results)
        EXPECT_EQ(result, -EOPNOTSUPP) << operation;
}

TEST_P(ring_test, CommandsAndOtherOperationsDoNotDisturbEachOther) {
    pipe_pair pipe;
    std::vector<char> into(16);
    io->read(pipe.fd[0], as_bytes(into), who, 1000);
    for (std::uint32_t i = 0; i < 600; ++i) // more than the queue of submissions holds
        io->command(pipe.fd[0], i, command_field{}, who, i);
    turn_until(600);
    for (const auto& [operation, result] : who.results)
        EXPECT_EQ(result, -EOPNOTSUPP) << operation;
    ASSERT_EQ(::write(pipe.fd[1], "pipe", 4), 4);
    turn_until(601);
    EXPECT_EQ(who.results.at(1000), 4);
}

TEST_P(ring_test, ACommandOfABadDescriptorIsAnError) {
    io->command(-1, 1, command_field{}, who, 1);
    turn_until(1);
    EXPECT_EQ(who.results.at(1), GetParam() ? -EOPNOTSUPP : -EBADF);
}

TEST_P(ring_test, CommandsMayBeStartedFromTheirEnd) {
    pipe_pair pipe;
    who.then = [&](std::uint32_t operation, std::int32_t) {
        if (who.count < 100)
            io->command(pipe.fd[0], 1, command_field{}, who, operation + 1);
    };
    io->command(pipe.fd[0], 1, command_field{}, who, 0);
    turn_until(100);
    EXPECT_EQ(who.results.size(), 100U);
}

TEST_P(ring_test, CountsItsSystemCalls) {
    const auto before = io->system_calls();
    io->turn(clock::now());
    EXPECT_EQ(io->system_calls() - before, 1U);
}

INSTANTIATE_TEST_SUITE_P(Rings, ring_test, ::testing::Bool(), [](const auto& what) {
    return what.param ? "epoll" : "io_uring";
});

} // namespace
} // namespace iscsid::lane::test
