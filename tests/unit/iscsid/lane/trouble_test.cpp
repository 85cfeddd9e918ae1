#include "tests/unit/iscsid/lane/lun_queue_fixture.hpp"

#include <cerrno>

namespace iscsid::lane::test {
namespace {

using std::chrono::seconds;

const iscsi::instant noon{std::chrono::hours(12)};

TEST(trouble_log, tells_the_first_and_each_power_of_two) {
    trouble_log log;
    std::vector<std::uint64_t> told;
    std::uint64_t untold = 0;
    for (int i = 0; i < 1000; ++i)
        if (const auto line = log.note(trouble_kind::failed, noon)) {
            told.push_back(line->count);
            untold += line->untold;
        }
    EXPECT_EQ(told, (std::vector<std::uint64_t>{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}));
    EXPECT_EQ(told.size() + untold, 512U) << "each trouble is in a line or in a number";
}

TEST(trouble_log, counts_each_kind_for_itself) {
    trouble_log log;
    EXPECT_TRUE(log.note(trouble_kind::failed, noon));
    EXPECT_TRUE(log.note(trouble_kind::aborted, noon));
    EXPECT_TRUE(log.note(trouble_kind::failed, noon));
    EXPECT_FALSE(log.note(trouble_kind::failed, noon));
    EXPECT_TRUE(log.note(trouble_kind::lost_write, noon));
}

TEST(trouble_log, begins_again_after_a_quiet_minute_and_forgets_nothing) {
    trouble_log log;
    for (int i = 0; i < 7; ++i)
        log.note(trouble_kind::failed, noon + seconds(50 * i));
    const auto line = log.note(trouble_kind::failed, noon + seconds(50 * 6 + 61));
    ASSERT_TRUE(line);
    EXPECT_EQ(line->count, 1U);
    EXPECT_EQ(line->untold, 3U) << "the fifth to the seventh";
}

// What is told of requests that do not go well.
class trouble_test : public lun_queue_fixture {
  protected:
    io_trouble only(trouble_kind kind) {
        const auto all = session.troubles(kind);
        EXPECT_EQ(all.size(), 1U);
        return all.empty() ? io_trouble{} : all.front();
    }
};

TEST_F(trouble_test, AnErrorThatReachesTheKernelIsTold) {
    read(7);
    answer_sense(0x3, 0x11, 0x00);
    const auto told = only(trouble_kind::failed);
    EXPECT_EQ(told.op, operation::read);
    EXPECT_EQ(told.lba, 7U);
    EXPECT_EQ(told.blocks, 1U);
    EXPECT_EQ(told.bytes, 512U);
    EXPECT_EQ(told.reason, "CHECK CONDITION, MEDIUM ERROR 11/00");
    EXPECT_EQ(told.tries, 1U);
    EXPECT_EQ(told.error, ENODATA);
    EXPECT_EQ(told.count, 1U);
}

TEST_F(trouble_test, ARetryThatGaveUpIsToldWithItsTries) {
    write(3);
    while (!session.sent.empty())
        answer_sense(0xb, 0x47, 0x00);
    const auto told = only(trouble_kind::failed);
    EXPECT_EQ(told.op, operation::write);
    EXPECT_EQ(told.tries, 6U);
    EXPECT_EQ(told.reason, "CHECK CONDITION, ABORTED COMMAND 47/00");
}

TEST_F(trouble_test, AnAbortIsToldAlthoughTheRequestGoesOn) {
    read(1);
    answer_timed_out();
    const auto told = only(trouble_kind::aborted);
    EXPECT_EQ(told.reason, "no answer in time, aborted");
    EXPECT_EQ(told.error, 0);
    EXPECT_EQ(told.tries, 1U);
    answer_good();
    EXPECT_EQ(ended.at(1), 0);
    EXPECT_TRUE(session.troubles(trouble_kind::failed).empty());
}

TEST_F(trouble_test, AResetIsToldByWhatItEnded) {
    write(1);
    answer_outcome(iscsi::task_result::aborted);
    EXPECT_EQ(only(trouble_kind::aborted).reason, "aborted, or ended by a reset");
}

TEST_F(trouble_test, TheCommandThatFailedIsNamedNotTheWholeRequest) {
    auto small = properties();
    small.max_transfer_blocks = 2;
    queue.refresh(small, session.time);
    std::array<std::byte, 4096> buffer{};
    block_request request;
    request.offset = 512UL * 100;
    request.length = buffer.size();
    request.buffer = buffer;
    queue.submit(request, *this);
    answer_good();
    answer_sense(0x3, 0x11, 0x00);
    const auto told = only(trouble_kind::failed);
    EXPECT_EQ(told.lba, 102U);
    EXPECT_EQ(told.blocks, 2U);
}

TEST_F(trouble_test, RequestsThatAreNeverSentAreTold) {
    const std::uint64_t last = properties().block_count;
    read(last);
    EXPECT_EQ(only(trouble_kind::failed).tries, 0U);
    EXPECT_EQ(only(trouble_kind::failed).lba, last);
    shared.fail_requests(EIO);
    read(1);
    const auto told = session.troubles(trouble_kind::failed);
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[1].error, EIO);
    EXPECT_NE(told[1].reason, told[0].reason);
}

TEST_F(trouble_test, ALostSessionAndShortDataAreTold) {
    read(1);
    answer_outcome(iscsi::task_result::lost);
    EXPECT_EQ(only(trouble_kind::failed).error, ENOLINK);
    read(2);
    while (!session.sent.empty())
        answer_status(scsi::status::good); // with no byte
    EXPECT_EQ(
        session.troubles(trouble_kind::failed).at(1).reason, "GOOD, but only 0 bytes were moved"
    );
}

TEST_F(trouble_test, WhyATaskIsLostIsTold) {
    using iscsi::loss_reason;
    const std::pair<loss_reason, const char*> all[] = {
        {loss_reason::session_over, "the session has ended"},
        {loss_reason::not_back, "the session was not back within replacement_timeout"},
        {loss_reason::unit_given_up,
         "the unit was given up: it has not answered its commands, and gets others when it is "
         "reset"},
        {loss_reason::ends_connections, "each of the 3 connections on which it was sent has ended"},
        {loss_reason::window_shut, "the target took no commands for replacement_timeout"},
        {loss_reason::goes_once,
         "there is no connection, or the one that it went out on has ended"}};
    for (const auto& [why, words] : all) {
        session.told.clear();
        ended.clear();
        session.time += std::chrono::hours(1); // no flood
        read(1);
        iscsi::task_done done;
        done.outcome = iscsi::task_result::lost;
        done.why_lost = why;
        done.connections = 3;
        answer(done);
        EXPECT_EQ(only(trouble_kind::failed).reason, words);
    }
}

TEST_F(trouble_test, AResidualOverflowIsNamed) {
    read(1);
    while (!session.sent.empty()) {
        iscsi::task_done done;
        done.transferred = 512;
        done.residual_overflow = true;
        done.residual_count = 1 << 20;
        answer(done);
    }
    EXPECT_EQ(
        only(trouble_kind::failed).reason,
        "GOOD, but with a residual overflow of 1048576 bytes; 512 bytes were moved"
    );
}

TEST_F(trouble_test, ADiscardThatAUnitCannotDoIsNoTrouble) {
    block_request request;
    request.op = operation::discard;
    request.length = 512;
    request.tag = 1;
    queue.submit(request, *this);
    EXPECT_EQ(ended.at(1), EOPNOTSUPP);
    EXPECT_TRUE(session.told.empty());
}

TEST_F(trouble_test, AFloodIsAFewLinesAndEveryUnitHasItsOwn) {
    iscsi::lun_field second_lun{};
    second_lun[1] = std::byte{1};
    unit second(session, second_lun, 32);
    lun_queue neighbour(&second, properties());
    for (std::uint64_t tag = 1; tag <= 1000; ++tag) {
        read(tag);
        answer_sense(0x3, 0x11, 0x00);
    }
    const auto told = session.troubles(trouble_kind::failed);
    EXPECT_EQ(told.size(), 10U);
    EXPECT_EQ(told.back().count, 512U);
    EXPECT_EQ(told.back().untold, 255U);
    block_request bad;
    bad.offset = 1;
    bad.tag = 2000;
    neighbour.submit(bad, *this);
    const auto after = session.troubles(trouble_kind::failed);
    ASSERT_EQ(after.size(), 11U);
    EXPECT_EQ(after.back().lun, second_lun);
    EXPECT_EQ(after.back().count, 1U);
}

} // namespace
} // namespace iscsid::lane::test
