#include "tests/unit/iscsid/lane/lun_queue_fixture.hpp"

#include <cerrno>

namespace iscsid::lane::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class lun_queue_test : public lun_queue_fixture {};

TEST_F(lun_queue_test, ARequestIsSentAndEndsOnce) {
    read(7);
    ASSERT_EQ(session.sent.size(), 1U);
    EXPECT_EQ(session.sent[0].cdb, scsi::read_10({7, 1}));
    EXPECT_EQ(session.sent[0].data_in.data(), memory.data());
    EXPECT_TRUE(ended.empty());
    answer_good();
    EXPECT_EQ(ended.at(7), 0);
    EXPECT_EQ(queue.unfinished(), 0U);
}

TEST_F(lun_queue_test, ABadRequestEndsAtOnce) {
    block_request request;
    request.offset = 1;
    request.tag = 3;
    queue.submit(request, *this);
    EXPECT_EQ(ended.at(3), EINVAL);
    EXPECT_EQ(session.submitted, 0U);
}

TEST_F(lun_queue_test, RequestsWaitForFreeSlotsInTheirOrder) {
    serves = false;
    session.slots = 2;
    for (std::uint64_t tag = 0; tag < 5; ++tag)
        read(tag);
    EXPECT_EQ(session.submitted, 2U);
    EXPECT_FALSE(queue.send_waiting()) << "none is free";
    for (int i = 0; i < 5; ++i) {
        answer_good();
        queue.send_waiting();
    }
    EXPECT_EQ(order, (std::vector<std::uint64_t>{0, 1, 2, 3, 4}));
    EXPECT_FALSE(queue.send_waiting());
}

TEST_F(lun_queue_test, ANewRequestDoesNotOvertakeThoseThatWait) {
    serves = false;
    session.slots = 1;
    read(0);
    read(1);
    answer_good(); // the slot is free again, but the host has not served the queue yet
    read(2);
    EXPECT_TRUE(session.sent.empty());
    EXPECT_TRUE(queue.send_waiting());
    EXPECT_EQ(session.sent.at(0).cdb, scsi::read_10({1, 1}));
}

TEST_F(lun_queue_test, TheOwnerMaySubmitFromWithinComplete) {
    then = [this](std::uint64_t tag) {
        if (tag < 1000)
            read(tag + 1);
    };
    read(1);
    while (!session.sent.empty())
        answer_good();
    EXPECT_EQ(ended.size(), 1000U);
}

TEST_F(lun_queue_test, MoreRequestsThanEverFindRoom) {
    for (std::uint64_t tag = 0; tag < 700; ++tag)
        read(tag);
    EXPECT_EQ(queue.unfinished(), 700U);
    while (!session.sent.empty())
        answer_good();
    EXPECT_EQ(ended.size(), 700U);
}

TEST_F(lun_queue_test, AUnitAttentionIsReportedAndTheCommandRepeated) {
    read(1);
    answer_sense(0x6, 0x2a, 0x09);
    EXPECT_EQ(session.attentions, std::vector{scsi::attention::capacity_changed});
    EXPECT_EQ(session.submitted, 2U);
    EXPECT_TRUE(ended.empty());
    answer_good();
    EXPECT_EQ(ended.at(1), 0);
}

TEST_F(lun_queue_test, UnitAttentionsWithoutEndFailTheRequest) {
    read(1);
    for (int i = 0; i < 100 && ended.empty(); ++i)
        answer_sense(0x6, 0x29, 0x00);
    EXPECT_EQ(ended.at(1), EIO);
    EXPECT_LE(session.submitted, 10U);
}

TEST_F(lun_queue_test, AnAbortedCommandIsRepeatedFiveTimes) {
    read(1);
    for (int i = 0; i < 100 && ended.empty(); ++i)
        answer_sense(0xb, 0x00, 0x00);
    EXPECT_EQ(ended.at(1), EIO);
    EXPECT_EQ(session.submitted, 6U);
}

TEST_F(lun_queue_test, BusyIsRepeatedLaterAndLater) {
    read(1);
    std::vector<iscsi::duration> delays;
    for (int i = 0; i < 12; ++i) {
        answer_status(i % 2 == 0 ? scsi::status::busy : scsi::status::task_set_full);
        EXPECT_TRUE(session.sent.empty()) << "not at once";
        const auto before = session.time;
        reach_deadline();
        delays.push_back(std::chrono::duration_cast<iscsi::duration>(session.time - before));
        ASSERT_EQ(session.sent.size(), 1U);
    }
    EXPECT_EQ(delays.front(), milliseconds(1));
    EXPECT_EQ(delays.at(1), milliseconds(2));
    EXPECT_EQ(delays.back(), milliseconds(1000));
    answer_good();
    EXPECT_EQ(ended.at(1), 0);
}

TEST_F(lun_queue_test, ATaskSetThatIsFullGetsNoMoreThanItHolds) {
    serves = false;
    for (std::uint64_t tag = 1; tag <= 4; ++tag)
        read(tag);
    ASSERT_EQ(session.sent.size(), 4U);
    answer_status(scsi::status::task_set_full); // while it holds three
    reach_deadline();                           // it waits in its turn
    read(5);
    EXPECT_EQ(session.sent.size(), 3U);
    EXPECT_FALSE(queue.send_waiting());
    for (int i = 0; i < 3; ++i) { // three that end well: one more is tried
        answer_good();
        while (queue.send_waiting()) {
        }
    }
    EXPECT_EQ(session.sent.size(), 2U);
    for (std::uint64_t tag = 6; tag <= 9; ++tag)
        read(tag);
    EXPECT_EQ(session.sent.size(), 4U);
}

TEST(queue_depth, never_forbids_everything) {
    queue_depth depth(32);
    EXPECT_TRUE(depth.allows(31));
    EXPECT_FALSE(depth.allows(32));
    depth.refused(0);
    EXPECT_TRUE(depth.allows(0));
    EXPECT_FALSE(depth.allows(1));
    const queue_depth none(0);
    EXPECT_TRUE(none.allows(0));
}

TEST(queue_depth, shrinks_at_once_and_grows_with_success) {
    queue_depth depth(32);
    depth.refused(10);
    depth.refused(20);
    EXPECT_FALSE(depth.allows(10)) << "a higher number says nothing new";
    for (int i = 0; i < 9; ++i)
        depth.succeeded();
    EXPECT_FALSE(depth.allows(10));
    depth.succeeded();
    EXPECT_TRUE(depth.allows(10));
    EXPECT_FALSE(depth.allows(11));
    for (int i = 0; i < 256 * 256; ++i)
        depth.succeeded();
    EXPECT_TRUE(depth.allows(31));
    EXPECT_FALSE(depth.allows(32)) << "the setting holds";
}

TEST(queue_depth, follows_its_setting) {
    queue_depth depth(32);
    depth.use(64);
    EXPECT_TRUE(depth.allows(63));
    depth.use(8);
    EXPECT_TRUE(depth.allows(7));
    EXPECT_FALSE(depth.allows(8));
    depth.use(0);
    EXPECT_TRUE(depth.allows(0));
}

TEST(queue_depth, keeps_what_the_unit_has_turned_down_whatever_its_setting) {
    queue_depth depth(32);
    depth.refused(10);
    depth.use(64);
    EXPECT_TRUE(depth.allows(9));
    EXPECT_FALSE(depth.allows(10));
    depth.use(4);
    EXPECT_FALSE(depth.allows(4));
    depth.use(64);
    EXPECT_FALSE(depth.allows(10)) << "it is not forgotten";
    depth.use(4);
    for (int i = 0; i < 64 * 64; ++i)
        depth.succeeded();
    EXPECT_FALSE(depth.allows(4)) << "the setting holds";
}

TEST_F(lun_queue_test, BusyForEverEnds) {
    read(1);
    const auto start = session.time;
    for (int i = 0; i < 10'000 && ended.empty(); ++i) {
        answer_status(scsi::status::busy);
        if (ended.empty())
            reach_deadline();
    }
    EXPECT_EQ(ended.at(1), EIO);
    EXPECT_LE(session.time - start, seconds(180));
    EXPECT_GT(session.time - start, seconds(170));
}

TEST_F(lun_queue_test, ErrorsKeepTheirMeaning) {
    const std::vector<std::pair<std::array<std::uint8_t, 3>, int>> cases{
        {{0x7, 0x27, 0x07}, ENOSPC},
        {{0x7, 0x27, 0x00}, EROFS},
        {{0x3, 0x11, 0x00}, ENODATA},
        {{0x5, 0x21, 0x00}, EREMOTEIO},
        {{0xb, 0x10, 0x01}, EILSEQ},
        {{0x2, 0x04, 0x0b}, ENOLINK},
    };
    std::uint64_t tag = 0;
    for (const auto& [sense, error] : cases) {
        read(++tag);
        answer_sense(sense[0], sense[1], sense[2]);
        EXPECT_EQ(ended.at(tag), error);
    }
    read(++tag);
    answer_status(scsi::status::reservation_conflict);
    EXPECT_EQ(ended.at(tag), EBADE);
    read(++tag);
    answer_outcome(iscsi::task_result::lost);
    EXPECT_EQ(ended.at(tag), ENOLINK);
}

TEST_F(lun_queue_test, ShortDataIsNeverSuccess) {
    read(1);
    for (int i = 0; i < 100 && ended.empty(); ++i)
        answer_status(scsi::status::good); // with no byte transferred
    EXPECT_EQ(ended.at(1), EIO);
}

TEST_F(lun_queue_test, ARefusedWriteSameEndsInWritesOfTheSameRequest) {
    zero(1);
    EXPECT_EQ(session.sent.at(0).cdb, scsi::write_same_16({0, 1}, false));
    answer_sense(0x5, 0x20, 0x00);
    EXPECT_EQ(session.sent.at(0).cdb, scsi::write_same_10({0, 1}, false));
    answer_sense(0x5, 0x24, 0x00);
    EXPECT_EQ(session.sent.at(0).cdb, scsi::write_10({0, 1}));
    answer_good();
    EXPECT_EQ(ended.at(1), 0);
    zero(2);
    EXPECT_EQ(session.sent.at(0).cdb, scsi::write_10({0, 1})) << "remembered";
}

TEST_F(lun_queue_test, ARefusedFlushIsAnError) {
    flush(1);
    answer_sense(0x5, 0x20, 0x00);
    answer_sense(0x5, 0x20, 0x00);
    EXPECT_EQ(ended.at(1), EREMOTEIO);
}

// The session watches it, for only the session knows when it is under way.
TEST_F(lun_queue_test, EachCommandHasTheTimeOfItsKind) {
    read(1);
    EXPECT_EQ(session.sent.at(0).timeout, seconds(30));
    answer_good();
    flush(2);
    EXPECT_EQ(session.sent.at(0).timeout, seconds(60));
    answer_good();
    zero(3);
    EXPECT_EQ(session.sent.at(0).timeout, seconds(120));
    EXPECT_FALSE(queue.next_deadline()) << "the queue has no timer of its own";
}

TEST_F(lun_queue_test, ACommandWhoseTimeIsOverIsSentAgain) {
    read(1);
    session.time += seconds(30);
    answer_timed_out();
    EXPECT_TRUE(session.aborted.empty()) << "the session has aborted it";
    EXPECT_EQ(session.submitted, 2U);
    answer_good();
    EXPECT_EQ(ended.at(1), 0);
}

TEST_F(lun_queue_test, ACommandThatIsNeverAnsweredTimesOut) {
    read(1);
    const auto start = session.time;
    while (ended.empty() && session.submitted < 100) {
        session.time += seconds(30);
        answer_timed_out();
    }
    EXPECT_EQ(ended.at(1), ETIMEDOUT);
    EXPECT_EQ(session.submitted, 6U);
    EXPECT_LE(session.time - start, seconds(180));
}

// Aborts and resets that take long themselves do not multiply.
TEST_F(lun_queue_test, TriesInVainEndAfterSixTimesTheTimeOfOne) {
    read(1);
    const auto start = session.time;
    while (ended.empty() && session.submitted < 100) {
        session.time += seconds(30 + 75);
        answer_timed_out();
    }
    EXPECT_EQ(ended.at(1), ETIMEDOUT);
    EXPECT_LE(session.time - start, seconds(180 + 2 * 105));
}

// A transfer over a slow link, or behind a closed window: long, but not in vain.
TEST_F(lun_queue_test, TimeInWhichACommandIsWorkedOnDoesNotCount) {
    read(1);
    for (int i = 0; i < 3; ++i) {
        session.time += seconds(3600);
        answer_sense(0x6, 0x29, 0x00);
        EXPECT_TRUE(ended.empty());
    }
    session.time += seconds(3600);
    answer_timed_out();
    EXPECT_TRUE(ended.empty()) << "the first try that was in vain";
    session.time += seconds(3600);
    answer_good();
    EXPECT_EQ(ended.at(1), 0);
}

TEST_F(lun_queue_test, ASessionThatTakesNothingEndsRequestsWithoutALink) {
    session.usable = false;
    read(1);
    EXPECT_EQ(ended.at(1), ENOLINK);
}

TEST_F(lun_queue_test, WaitingRequestsEndWhenTheSessionGivesUp) {
    serves = false;
    session.slots = 1;
    read(1);
    read(2);
    read(3);
    session.usable = false;
    answer_outcome(iscsi::task_result::lost);
    while (queue.send_waiting()) {
    }
    EXPECT_EQ(ended.size(), 3U);
    EXPECT_EQ(ended.at(3), ENOLINK);
}

TEST_F(lun_queue_test, AllEndsWhenTheSessionIsGone) {
    serves = false;
    session.slots = 1;
    read(1);                           // sent
    read(2);                           // waits
    answer_status(scsi::status::busy); // 1 is delayed
    queue.send_waiting();              // 2 is sent
    read(3);                           // waits
    then = [this](std::uint64_t tag) { // and one that comes while all ends
        if (tag == 1)
            read(4);
    };
    queue.session_gone();
    EXPECT_EQ(ended.size(), 4U);
    for (const auto& [tag, error] : ended)
        EXPECT_EQ(error, ENOLINK) << tag;
    EXPECT_FALSE(queue.next_deadline());
    EXPECT_FALSE(queue.send_waiting());
}

TEST_F(lun_queue_test, RetriesOfOneCommandOfASplitRequestStayThere) {
    auto unit = properties();
    unit.max_transfer_blocks = 1;
    lun_queue small(&shared, unit);
    std::array<std::byte, 1536> buffer{};
    block_request request;
    request.length = buffer.size();
    request.buffer = buffer;
    request.tag = 9;
    small.submit(request, *this);
    const auto reply = [&](std::uint32_t bytes) {
        iscsi::task_done done;
        done.transferred = bytes;
        small.command_done(static_cast<std::uint32_t>(session.take().cookie), done);
        small.send_waiting();
    };
    reply(512);
    reply(0); // short: again
    EXPECT_EQ(session.sent.at(0).cdb, scsi::read_10({1, 1}));
    EXPECT_EQ(session.sent.at(0).data_in.data(), buffer.data() + 512);
    reply(512);
    reply(512);
    EXPECT_EQ(ended.at(9), 0);
    EXPECT_EQ(session.submitted, 4U);
}

} // namespace
} // namespace iscsid::lane::test
