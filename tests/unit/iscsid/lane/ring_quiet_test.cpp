#include "tests/unit/iscsid/lane/ring_fixture.hpp"

#include <array>
#include <cerrno>
#include <deque>
#include <thread>
#include <utility>

// Operations whose end nobody waits for (ending::quiet).
namespace iscsid::lane::test {
namespace {

class quiet_end_test : public ring_test {
  protected:
    void SetUp() override {
        ring_test::SetUp();
        who.then = [this](std::uint32_t operation, std::int32_t) { ended.push_back(operation); };
    }

    // So many bytes, quietly, in one piece of memory or two.
    void send(std::size_t length, std::uint32_t op, std::size_t pieces = 1) {
        const auto first = pieces == 1 ? length : length / 2;
        sent_.push_back({{{out_.data(), first}, {out_.data() + first, length - first}}});
        const auto& from = sent_.back();
        io->send_vector(sockets.fd[0], {from.data(), pieces}, who, op, ending::quiet);
    }

    void expect_the_count_of_a_part(std::size_t pieces);
    void expect_a_wait_for_room(std::size_t pieces);

    // Both ends of the pair are told how little they hold.
    void make_small() const {
        const int little = 4096;
        for (const int each : sockets.fd)
            ASSERT_EQ(::setsockopt(each, SOL_SOCKET, SO_SNDBUF, &little, sizeof little), 0);
    }

    std::size_t take_all() const {
        std::vector<char> into(65536);
        std::size_t all = 0;
        for (;;) {
            const auto got = ::recv(sockets.fd[1], into.data(), into.size(), MSG_DONTWAIT);
            if (got <= 0)
                return all;
            all += static_cast<std::size_t>(got);
        }
    }

    static constexpr std::size_t more_than_fits = std::size_t{1} << 20U;

    socket_pair sockets;
    std::vector<std::uint32_t> ended;

  private:
    std::vector<char> out_ = std::vector<char>(more_than_fits, 'x');
    std::deque<std::array<iovec, 2>> sent_; // they must stay in place
};

TEST_P(quiet_end_test, DoesNotEndASleepAndIsToldBeforeTheAnswer) {
    std::vector<char> in(16);
    const iovec into = as_iovec(in);
    io->receive_vector(sockets.fd[0], {&into, 1}, who, 1);
    send(16, 2);
    std::thread peer([&] {
        std::vector<char> asked(16);
        EXPECT_EQ(::recv(sockets.fd[1], asked.data(), asked.size(), MSG_WAITALL), 16);
        EXPECT_EQ(::send(sockets.fd[1], "answer", 6, 0), 6);
    });
    turn_until(2);
    peer.join();
    EXPECT_EQ(ended, (std::vector<std::uint32_t>{2, 1}));
    EXPECT_EQ(who.results.at(2), 16);
    EXPECT_EQ(who.results.at(1), 6);
}

TEST_P(quiet_end_test, IsToldAlthoughNothingElseEnds) {
    send(16, 1);
    turn_until(1);
    EXPECT_EQ(who.results.at(1), 16);
}

TEST_P(quiet_end_test, IsToldInTheNextTurnWhenThatIsAskedFor) {
    send(16, 1);
    io->hurry();
    io->turn(std::nullopt); // would not return otherwise
    EXPECT_EQ(who.count, 1U);
}

void quiet_end_test::expect_the_count_of_a_part(std::size_t pieces) {
    make_small();
    send(more_than_fits, 1, pieces);
    io->turn(std::nullopt); // it ends a sleep
    ASSERT_EQ(who.count, 1U);
    EXPECT_GT(who.results.at(1), 0);
    EXPECT_LT(who.results.at(1), 1 << 20);
    EXPECT_EQ(take_all(), static_cast<std::size_t>(who.results.at(1)));
}

TEST_P(quiet_end_test, OfAPartTellsTheCount) {
    expect_the_count_of_a_part(1);
}

TEST_P(quiet_end_test, OfAPartOfTwoPiecesTellsTheCount) {
    expect_the_count_of_a_part(2);
}

TEST_P(quiet_end_test, OfTwoPiecesIsToldAlthoughNothingElseEnds) {
    send(17, 1, 2);
    turn_until(1);
    EXPECT_EQ(who.results.at(1), 17);
    EXPECT_EQ(take_all(), 17U);
}

void quiet_end_test::expect_a_wait_for_room(std::size_t pieces) {
    make_small();
    send(more_than_fits, 1, pieces);
    turn_until(1);
    send(more_than_fits, 2, pieces);
    io->turn(clock::now());
    io->turn(clock::now());
    ASSERT_EQ(who.count, 1U);
    const auto first = take_all();
    EXPECT_EQ(first, static_cast<std::size_t>(who.results.at(1)));
    turn_until(2);
    EXPECT_GT(who.results.at(2), 0);
    EXPECT_EQ(take_all(), static_cast<std::size_t>(who.results.at(2)));
}

TEST_P(quiet_end_test, WaitsWhileThereIsNoRoom) {
    expect_a_wait_for_room(1);
}

TEST_P(quiet_end_test, OfTwoPiecesWaitsWhileThereIsNoRoom) {
    expect_a_wait_for_room(2);
}

TEST_P(quiet_end_test, OfAFailureIsAFailure) {
    std::vector<char> out(16, 'x');
    const iovec from = as_iovec(out);
    ::close(std::exchange(sockets.fd[1], -1));
    io->send_vector(sockets.fd[0], {&from, 1}, who, 1, ending::quiet);
    io->write_vector(-1, {&from, 1}, who, 2, ending::quiet);
    turn_until(2);
    EXPECT_EQ(who.results.at(1), -EPIPE);
    EXPECT_EQ(who.results.at(2), -EBADF);
}

TEST_P(quiet_end_test, ComesOnceAlsoAfterCancel) {
    make_small();
    send(more_than_fits, 1);
    turn_until(1);
    send(more_than_fits, 2); // waits
    io->turn(clock::now());
    io->cancel(who, 2);
    turn_until(2);
    EXPECT_EQ(who.results.at(2), -ECANCELED);
    io->turn(clock::now());
    EXPECT_EQ(who.count, 2U);
}

// More than the queue of submissions holds, and failures among them.
TEST_P(quiet_end_test, OfManyTellsEachItsOwn) {
    constexpr std::uint32_t many = 1000;
    pipe_pair pipe;
    std::vector<char> out(1, 'x');
    const iovec from = as_iovec(out);
    for (std::uint32_t i = 0; i < many; ++i)
        io->write_vector(i % 7 == 0 ? -1 : pipe.fd[1], {&from, 1}, who, i, ending::quiet);
    turn_until(many);
    for (std::uint32_t i = 0; i < many; ++i)
        EXPECT_EQ(who.results.at(i), i % 7 == 0 ? -EBADF : 1) << i;
}

// Each end starts the next one, as a disk's replies do.
TEST_P(quiet_end_test, MayStartTheNextOne) {
    constexpr std::uint32_t many = 50;
    pipe_pair pipe;
    std::vector<char> out(1, 'x');
    const iovec from = as_iovec(out);
    who.then = [&](std::uint32_t operation, std::int32_t) {
        if (operation + 1 < many)
            io->write_vector(pipe.fd[1], {&from, 1}, who, operation + 1, ending::quiet);
        io->hurry();
    };
    io->write_vector(pipe.fd[1], {&from, 1}, who, 0, ending::quiet);
    io->hurry();
    turn_until(many);
}

INSTANTIATE_TEST_SUITE_P(Rings, quiet_end_test, ::testing::Bool(), [](const auto& what) {
    return what.param ? "epoll" : "io_uring";
});

} // namespace
} // namespace iscsid::lane::test
