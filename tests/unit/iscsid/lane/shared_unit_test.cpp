#include "tests/unit/iscsid/lane/lun_queue_fixture.hpp"

#include <cerrno>

namespace iscsid::lane::test {
namespace {

// One unit through two sessions, as the queues of one disk have it.
class shared_unit : public ::testing::Test, public request_owner {
  protected:
    struct side {
        explicit side(const std::shared_ptr<write_fence>& fence, bool has_cache)
            : queue(&shared, properties(has_cache), fence) {
            session.connected = false; // so that nobody is asked who he is
            shared.join(queue, properties(has_cache));
        }

        static scsi::logical_unit properties(bool has_cache) {
            scsi::logical_unit unit;
            unit.block_count = 1 << 20;
            unit.write_cache_enabled = has_cache;
            unit.write_cache_known = true;
            return unit;
        }

        fake_session session;
        unit shared{session, {}, 1000};
        lun_queue queue;
    };

    void complete(std::uint64_t tag, int error) override { ended[tag] = error; }

    void submit(side& to, operation op, std::uint64_t tag, bool if_due = false) {
        block_request request;
        request.op = op;
        request.tag = tag;
        request.is_flush_if_due = if_due;
        if (op != operation::flush)
            request.length = memory.size();
        if (op == operation::read || op == operation::write)
            request.buffer = memory;
        to.queue.submit(request, *this);
    }

    // Answers the oldest command; of a lost one nobody knows whether it runs on.
    static void answer(side& of, iscsi::task_done done = {}) {
        ASSERT_FALSE(of.session.sent.empty());
        const auto command = of.session.take();
        if (done.outcome == iscsi::task_result::answered && done.status == 0)
            done.transferred =
                static_cast<std::uint32_t>(command.data_in.size() + command.data_out.size());
        done.cookie = command.cookie;
        of.queue.command_done(static_cast<std::uint32_t>(command.cookie), done);
    }

    static iscsi::task_done lost(bool may_have_run = true) {
        iscsi::task_done done;
        done.outcome = iscsi::task_result::lost;
        done.may_have_run = may_have_run;
        return done;
    }

    std::shared_ptr<write_fence> fence = std::make_shared<write_fence>();
    side a{fence, true};
    side b{fence, true};
    std::array<std::byte, 512> memory{};
    std::map<std::uint64_t, int> ended;
};

// ---- flushes that came on another queue
// -----------------------------------------------------------

TEST_F(shared_unit, AFlushOfAnotherQueueEndsAtOnceWhereNothingWasWritten) {
    submit(a, operation::write, 1);
    answer(a);
    submit(b, operation::flush, 2, true);
    EXPECT_EQ(ended.at(2), 0);
    EXPECT_TRUE(b.session.sent.empty());
}

TEST_F(shared_unit, AFlushOfAnotherQueueGoesToTheUnitWhereSomethingWasWritten) {
    submit(a, operation::write, 1);
    answer(a);
    submit(a, operation::flush, 2, true);
    EXPECT_FALSE(ended.contains(2));
    ASSERT_EQ(a.session.sent.size(), 1U);
    answer(a);
    EXPECT_EQ(ended.at(2), 0);
    submit(a, operation::flush, 3, true); // all of it is flushed now
    EXPECT_EQ(ended.at(3), 0);
}

TEST_F(shared_unit, AFlushOfAnotherQueueGoesToTheUnitAfterAnEarlierDaemon) {
    a.shared.ledger()->inherit();
    submit(a, operation::flush, 1, true);
    EXPECT_EQ(a.session.sent.size(), 1U);
}

TEST_F(shared_unit, AFlushOfAnotherQueueTellsOfLossesAlsoWithNothingToFlush) {
    a.shared.attention(scsi::attention::deferred_error);
    submit(a, operation::flush, 1, true);
    EXPECT_EQ(ended.at(1), EIO);
    submit(a, operation::flush, 2, true);
    EXPECT_EQ(ended.at(2), 0);
    EXPECT_TRUE(a.session.sent.empty());
}

TEST_F(shared_unit, AFlushOfAnotherQueueDoesNotMindARefusalWithNothingToFlush) {
    a.shared.fail_requests(EIO);
    submit(a, operation::flush, 1, true);
    EXPECT_EQ(ended.at(1), 0);
    submit(b, operation::write, 2);
    answer(b);
    b.shared.fail_requests(EIO);
    submit(b, operation::flush, 3, true);
    EXPECT_EQ(ended.at(3), EIO);
}

// ---- writes that may still run
// --------------------------------------------------------------------

TEST_F(shared_unit, NobodyWritesWhileAWriteOfAnotherSessionMayStillRun) {
    for (const auto op : {operation::write, operation::write_zeroes, operation::discard}) {
        submit(a, operation::write, 1);
        answer(a, lost());
        EXPECT_EQ(ended.at(1), ENOLINK);
        submit(b, op, 2);
        EXPECT_EQ(ended.at(2), EIO);
        EXPECT_TRUE(b.session.sent.empty());
        submit(b, operation::read, 3);
        answer(b);
        EXPECT_EQ(ended.at(3), 0);

        submit(a, operation::read, 4); // behind the replay barrier of its session
        answer(a);
        ended.clear();
        submit(b, operation::write, 5);
        answer(b);
        EXPECT_EQ(ended.at(5), 0);
        ended.clear();
    }
}

TEST_F(shared_unit, TheSessionThatLostAWriteIsNotBarredByItself) {
    submit(a, operation::write, 1);
    answer(a, lost());
    submit(a, operation::write, 2);
    ASSERT_EQ(a.session.sent.size(), 1U);
    answer(a);
    EXPECT_EQ(ended.at(2), 0);
    EXPECT_EQ(fence->raised(), 0U);
}

TEST_F(shared_unit, AnAnswerToWhatWasSentBeforeTheLossProvesNothing) {
    submit(a, operation::write, 1);
    submit(a, operation::read, 2);
    answer(a, lost());
    answer(a);
    EXPECT_EQ(ended.at(2), 0);
    submit(b, operation::write, 3);
    EXPECT_EQ(ended.at(3), EIO);
}

TEST_F(shared_unit, AFlushOfAnotherQueueAsksAUnitThatHasLostAWrite) {
    submit(a, operation::write, 1);
    answer(a, lost());
    submit(a, operation::flush, 2, true);
    ASSERT_EQ(a.session.sent.size(), 1U);
    answer(a);
    EXPECT_EQ(ended.at(2), 0);
    EXPECT_EQ(fence->raised(), 0U);
}

TEST_F(shared_unit, ReadsAndWritesThatNeverWentOutDoNoHarm) {
    submit(a, operation::read, 1);
    answer(a, lost());
    submit(a, operation::write, 2);
    answer(a, lost(false));
    EXPECT_EQ(ended.at(2), ENOLINK);
    EXPECT_EQ(fence->raised(), 0U);
}

TEST_F(shared_unit, ASessionThatEndsLeavesItsWritesAndADiskThatGoesTakesTheFenceAlong) {
    submit(a, operation::write, 1);
    a.queue.session_gone();
    EXPECT_EQ(ended.at(1), ENOLINK);
    EXPECT_EQ(fence->raised(), 1U);
    {
        side c{fence, true};
        submit(c, operation::write, 2);
        EXPECT_EQ(ended.at(2), EIO);
        c.queue.session_gone();
    }
    EXPECT_EQ(fence->raised(), 1U);
}

} // namespace
} // namespace iscsid::lane::test
