#include "tests/unit/iscsid/lane/lun_queue_fixture.hpp"

#include <cerrno>
#include <memory>

namespace iscsid::lane::test {
namespace {

// What the queue of a unit enters in its ledger: the bytes that only a cache may have.
class lun_queue_ledger : public lun_queue_fixture {
  protected:
    std::uint64_t unflushed() const { return ledger->now().unflushed; }

    std::shared_ptr<write_ledger> ledger = shared.ledger();
};

TEST_F(lun_queue_ledger, HasNothingOfReads) {
    read(1);
    answer_good();
    EXPECT_EQ(unflushed(), 0U);
    EXPECT_EQ(ledger->now().failed, 0U);
}

TEST_F(lun_queue_ledger, HasWritesUntilAFlushHasCoveredThem) {
    write(1);
    EXPECT_EQ(unflushed(), 0U) << "nobody was told that it is written";
    answer_good();
    EXPECT_EQ(unflushed(), memory.size());
    zero(2);
    answer_good();
    EXPECT_EQ(unflushed(), memory.size() + 512);
    flush(3);
    EXPECT_EQ(unflushed(), memory.size() + 512);
    EXPECT_FALSE(ledger->now().was_flushed);
    answer_good();
    EXPECT_EQ(unflushed(), 0U);
    EXPECT_TRUE(ledger->now().was_flushed);
}

TEST_F(lun_queue_ledger, KeepsAWriteThatEndsWhileTheFlushIsUnderWay) {
    write(1);
    flush(2);
    answer_good();
    answer_good();
    ASSERT_EQ(ended.at(2), 0);
    EXPECT_EQ(unflushed(), memory.size());
}

TEST_F(lun_queue_ledger, KeepsWhatAFlushThatFailedShouldHaveCovered) {
    write(1);
    answer_good();
    flush(2);
    answer_status(scsi::status::reservation_conflict);
    EXPECT_EQ(unflushed(), memory.size());
    EXPECT_EQ(ledger->now().flush_error, EBADE);
    EXPECT_FALSE(ledger->now().was_flushed);
    queue.session_gone();
    flush(3);
    EXPECT_EQ(ledger->now().flush_error, ENOLINK);
}

TEST_F(lun_queue_ledger, HasNoWritesThatAreOnTheMedium) {
    write(1, true);
    answer_good();
    EXPECT_EQ(unflushed(), 0U);
    auto without_cache = properties();
    without_cache.write_cache_enabled = false;
    queue.refresh(without_cache, session.time);
    write(2);
    answer_good();
    EXPECT_EQ(unflushed(), 0U);
}

TEST_F(lun_queue_ledger, CountsWritesThatFailApart) {
    write(1);
    answer_sense(0x7, 0x27, 0x00);
    shared.fail_requests(ENODEV);
    write(2);
    EXPECT_EQ(unflushed(), 0U);
    EXPECT_EQ(ledger->now().failed, 2 * memory.size());
}

TEST_F(lun_queue_ledger, OfARetiredUnitNeedsNoFlush) {
    write(1);
    answer_good();
    shared.retire();
    flush(2);
    write(3);
    read(4);
    EXPECT_EQ(ended.at(2), 0) << "the kernel would log it";
    EXPECT_EQ(ended.at(3), ENODEV);
    EXPECT_EQ(ended.at(4), ENODEV);
    EXPECT_EQ(unflushed(), memory.size()) << "nothing was flushed";
    shared.fail_requests(ENODEV);
    flush(5);
    EXPECT_EQ(ended.at(5), ENODEV) << "its users hear the truth";
}

TEST_F(lun_queue_ledger, ADiskThatComesAfterARetiredOneIsNotRetired) {
    shared.retire();
    shared.part(queue);
    lun_queue next(&shared, properties());
    shared.join(next, properties());
    block_request request;
    request.op = operation::flush;
    request.tag = 1;
    next.submit(request, *this);
    EXPECT_EQ(session.submitted, 1U);
    next.command_done(static_cast<std::uint32_t>(session.take().cookie), {});
    EXPECT_EQ(ended.at(1), 0);
}

TEST_F(lun_queue_ledger, IsKeptByTheQueueAndForgottenByTheUnit) {
    shared.forget_ledger();
    EXPECT_NE(shared.ledger(), ledger);
    write(1);
    answer_good();
    EXPECT_EQ(unflushed(), memory.size());
    EXPECT_EQ(shared.ledger()->now().unflushed, 0U);
}

} // namespace
} // namespace iscsid::lane::test
