#include "tests/unit/iscsid/disk/fuse_peer.hpp"
#include "tests/unit/iscsid/disk/ublk_peer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <deque>

namespace {

using namespace iscsid;
using lane::operation;
using test::patient_lun;
using test::ublk_peer;

constexpr std::uint16_t tags = 2;
constexpr std::uint32_t write_op = 1;
constexpr std::uint32_t flush_op = 2;

// Two queues of one device, each on a thread of its own: what is posted there runs when the test
// says so.
class ublk_shared : public ::testing::Test {
  protected:
    struct side {
        ublk_peer peer;
        patient_lun lun;
        std::array<disk::ublk::io_descriptor, tags> descriptors{};
        std::shared_ptr<disk::ublk_queue> queue;
        std::deque<std::function<void()>> posted;
    };

    ublk_shared() {
        const auto relay = std::make_shared<disk::flush_relay>();
        std::vector<disk::flush_relay::member> members;
        for (std::uint16_t n = 0; n < 2; ++n) {
            auto& each = sides.at(n);
            each.queue = std::make_shared<disk::ublk_queue>(
                5,
                each.descriptors.data(),
                disk::ublk_shape{tags, 4096},
                true,
                disk::ublk_place{n, relay}
            );
            members.push_back({each.queue, [&each](auto work) {
                                   each.posted.push_back(std::move(work));
                               }});
        }
        relay->use(std::move(members));
        for (auto& each : sides)
            each.queue->start(each.peer, each.lun);
    }

    static void ask(side& of, std::uint32_t tag, std::uint32_t what) {
        of.descriptors.at(tag) = {what, what == flush_op ? 0U : 1U, 0, 0};
        of.peer.end(tag, 0);
    }

    static void run(side& of) {
        while (!of.posted.empty()) {
            const auto work = std::move(of.posted.front());
            of.posted.pop_front();
            work();
        }
    }

    static void stop(side& of) {
        for (std::uint32_t tag = 0; tag < tags; ++tag)
            if (of.peer.commands_of(tag) == 1)
                of.peer.end(tag, -ENODEV);
    }

    std::array<side, 2> sides;
    side& a = sides[0];
    side& b = sides[1];
};

TEST_F(ublk_shared, each_queue_fetches_its_own_tags) {
    EXPECT_EQ(a.peer.commands.at(0).command.queue, 0);
    EXPECT_EQ(b.peer.commands.at(1).command.queue, 1);
    EXPECT_EQ(a.queue->fence().fence, b.queue->fence().fence);
    EXPECT_NE(a.queue->fence().fence, nullptr);
    EXPECT_EQ(a.queue->fence().session, 0U);
    EXPECT_EQ(b.queue->fence().session, 1U);
}

TEST_F(ublk_shared, a_flush_ends_when_all_queues_have_flushed) {
    ask(a, 0, flush_op);
    ASSERT_EQ(a.lun.requests.size(), 1U);
    EXPECT_FALSE(a.lun.requests[0].is_flush_if_due);
    a.lun.end(0);
    EXPECT_EQ(a.peer.commands_of(0), 0U);
    run(b);
    ASSERT_EQ(b.lun.requests.size(), 1U);
    EXPECT_EQ(b.lun.requests[0].op, operation::flush);
    EXPECT_TRUE(b.lun.requests[0].is_flush_if_due);
    b.lun.end(0);
    EXPECT_EQ(a.peer.commands_of(0), 0U); // not from the other thread
    run(a);
    EXPECT_EQ(a.peer.result_of(0), 0);
    EXPECT_EQ(a.peer.commands.back().command.result, 0);
}

TEST_F(ublk_shared, a_flush_fails_when_any_queue_could_not_flush) {
    ask(a, 0, flush_op);
    run(b);
    b.lun.end(0, EIO);
    run(a);
    EXPECT_EQ(a.peer.commands_of(0), 0U);
    a.lun.end(0);
    EXPECT_EQ(a.peer.result_of(0), -EIO);

    ask(b, 1, flush_op); // the next one is another
    b.lun.end(0);
    run(a);
    a.lun.end(0);
    run(b);
    EXPECT_EQ(b.peer.result_of(1), 0);
}

TEST_F(ublk_shared, other_requests_stay_on_their_queue) {
    ask(a, 0, write_op);
    EXPECT_TRUE(b.posted.empty());
    a.lun.end(0);
    EXPECT_EQ(a.peer.result_of(0), 512);
}

TEST_F(ublk_shared, a_queue_does_not_leave_while_it_flushes_for_another) {
    ask(a, 0, flush_op);
    run(b);
    stop(b);
    bool gone = false;
    b.queue->leave([&] { gone = true; });
    EXPECT_FALSE(gone);
    b.lun.end(0);
    EXPECT_TRUE(gone);
}

TEST_F(ublk_shared, a_queue_that_has_left_has_flushed_nothing) {
    stop(b);
    b.queue->leave([] {});
    ask(a, 0, flush_op);
    a.lun.end(0);
    run(b);
    EXPECT_TRUE(b.lun.requests.empty());
    run(a);
    EXPECT_EQ(a.peer.result_of(0), -ENOLINK);

    ask(a, 0, flush_op);
    a.lun.end(0);
    b.queue.reset();
    run(b);
    run(a);
    EXPECT_EQ(a.peer.result_of(0), -ENOLINK);
}

TEST_F(ublk_shared, a_flush_that_was_given_up_ends_with_its_last_part) {
    ask(a, 0, flush_op);
    a.queue->fail_all();
    EXPECT_EQ(a.peer.result_of(0), -EIO);
    stop(a);
    bool gone = false;
    a.queue->leave([&] { gone = true; });
    a.lun.end(0);
    EXPECT_FALSE(gone);
    run(b);
    b.lun.end(0);
    run(a);
    EXPECT_TRUE(gone);
}

} // namespace
