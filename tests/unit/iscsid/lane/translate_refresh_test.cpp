#include "tests/unit/iscsid/lane/translate_fixture.hpp"

#include <cerrno>

// Properties that change while a disk is used: its write cache above all.
namespace iscsid::lane {
namespace {

using namespace test;

// ---- flushes of a cache that is not known, and of one that changes ------------------------------

iscsi::instant at(int seconds) {
    return iscsi::instant(std::chrono::seconds(seconds));
}

scsi::logical_unit untold_disk() {
    auto unit = cached_disk();
    unit.write_cache_known = false;
    return unit;
}

using flush_forms = std::vector<optional_feature>;

const flush_forms both_forms{
    optional_feature::synchronize_cache_10, optional_feature::synchronize_cache_16};

std::size_t commands_of_a_flush(translator& how, const flush_forms& refusing = {}) {
    const auto done = play(how, request_of(operation::flush), refusing);
    EXPECT_EQ(done.error, 0);
    return done.commands.size();
}

std::size_t commands_of_a_forced_write(translator& how) {
    data_request write(operation::write, 0, 512);
    write.request.force_unit_access = true;
    return play(how, write.request).commands.size();
}

TEST(translator_cache, IsAssumedWhereNothingIsKnown) {
    translator how(untold_disk());
    EXPECT_EQ(commands_of_a_flush(how), 1U);
    EXPECT_EQ(commands_of_a_flush(how, {optional_feature::synchronize_cache_10}), 1U);
    EXPECT_FALSE(how.is_without_cache_by_refusal()) << "one form is enough";
}

TEST(translator_cache, IsNotThereWhereBothFormsAreRefused) {
    translator how(untold_disk());
    EXPECT_EQ(commands_of_a_flush(how, both_forms), 0U);
    EXPECT_TRUE(how.is_without_cache_by_refusal());
    EXPECT_EQ(commands_of_a_flush(how), 0U) << "remembered";
    EXPECT_EQ(commands_of_a_forced_write(how), 1U);
}

TEST(translator_cache, ThatIsKnownMustBeFlushed) {
    translator how(cached_disk());
    how.refuse(optional_feature::synchronize_cache_10);
    how.refuse(optional_feature::synchronize_cache_16);
    EXPECT_FALSE(how.is_without_cache_by_refusal());
    const auto done = play(how, request_of(operation::flush));
    ASSERT_EQ(done.commands.size(), 1U);
    EXPECT_EQ(done.commands[0].uses, optional_feature::none) << "its refusal is an error";
}

TEST(translator_cache, IsFlushedFromTheLookOnThatFindsIt) {
    translator how(plain_disk());
    EXPECT_EQ(commands_of_a_flush(how), 0U);
    EXPECT_EQ(commands_of_a_forced_write(how), 1U);
    how.refresh(cached_disk(), at(1));
    EXPECT_EQ(commands_of_a_flush(how), 1U);
    EXPECT_EQ(commands_of_a_forced_write(how), 2U);
    how.refresh(plain_disk(), at(2));
    EXPECT_EQ(commands_of_a_flush(how), 0U);
    EXPECT_EQ(commands_of_a_forced_write(how), 1U);
}

TEST(translator_cache, IsAskedForAFlushAgainWhenItIsNews) {
    translator how(untold_disk());
    EXPECT_EQ(commands_of_a_flush(how, both_forms), 0U);
    how.refresh(untold_disk(), at(1));
    EXPECT_EQ(commands_of_a_flush(how), 0U) << "nothing is news";
    how.refresh(cached_disk(), at(2));
    const auto done = play(how, request_of(operation::flush));
    ASSERT_EQ(done.commands.size(), 1U);
    EXPECT_EQ(done.commands[0].cdb, scsi::synchronize_cache_10());
}

TEST(translator_cache, IsDoubtedUntilALookThatBeginsLater) {
    translator how(plain_disk());
    how.doubt_write_cache(at(10));
    EXPECT_EQ(commands_of_a_flush(how), 1U);
    EXPECT_EQ(commands_of_a_forced_write(how), 2U);
    how.refresh(plain_disk(), at(9));
    EXPECT_EQ(commands_of_a_flush(how), 1U) << "that look may have come before the change";
    how.refresh(plain_disk(), at(10));
    EXPECT_EQ(commands_of_a_flush(how), 1U) << "or at the same time";
    how.refresh(plain_disk(), at(11));
    EXPECT_EQ(commands_of_a_flush(how), 0U);
}

TEST(translator_cache, ThatIsKnownMustBeFlushedInDoubtToo) {
    translator how(cached_disk());
    how.doubt_write_cache(at(10));
    how.refuse(optional_feature::synchronize_cache_10);
    how.refuse(optional_feature::synchronize_cache_16);
    EXPECT_FALSE(how.is_without_cache_by_refusal());
    EXPECT_TRUE(how.has_write_cache());
}

// A doubt is no knowledge: a unit without a cache may refuse what it has never been asked.
TEST(translator_cache, OfADoubtMayBeRefused) {
    translator how(plain_disk());
    how.doubt_write_cache(at(10));
    EXPECT_EQ(commands_of_a_flush(how, both_forms), 0U);
    how.doubt_write_cache(at(20));
    EXPECT_EQ(commands_of_a_flush(how), 1U) << "each doubt asks anew";
}

// The bit was on only for the part that was written after the cache was.
TEST(translator_cache, ThatComesAmongThePartsOfAForcedWriteIsFlushed) {
    auto unit = plain_disk();
    unit.dpofua = true;
    unit.max_transfer_blocks = 1;
    translator how(unit);
    data_request write(operation::write, 0, 1024);
    write.request.force_unit_access = true;
    request_progress progress;
    unmap_list list{};
    auto step = how.next(write.request, progress, list);
    ASSERT_EQ(std::get<planned_command>(step).cdb, scsi::write_10({0, 1}));
    progress.add(std::get<planned_command>(step));
    unit.write_cache_enabled = true;
    how.refresh(unit, at(1));
    step = how.next(write.request, progress, list);
    ASSERT_EQ(std::get<planned_command>(step).cdb, scsi::write_10({1, 1}, true));
    progress.add(std::get<planned_command>(step));
    step = how.next(write.request, progress, list);
    ASSERT_TRUE(std::holds_alternative<planned_command>(step));
    EXPECT_EQ(std::get<planned_command>(step).cdb, scsi::synchronize_cache_10());
}

// ---- what else a look finds ---------------------------------------------------------------------

TEST(translator_refresh, ZeroesAreUnmappedOnlyWhileThatReadsAsZeros) {
    translator how(thin_disk());
    const auto request = request_of(operation::write_zeroes, 0, 512);
    EXPECT_EQ(play(how, request).commands.at(0).cdb, scsi::write_same_16({0, 1}, true));
    auto unit = thin_disk();
    unit.reads_zero_after_unmap = false;
    how.refresh(unit, at(1));
    EXPECT_EQ(play(how, request).commands.at(0).cdb, scsi::write_same_16({0, 1}, false));
}

TEST(translator_refresh, LimitsOfATransferHoldFromThenOn) {
    translator how(plain_disk());
    data_request read(operation::read, 0, 8 * 512);
    EXPECT_EQ(play(how, read.request).commands.size(), 1U);
    auto unit = plain_disk();
    unit.max_transfer_blocks = 2;
    how.refresh(unit, at(1));
    EXPECT_EQ(play(how, read.request).commands.size(), 4U);
}

TEST(translator_refresh, WriteProtectionComesAndGoes) {
    translator how(plain_disk());
    const data_request write(operation::write, 0, 512);
    auto unit = plain_disk();
    unit.read_only = true;
    how.refresh(unit, at(1));
    EXPECT_EQ(how.check(write.request), EROFS);
    how.refresh(plain_disk(), at(2));
    EXPECT_EQ(how.check(write.request), 0);
}

TEST(translator_refresh, ProvisioningComesAndGoes) {
    translator how(plain_disk());
    const auto request = request_of(operation::discard, 0, 512);
    EXPECT_EQ(play(how, request).error, EOPNOTSUPP);
    how.refresh(thin_disk(), at(1));
    EXPECT_EQ(play(how, request).error, 0);
    how.refresh(plain_disk(), at(2));
    EXPECT_EQ(play(how, request).error, EOPNOTSUPP);
}

} // namespace
} // namespace iscsid::lane
