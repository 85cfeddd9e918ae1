#include "tests/unit/iscsid/lane/lun_queue_fixture.hpp"

#include <cerrno>

namespace iscsid::lane::test {
namespace {

using std::chrono::seconds;

// Units that are not what they were: fail_requests() and refresh().
class lun_queue_refusal : public lun_queue_fixture {};

TEST_F(lun_queue_refusal, AFailedUnitGetsNoRequests) {
    shared.fail_requests(EIO);
    read(1);
    flush(2);
    EXPECT_EQ(ended.at(1), EIO);
    EXPECT_EQ(ended.at(2), EIO);
    EXPECT_EQ(session.submitted, 0U);
    EXPECT_EQ(queue.unfinished(), 0U);
    shared.fail_requests(ENOLINK);
    read(3);
    EXPECT_EQ(ended.at(3), ENOLINK) << "the last word holds";
    shared.fail_requests(0);
    read(4);
    answer_good();
    EXPECT_EQ(ended.at(4), 0);
}

// Whichever order comes first and whichever is lifted first: each stands until its giver lifts it.
TEST_F(lun_queue_refusal, AnOrderOfAnotherSessionStandsBesideThatOfItsOwn) {
    std::uint64_t tag = 0;
    const auto error = [&] {
        read(++tag);
        if (!ended.contains(tag))
            answer_good();
        return ended.at(tag);
    };
    shared.fail_requests_for(7, ENODEV); // before, and lifted after
    EXPECT_EQ(error(), ENODEV);
    shared.fail_requests(EIO);
    EXPECT_EQ(error(), EIO);
    shared.fail_requests_for(7, 0);
    EXPECT_EQ(error(), EIO);
    shared.fail_requests(0);
    EXPECT_EQ(error(), 0);

    shared.fail_requests(EIO); // before, and lifted meanwhile
    shared.fail_requests_for(7, ENODEV);
    shared.fail_requests(0);
    EXPECT_EQ(error(), ENODEV);
    shared.fail_requests_for(7, 0);
    EXPECT_EQ(error(), 0);

    shared.fail_requests_for(7, ENODEV);
    shared.fail_requests_for(7, EIO); // the last word of a session is its word
    shared.fail_requests_for(8, ENODEV);
    EXPECT_EQ(error(), EIO);
    shared.fail_requests_for(7, 0);
    EXPECT_EQ(error(), ENODEV);
    shared.fail_requests_for(9, 0); // had said nothing
    shared.fail_requests_for(8, 0);
    EXPECT_EQ(error(), 0);
}

TEST_F(lun_queue_refusal, AnOrderOfAnotherSessionEndsWhatHasNotBeenSent) {
    session.slots = 1;
    read(1); // sent
    read(2); // waits
    shared.fail_requests_for(7, ENODEV);
    EXPECT_EQ(ended, (std::map<std::uint64_t, int>{{2, ENODEV}}));
    ASSERT_EQ(session.troubles(trouble_kind::failed).size(), 1U);
    EXPECT_EQ(
        session.troubles(trouble_kind::failed)[0].reason,
        "its disk is taken down by another session"
    );
    answer_good();
}

TEST_F(lun_queue_refusal, FailingEndsWhatHasNotBeenSent) {
    session.slots = 1;
    serves = false;
    read(1);
    answer_status(scsi::status::busy); // delayed
    read(2);                           // sent
    read(3);                           // waits
    read(4);
    shared.fail_requests(EIO);
    EXPECT_EQ(ended, (std::map<std::uint64_t, int>{{1, EIO}, {3, EIO}, {4, EIO}}));
    EXPECT_EQ(queue.unfinished(), 1U);
    EXPECT_FALSE(queue.send_waiting());
    session.time += seconds(2); // the delay is over
    queue.handle_deadline(session.time);
    EXPECT_EQ(session.submitted, 2U);
    answer_good();
    EXPECT_EQ(ended.at(2), EIO) << "nobody knows which unit answered";
    shared.fail_requests(0);
    read(5);
    answer_good();
    EXPECT_EQ(ended.at(5), 0);
}

TEST_F(lun_queue_refusal, NothingIsSentAgainToAFailedUnit) {
    const std::vector<std::function<void()>> answers{
        [this] { answer_status(scsi::status::busy); },
        [this] { answer_sense(0x6, 0x29, 0x00); },
        [this] { answer_sense(0xb, 0x00, 0x00); },
        [this] { answer_status(scsi::status::good); }, // short
        [this] { answer_outcome(iscsi::task_result::aborted); },
    };
    std::uint64_t tag = 0;
    for (const auto& each : answers) {
        read(++tag);
        shared.fail_requests(EIO);
        each();
        EXPECT_EQ(ended.at(tag), EIO) << tag;
        EXPECT_EQ(session.submitted, tag);
        shared.fail_requests(0);
    }
    zero(++tag);
    shared.fail_requests(EIO);
    answer_sense(0x5, 0x20, 0x00); // no WRITE SAME: another way, but not now
    EXPECT_EQ(ended.at(tag), EIO);
    EXPECT_EQ(session.submitted, tag);
}

TEST_F(lun_queue_refusal, FailingEndsASplitRequestAfterTheCommandUnderWay) {
    auto unit = properties();
    unit.max_transfer_blocks = 1;
    queue.refresh(unit, session.time);
    std::array<std::byte, 1024> buffer{};
    block_request request;
    request.length = buffer.size();
    request.buffer = buffer;
    request.tag = 9;
    queue.submit(request, *this);
    shared.fail_requests(EIO);
    answer_good();
    EXPECT_EQ(ended.at(9), EIO);
    EXPECT_TRUE(session.sent.empty());
}

TEST_F(lun_queue_refusal, TheOwnerMaySubmitWhileItsRequestsAreFailed) {
    session.slots = 1;
    for (std::uint64_t tag = 1; tag <= 3; ++tag)
        read(tag);
    then = [this](std::uint64_t tag) {
        if (tag < 100)
            read(tag + 100);
    };
    shared.fail_requests(EIO);
    EXPECT_EQ(ended.size(), 4U);
    EXPECT_EQ(ended.at(103), EIO);
    EXPECT_EQ(queue.unfinished(), 1U);
}

TEST_F(lun_queue_refusal, AFailedUnitWithoutASessionHasNoLink) {
    read(1);
    shared.fail_requests(EIO);
    queue.session_gone();
    EXPECT_EQ(ended.at(1), ENOLINK);
    read(2);
    EXPECT_EQ(ended.at(2), ENOLINK);
}

TEST_F(lun_queue_refusal, ALargerUnitTakesMore) {
    const std::uint64_t last = properties().block_count;
    read(last);
    EXPECT_EQ(ended.at(last), EINVAL);
    auto larger = properties();
    larger.block_count = last + 2;
    queue.refresh(larger, session.time);
    read(last + 1);
    EXPECT_FALSE(ended.contains(last + 1));
    answer_good();
    EXPECT_EQ(ended.at(last + 1), 0);
}

TEST_F(lun_queue_refusal, ASmallerAndReadOnlyUnitTakesLess) {
    auto smaller = properties();
    smaller.block_count = 8;
    smaller.read_only = true;
    queue.refresh(smaller, session.time);
    read(8);
    EXPECT_EQ(ended.at(8), EINVAL);
    zero(1);
    EXPECT_EQ(ended.at(1), EROFS);
    queue.refresh(properties(), session.time);
    zero(2);
    EXPECT_EQ(session.submitted, 1U);
}

} // namespace
} // namespace iscsid::lane::test
