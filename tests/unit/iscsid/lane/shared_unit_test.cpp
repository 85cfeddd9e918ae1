#include "tests/unit/iscsid/lane/lun_queue_fixture.hpp"

#include <cerrno>

namespace iscsid::lane::test {
namespace {

// One unit through two sessions, as the queues of one disk have it.
class shared_unit : public ::testing::Test, public request_owner {
  protected:
    struct side {
        explicit side(const fence_place& at, bool has_cache)
            : queue(&shared, properties(has_cache), at) {
            session.connected = false; // so that nobody is asked who he is
            shared.join(queue, properties(has_cache));
        }

        static scsi::logical_unit properties(bool has_cache) {
            scsi::logical_unit unit;
            unit.block_count = 1 << 20;
            unit.wwid = "naa.1";
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

    // Nobody has answered who it is yet, but its target says something.
    static void answer_question(side& of) {
        ASSERT_FALSE(of.session.sent.empty());
        ASSERT_TRUE(of.session.sent.front().goes_ahead);
        of.session.take();
        iscsi::task_done done;
        done.status = static_cast<std::uint8_t>(scsi::status::busy);
        of.shared.identity().command_done(0, done);
    }

    static void lose_question(side& of) {
        ASSERT_FALSE(of.session.sent.empty());
        of.session.take();
        of.shared.identity().command_done(0, lost());
    }

    // As the host does it at the end of a login.
    static void log_in(side& of) {
        of.session.connected = true;
        of.shared.connection_is_new();
        of.shared.doubt(identity_check::answer_under_way::counts);
    }

    bool may_write(side& by) {
        submit(by, operation::write, 99);
        const bool is_barred = ended.contains(99);
        if (!is_barred)
            answer(by);
        ended.erase(99);
        return !is_barred;
    }

    static iscsi::task_done lost(bool may_have_run = true) {
        iscsi::task_done done;
        done.outcome = iscsi::task_result::lost;
        done.may_have_run = may_have_run;
        return done;
    }

    std::shared_ptr<write_fence> fence = std::make_shared<write_fence>();
    side a{{fence, 0}, true};
    side b{{fence, 1}, true};
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
        side c{{fence, 2}, true};
        submit(c, operation::write, 2);
        EXPECT_EQ(ended.at(2), EIO);
        c.queue.session_gone();
    }
    EXPECT_EQ(fence->raised(), 1U);
}

// ---- when the disk ends ------------------------------------------------------------------------

TEST_F(shared_unit, ADiskThatEndsWithAWriteThatMayStillRunIsNotSettled) {
    {
        side c{{fence, 2}, true};
        const side d{{fence, 3}, true};
        submit(c, operation::write, 1);
        answer(c, lost());
    }
    EXPECT_FALSE(fence->is_settled());
}

TEST(ending_fence, IsSettledWhenAllQueuesHaveLeftAndNothingIsRaised) {
    const auto ending = std::make_shared<write_fence>();
    EXPECT_TRUE(ending->is_settled());
    {
        fence_post post({ending, 0});
        EXPECT_FALSE(ending->is_settled()); // its requests may be under way
        post.failed(operation::write, true);
        post.proved();
    }
    EXPECT_TRUE(ending->is_settled());
    { fence_post({ending, 1}).failed(operation::write, true); }
    EXPECT_FALSE(ending->is_settled());
    EXPECT_EQ(ending->raised(), 0U); // it bars nobody: the disk is gone
}

// ---- what proves that nothing of before runs any more ----------------------------------------

TEST_F(shared_unit, ASessionThatIsBackLetsTheOthersWriteWithoutARequestOnItsQueue) {
    submit(a, operation::write, 1);
    answer(a, lost());
    ASSERT_FALSE(may_write(b));
    log_in(a);
    EXPECT_FALSE(may_write(b)); // its question waits for the barrier
    answer_question(a);
    EXPECT_TRUE(may_write(b));
}

TEST_F(shared_unit, AQuestionThatWasAnsweredBeforeTheLossProvesNothing) {
    log_in(a);
    submit(a, operation::write, 1);
    a.session.connected = false;
    const auto question = a.session.take();
    answer(a, lost());
    a.shared.identity().command_done(0, {}); // had been on its way
    EXPECT_TRUE(question.goes_ahead);
    EXPECT_FALSE(may_write(b));
}

TEST_F(shared_unit, AQuestionThatGoesOutAgainProvesIt) {
    log_in(a);
    submit(a, operation::write, 1);
    const auto question = a.session.sent.front();
    a.session.sent.erase(a.session.sent.begin());
    answer(a, lost()); // each of its connections has ended; the question goes with the next one
    a.session.sent.push_back(question);
    log_in(a);
    EXPECT_FALSE(may_write(b));
    answer_question(a);
    EXPECT_TRUE(may_write(b));
}

TEST_F(shared_unit, ARequestThatGoesOutAgainProvesIt) {
    submit(a, operation::write, 1);
    submit(a, operation::read, 2);
    answer(a, lost());
    a.shared.connection_is_new();
    answer(a); // the read, on the new connection
    EXPECT_EQ(ended.at(2), 0);
    EXPECT_TRUE(may_write(b));
}

TEST_F(shared_unit, AQuestionThatIsLostProvesNothing) {
    submit(a, operation::write, 1);
    answer(a, lost());
    log_in(a);
    lose_question(a);
    EXPECT_FALSE(may_write(b));
}

TEST_F(shared_unit, AResetOfAUnitThatWasGivenUpProvesIt) {
    submit(a, operation::write, 1);
    answer(a, lost());
    ASSERT_FALSE(may_write(b));
    a.shared.reset_is_done();
    EXPECT_TRUE(may_write(b));
}

// A write that fails while the connection stands: nothing else would ask the target.
TEST_F(shared_unit, AUnitThatIsThereIsAskedWhenItHasLostAWrite) {
    log_in(a);
    const auto question = a.session.take();
    EXPECT_TRUE(question.goes_ahead);
    a.shared.identity().command_done(0, {});
    while (a.shared.state() == unit_state::in_doubt) { // nobody says anything of a name
        a.session.time += std::chrono::seconds(10);
        if (a.shared.identity().next_deadline())
            a.shared.identity().handle_deadline(a.session.time);
        ASSERT_FALSE(a.session.sent.empty());
        a.session.take();
        a.shared.identity().command_done(0, {});
    }
    submit(a, operation::write, 1);
    answer(a, lost());
    ASSERT_FALSE(may_write(b));
    answer_question(a);
    EXPECT_TRUE(may_write(b));
}

// Its last question is out when the write fails: the answer to that one proves nothing.
TEST_F(shared_unit, AUnitThatIsBeingAskedIsAskedOnceMoreWhenItHasLostAWrite) {
    submit(a, operation::write, 1);
    const auto write = a.session.take();
    log_in(a);
    ASSERT_EQ(a.session.sent.size(), 1U);
    iscsi::task_done done = lost();
    done.cookie = write.cookie;
    a.queue.command_done(static_cast<std::uint32_t>(write.cookie), done);
    ASSERT_EQ(ended.at(1), ENOLINK);
    answer_question(a);
    EXPECT_FALSE(may_write(b));
    ASSERT_EQ(a.session.sent.size(), 1U); // at once
    answer_question(a);
    EXPECT_TRUE(may_write(b));
}

TEST_F(shared_unit, AnEarlierTryMayRunThoughTheLastOneHasNeverGoneOut) {
    submit(a, operation::write, 1);
    auto done = lost();
    done.outcome = iscsi::task_result::aborted; // its connection has ended before the abort had
    done.timed_out = true;
    answer(a, done);
    while (a.queue.send_waiting()) {
    }
    answer(a, lost(false));
    ASSERT_EQ(ended.at(1), ENOLINK);
    EXPECT_FALSE(may_write(b));
}

// ---- what is told of it ------------------------------------------------------------------------

TEST_F(shared_unit, ItIsToldOnceWhenAWriteMayStillRunAndOnceWhenThatIsOver) {
    for (std::uint64_t tag : {1U, 2U}) {
        submit(a, operation::write, tag);
        answer(a, lost());
        a.session.time += std::chrono::seconds(3);
    }
    auto told = a.session.told_of<fence_moved>();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_TRUE(told[0].is_raised);
    a.shared.reset_is_done();
    a.shared.reset_is_done();
    told = a.session.told_of<fence_moved>();
    ASSERT_EQ(told.size(), 2U);
    EXPECT_FALSE(told[1].is_raised);
    EXPECT_EQ(told[1].lasted, std::chrono::seconds(6));
    EXPECT_TRUE(b.session.told_of<fence_moved>().empty());
}

TEST_F(shared_unit, ItIsToldOfTheWritesOfASessionThatEnds) {
    submit(a, operation::write, 1);
    submit(a, operation::write, 2);
    a.queue.session_gone();
    const auto told = a.session.told_of<fence_moved>();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_TRUE(told[0].is_raised);
    submit(a, operation::write, 3); // tells nobody: the session is gone
    EXPECT_EQ(a.session.told_of<fence_moved>().size(), 1U);
}

// ---- after an earlier daemon -------------------------------------------------------------------

struct noted_fence final : fence_memory {
    explicit noted_fence(std::map<std::size_t, bool>& in) : all(in) {}

    void keep(std::size_t session, bool is_raised) override { all[session] = is_raised; }

    bool is_raised(std::size_t session) const override {
        return all.contains(session) && all.at(session);
    }

    unsigned raised() const override {
        return static_cast<unsigned>(std::ranges::count_if(all, [](const auto& each) {
            return each.second;
        }));
    }

    std::map<std::size_t, bool>& all;
};

struct left_unit : shared_unit {
    std::shared_ptr<write_fence> fence_of(bool is_left) {
        return std::make_shared<write_fence>(std::make_unique<noted_fence>(noted), is_left);
    }

    std::map<std::size_t, bool> noted;
};

TEST_F(left_unit, AFenceOutlivesTheDaemon) {
    {
        const auto before = fence_of(false);
        side c{{before, 0}, true};
        submit(c, operation::write, 1);
        answer(c, lost());
    }
    EXPECT_TRUE(noted.at(0));
    const auto now = fence_of(true);
    side d{{now, 1}, true}; // first, so that nothing gets through before the other one is there
    EXPECT_FALSE(may_write(d));
    side c{{now, 0}, true};
    EXPECT_FALSE(may_write(d));
    log_in(c);
    answer_question(c);
    EXPECT_TRUE(may_write(d));
    EXPECT_FALSE(noted.at(0));
}

TEST_F(left_unit, AFenceOfAnEarlierDaemonIsToldOf) {
    noted[0] = true;
    const auto now = fence_of(true);
    side c{{now, 0}, true};
    side d{{now, 1}, true};
    log_in(c);
    answer_question(c);
    const auto told = c.session.told_of<fence_moved>();
    ASSERT_EQ(told.size(), 2U);
    EXPECT_TRUE(told[0].is_raised);
    EXPECT_FALSE(told[1].is_raised);
    EXPECT_TRUE(d.session.told_of<fence_moved>().empty());
}

TEST_F(left_unit, ADiskThatIsMadeAnewDoesNotMindWhatWasNoted) {
    noted[0] = true;
    const auto fresh = fence_of(false);
    side d{{fresh, 1}, true};
    EXPECT_TRUE(may_write(d));
}

// The kernel hands it over again, but the daemon before may have sent it.
TEST_F(left_unit, ARequestOfAnEarlierDaemonThatFailsMayStillRun) {
    const auto now = fence_of(true);
    side c{{now, 0}, true};
    side d{{now, 1}, true};
    EXPECT_TRUE(may_write(d));
    submit(c, operation::read, 1);
    answer(c, lost(false));
    EXPECT_TRUE(may_write(d));
    submit(c, operation::write, 2);
    answer(c, lost(false)); // not back in time, and this daemon has never sent it
    EXPECT_FALSE(may_write(d));
    EXPECT_TRUE(noted.at(0));
}

TEST_F(left_unit, ARequestOfAnEarlierDaemonThatIsRefusedMayStillRun) {
    const auto now = fence_of(true);
    side c{{now, 0}, true};
    side d{{now, 1}, true};
    c.queue.session_gone();
    submit(c, operation::write, 2);
    EXPECT_EQ(ended.at(2), ENOLINK);
    EXPECT_FALSE(may_write(d));
}

// It ends without a command: beyond the end of the unit.
TEST_F(left_unit, ARequestOfAnEarlierDaemonThatIsRefusedAtOnceIsFollowedByAQuestion) {
    const auto now = fence_of(true);
    side c{{now, 0}, true};
    side d{{now, 1}, true};
    log_in(c);
    ASSERT_EQ(c.session.sent.size(), 1U);
    block_request request;
    request.op = operation::write;
    request.tag = 1;
    request.offset = std::uint64_t{1} << 40U;
    request.length = memory.size();
    request.buffer = memory;
    c.queue.submit(request, *this);
    EXPECT_NE(ended.at(1), 0);
    EXPECT_FALSE(may_write(d));
    answer_question(c);
    EXPECT_FALSE(may_write(d));
    ASSERT_EQ(c.session.sent.size(), 1U);
    answer_question(c);
    EXPECT_TRUE(may_write(d));
}

TEST_F(left_unit, AfterTheFirstProofOnlyWhatThisDaemonHasSentMayRun) {
    const auto now = fence_of(true);
    side c{{now, 0}, true};
    side d{{now, 1}, true};
    log_in(c);
    answer_question(c);
    c.session.connected = false;
    submit(c, operation::write, 1);
    answer(c, lost(false));
    EXPECT_EQ(ended.at(1), ENOLINK);
    EXPECT_TRUE(may_write(d));
}

} // namespace
} // namespace iscsid::lane::test
