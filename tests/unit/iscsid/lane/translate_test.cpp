#include "tests/unit/iscsid/lane/translate_fixture.hpp"

#include <cerrno>

namespace iscsid::lane {
namespace {

using namespace test;
using scsi::block_range;
using scsi::operation_code;

// ---- check --------------------------------------------------------------------------------------

TEST(translator_check, LetsAlignedRequestsPass) {
    const translator how(plain_disk());
    const data_request read(operation::read, 512, 1024);
    EXPECT_EQ(how.check(read.request), 0);
    const data_request last(operation::write, (std::uint64_t{1} << 29) - 512, 512);
    EXPECT_EQ(how.check(last.request), 0);
}

TEST(translator_check, RefusesWhatIsNotOnTheBlockGrid) {
    auto unit = plain_disk();
    unit.block_size = 4096;
    const translator how(unit);
    EXPECT_EQ(how.check(data_request(operation::read, 512, 4096).request), EINVAL);
    EXPECT_EQ(how.check(data_request(operation::write, 4096, 512).request), EINVAL);
    EXPECT_EQ(how.check(request_of(operation::discard, 0, 5000)), EINVAL);
    EXPECT_EQ(how.check(request_of(operation::write_zeroes, 1, 4096)), EINVAL);
}

TEST(translator_check, RefusesWhatIsBeyondTheEnd) {
    const translator how(plain_disk());
    const std::uint64_t size = plain_disk().size();
    EXPECT_EQ(how.check(data_request(operation::read, size, 512).request), EINVAL);
    EXPECT_EQ(how.check(data_request(operation::write, size - 512, 1024).request), EINVAL);
    EXPECT_EQ(how.check(request_of(operation::discard, ~std::uint64_t{511}, 1024)), EINVAL);
    EXPECT_EQ(how.check(request_of(operation::discard, 512, ~std::uint64_t{511})), EINVAL);
}

TEST(translator_check, RefusesABufferThatDoesNotFit) {
    const translator how(plain_disk());
    data_request read(operation::read, 0, 1024);
    read.request.length = 512;
    EXPECT_EQ(how.check(read.request), EINVAL);
}

TEST(translator_check, RefusesToChangeAReadOnlyDisk) {
    auto unit = plain_disk();
    unit.read_only = true;
    const translator how(unit);
    EXPECT_EQ(how.check(data_request(operation::write, 0, 512).request), EROFS);
    EXPECT_EQ(how.check(request_of(operation::discard, 0, 512)), EROFS);
    EXPECT_EQ(how.check(request_of(operation::write_zeroes, 0, 512)), EROFS);
    EXPECT_EQ(how.check(data_request(operation::read, 0, 512).request), 0);
    EXPECT_EQ(how.check(request_of(operation::flush)), 0);
}

TEST(translator_check, RefusesADiskWithoutAGeometry) {
    auto unit = plain_disk();
    unit.block_size = 0;
    EXPECT_EQ(translator(unit).check(request_of(operation::discard, 0, 0)), EINVAL);
    unit.block_size = 1U << 30U;
    EXPECT_EQ(translator(unit).check(request_of(operation::discard, 0, 0)), EINVAL);
}

// ---- read and write -----------------------------------------------------------------------------

TEST(translator_transfer, ReadIsOneCommand) {
    data_request read(operation::read, 4096, 8192);
    const auto done = play(plain_disk(), read.request);
    ASSERT_EQ(done.commands.size(), 1U);
    EXPECT_EQ(done.commands[0].cdb, scsi::read_10({8, 16}));
    EXPECT_EQ(done.commands[0].data_in.data(), read.memory.data());
    EXPECT_EQ(done.commands[0].data_in.size(), 8192U);
    EXPECT_TRUE(done.commands[0].data_out.empty());
    EXPECT_EQ(done.error, 0);
}

TEST(translator_transfer, WriteIsOneCommand) {
    data_request write(operation::write, 0, 512);
    const auto done = play(cached_disk(), write.request);
    ASSERT_EQ(done.commands.size(), 1U);
    EXPECT_EQ(done.commands[0].cdb, scsi::write_10({0, 1}));
    EXPECT_EQ(done.commands[0].data_out.data(), write.memory.data());
    EXPECT_TRUE(done.commands[0].data_in.empty());
}

TEST(translator_transfer, NothingToMoveIsNoCommand) {
    EXPECT_TRUE(play(plain_disk(), request_of(operation::read)).commands.empty());
    EXPECT_EQ(play(plain_disk(), request_of(operation::write)).error, 0);
}

TEST(translator_transfer, UsesTheLongFormBeyondTwoTebibytes) {
    auto unit = plain_disk();
    unit.block_count = std::uint64_t{1} << 33;
    data_request read(operation::read, (std::uint64_t{1} << 32) * 512, 512);
    const auto done = play(unit, read.request);
    EXPECT_EQ(done.commands.at(0).cdb, scsi::read_16({std::uint64_t{1} << 32, 1}));
}

TEST(translator_transfer, SplitsByTheLimitOfTheDisk) {
    auto unit = plain_disk();
    unit.max_transfer_blocks = 8;
    data_request read(operation::read, 512, 20 * 512);
    const auto done = play(unit, read.request);
    ASSERT_EQ(done.commands.size(), 3U);
    EXPECT_EQ(done.commands[0].cdb, scsi::read_10({1, 8}));
    EXPECT_EQ(done.commands[1].cdb, scsi::read_10({9, 8}));
    EXPECT_EQ(done.commands[2].cdb, scsi::read_10({17, 4}));
    EXPECT_EQ(done.commands[1].data_in.data(), read.memory.data() + 8 * 512);
    EXPECT_EQ(done.commands[2].data_in.size(), 4 * 512U);
}

TEST(translator_transfer, SplitsWithoutALimitToo) {
    data_request write(operation::write, 0, 9U << 20U);
    const auto done = play(plain_disk(), write.request);
    ASSERT_EQ(done.commands.size(), 3U);
    EXPECT_EQ(done.commands[2].data_out.size(), 1U << 20U);
}

TEST(translator_transfer, ForcesUnitAccessByTheBitWhereTheDiskHasIt) {
    auto unit = cached_disk();
    unit.dpofua = true;
    data_request write(operation::write, 0, 512);
    write.request.force_unit_access = true;
    const auto done = play(unit, write.request);
    ASSERT_EQ(done.commands.size(), 1U);
    EXPECT_EQ(done.commands[0].cdb, scsi::write_10({0, 1}, true));
}

TEST(translator_transfer, ForcesUnitAccessBySynchronizeCacheElsewhere) {
    data_request write(operation::write, 0, 512);
    write.request.force_unit_access = true;
    const auto done = play(cached_disk(), write.request);
    ASSERT_EQ(done.commands.size(), 2U);
    EXPECT_EQ(done.commands[0].cdb, scsi::write_10({0, 1}));
    EXPECT_EQ(done.commands[1].cdb, scsi::synchronize_cache_10());
}

TEST(translator_transfer, NeedsNoForceWithoutACache) {
    auto unit = plain_disk();
    unit.dpofua = true;
    data_request write(operation::write, 0, 512);
    write.request.force_unit_access = true;
    const auto done = play(unit, write.request);
    ASSERT_EQ(done.commands.size(), 1U);
    EXPECT_EQ(done.commands[0].cdb, scsi::write_10({0, 1}));
}

TEST(translator_transfer, ARefusedForceBitBecomesSynchronizeCache) {
    auto unit = cached_disk();
    unit.dpofua = true;
    unit.max_transfer_blocks = 1;
    translator how(unit);
    data_request write(operation::write, 0, 1024);
    write.request.force_unit_access = true;
    const auto first = play(how, write.request, {optional_feature::force_unit_access});
    ASSERT_EQ(first.commands.size(), 3U);
    EXPECT_EQ(first.commands[2].cdb, scsi::synchronize_cache_10());
    EXPECT_EQ(play(how, write.request).commands[0].cdb, scsi::write_10({0, 1})) << "remembered";
}

TEST(translator_transfer, ReadsNeverSynchronize) {
    data_request read(operation::read, 0, 512);
    read.request.force_unit_access = true;
    EXPECT_EQ(play(cached_disk(), read.request).commands.size(), 1U);
}

// ---- flush --------------------------------------------------------------------------------------

TEST(translator_flush, SynchronizesACache) {
    const auto done = play(cached_disk(), request_of(operation::flush));
    ASSERT_EQ(done.commands.size(), 1U);
    EXPECT_EQ(done.commands[0].cdb, scsi::synchronize_cache_10());
    EXPECT_EQ(done.error, 0);
}

TEST(translator_flush, IsNothingWithoutACache) {
    const auto done = play(plain_disk(), request_of(operation::flush));
    EXPECT_TRUE(done.commands.empty());
    EXPECT_EQ(done.error, 0);
}

TEST(translator_flush, TakesTheLongFormWhenTheShortOneIsRefused) {
    translator how(cached_disk());
    const auto done =
        play(how, request_of(operation::flush), {optional_feature::synchronize_cache_10});
    ASSERT_EQ(done.commands.size(), 1U);
    EXPECT_EQ(done.commands[0].cdb, scsi::synchronize_cache_16());
    EXPECT_EQ(done.commands[0].uses, optional_feature::none) << "and then it is an error";
}

// ---- discard ------------------------------------------------------------------------------------

block_range range_in(const unmap_list& list) {
    return {iscsi::load_be64(list.data() + 8), iscsi::load_be32(list.data() + 16)};
}

TEST(translator_discard, UnmapsWhereTheDiskCan) {
    const auto done = play(thin_disk(), request_of(operation::discard, 1024, 4096));
    ASSERT_EQ(done.commands.size(), 1U);
    EXPECT_EQ(done.commands[0].cdb, scsi::unmap(24));
    EXPECT_EQ(done.commands[0].data_out.size(), 24U);
    EXPECT_EQ(range_in(done.lists[0]), (block_range{2, 8}));
}

TEST(translator_discard, SplitsByTheLimitAndKeepsTheGrid) {
    auto unit = thin_disk();
    unit.max_unmap_blocks = 10;
    unit.unmap_granularity = 4;
    const auto done = play(unit, request_of(operation::discard, 0, 20 * 512));
    ASSERT_EQ(done.commands.size(), 3U);
    EXPECT_EQ(range_in(done.lists[0]), (block_range{0, 8}));
    EXPECT_EQ(range_in(done.lists[1]), (block_range{8, 8}));
    EXPECT_EQ(range_in(done.lists[2]), (block_range{16, 4}));
}

TEST(translator_discard, LeavesHeadAndTailThatAreNotOnTheGrid) {
    auto unit = thin_disk();
    unit.unmap_granularity = 8;
    unit.unmap_alignment = 3;
    const auto done = play(unit, request_of(operation::discard, 4 * 512, 30 * 512));
    ASSERT_EQ(done.commands.size(), 1U);
    EXPECT_EQ(range_in(done.lists[0]), (block_range{11, 16}));
}

TEST(translator_discard, EndsWhenAnotherGridLeavesLessThanIsDone) {
    auto unit = thin_disk();
    translator how(unit);
    const auto request = request_of(operation::discard, 0, 20 * 512);
    request_progress progress;
    progress.blocks = 18;
    unit.unmap_granularity = 16;
    how.refresh(unit, {});
    unmap_list list;
    const auto next = how.next(request, progress, list);
    ASSERT_TRUE(std::holds_alternative<request_end>(next));
    EXPECT_EQ(std::get<request_end>(next).error, 0);
}

TEST(translator_discard, OfLessThanAGrainIsNothing) {
    auto unit = thin_disk();
    unit.unmap_granularity = 8;
    for (const std::uint64_t first : {1U, 7U, 8U}) {
        const auto done = play(unit, request_of(operation::discard, first * 512, 7 * 512));
        EXPECT_TRUE(done.commands.empty()) << first;
        EXPECT_EQ(done.error, 0);
    }
}

TEST(translator_discard, EveryGridAndRangeStaysInside) {
    for (std::uint32_t grain = 1; grain <= 9; ++grain)
        for (std::uint32_t shift = 0; shift < grain; ++shift)
            for (std::uint64_t first = 0; first < 20; ++first) {
                auto unit = thin_disk();
                unit.unmap_granularity = grain;
                unit.unmap_alignment = shift;
                const auto done = play(unit, request_of(operation::discard, first * 512, 25 * 512));
                ASSERT_EQ(done.error, 0);
                ASSERT_LE(done.commands.size(), 1U);
                const auto range = range_in(done.lists.at(0));
                EXPECT_EQ((range.address + grain - shift) % grain, 0U);
                EXPECT_EQ(range.count % grain, 0U);
                EXPECT_GE(range.address, first);
                EXPECT_LE(range.address + range.count, first + 25);
                EXPECT_GT(range.count + 2 * grain, 25U) << "no whole grain is left out";
            }
}

TEST(translator_discard, FallsBackToWriteSameAndThenSaysSo) {
    translator how(thin_disk());
    const auto request = request_of(operation::discard, 0, 4096);
    auto done = play(how, request, {optional_feature::unmap});
    ASSERT_EQ(done.commands.size(), 1U);
    EXPECT_EQ(done.commands[0].cdb, scsi::write_same_16({0, 8}, true));
    EXPECT_EQ(done.commands[0].data_out.size(), 512U);
    done = play(how, request, {optional_feature::write_same_16_unmap});
    EXPECT_EQ(done.commands.at(0).cdb, scsi::write_same_10({0, 8}, true));
    done = play(how, request, {optional_feature::write_same_10_unmap});
    EXPECT_TRUE(done.commands.empty());
    EXPECT_EQ(done.error, EOPNOTSUPP);
    EXPECT_EQ(play(how, request).error, EOPNOTSUPP) << "remembered";
}

TEST(translator_discard, TheShortFormKeepsToItsSixteenBits) {
    auto unit = thin_disk();
    unit.can_unmap = false;
    unit.can_write_same_16_unmap = false;
    unit.max_write_same_blocks = 0x10'0000;
    const auto done = play(unit, request_of(operation::discard, 0, std::uint64_t{0x1'0000} * 512));
    ASSERT_EQ(done.commands.size(), 2U);
    EXPECT_EQ(done.commands[0].cdb, scsi::write_same_10({0, 0xffff}, true));
    EXPECT_EQ(done.commands[1].cdb, scsi::write_same_10({0xffff, 1}, true));
}

TEST(translator_discard, AThickDiskCannot) {
    auto unit = thin_disk();
    unit.thin = false;
    EXPECT_EQ(play(unit, request_of(operation::discard, 0, 4096)).error, EOPNOTSUPP);
}

// ---- write zeroes -------------------------------------------------------------------------------

TEST(translator_zeroes, UnmapsOnlyWhereUnmappedReadsAsZeros) {
    const auto request = request_of(operation::write_zeroes, 512, 1024);
    EXPECT_EQ(play(thin_disk(), request).commands.at(0).cdb, scsi::write_same_16({1, 2}, true));
    auto unit = thin_disk();
    unit.reads_zero_after_unmap = false;
    EXPECT_EQ(play(unit, request).commands.at(0).cdb, scsi::write_same_16({1, 2}, false));
}

TEST(translator_zeroes, UnmapsOnlyWhereItMay) {
    auto request = request_of(operation::write_zeroes, 512, 1024);
    request.may_unmap = false;
    EXPECT_EQ(play(thin_disk(), request).commands.at(0).cdb, scsi::write_same_16({1, 2}, false));
}

TEST(translator_zeroes, GoesDownTheLadderToPlainWrites) {
    translator how(thin_disk());
    const auto request = request_of(operation::write_zeroes, 0, 4096);
    using enum optional_feature;
    EXPECT_EQ(
        play(how, request, {write_same_16_unmap}).commands.at(0).cdb,
        scsi::write_same_10({0, 8}, true)
    );
    EXPECT_EQ(
        play(how, request, {write_same_10_unmap}).commands.at(0).cdb,
        scsi::write_same_16({0, 8}, false)
    );
    EXPECT_EQ(
        play(how, request, {write_same_16}).commands.at(0).cdb, scsi::write_same_10({0, 8}, false)
    );
    const auto plain = play(how, request, {write_same_10});
    ASSERT_EQ(plain.commands.size(), 1U);
    EXPECT_EQ(plain.commands[0].cdb, scsi::write_10({0, 8}));
    EXPECT_EQ(plain.commands[0].data_out.size(), 4096U);
    EXPECT_EQ(plain.commands[0].uses, none);
}

TEST(translator_zeroes, EveryBlockIsZeroedOnceWhateverTheWay) {
    for (const std::uint64_t blocks : {1U, 511U, 512U, 513U, 5'000U})
        for (const bool refuse : {false, true}) {
            translator how(plain_disk());
            if (refuse) {
                how.refuse(optional_feature::write_same_16);
                how.refuse(optional_feature::write_same_10);
            }
            const auto done = play(how, request_of(operation::write_zeroes, 512, blocks * 512));
            std::uint64_t sum = 0;
            for (const auto& command : done.commands) {
                sum += command.blocks;
                EXPECT_TRUE(std::ranges::all_of(command.data_out, [](std::byte each) {
                    return each == std::byte{0};
                }));
                EXPECT_EQ(command.data_out.size(), refuse ? command.blocks * 512 : 512);
            }
            EXPECT_EQ(sum, blocks);
            EXPECT_EQ(done.error, 0);
        }
}

// SBC-3 §5.51: with NDOB (bit 0 of byte 1) the command has no data, and there are targets that
// crash of that. Whatever zeroes or discards, and whichever way is left, the block of zeroes goes
// along.
TEST(translator_zeroes, WriteSameNeverGoesWithoutItsBlock) {
    using enum optional_feature;
    const std::vector<optional_feature> ladder{
        none, unmap, write_same_16_unmap, write_same_10_unmap, write_same_16, write_same_10};
    for (const std::uint32_t block : {512U, 4096U})
        for (const auto op : {operation::write_zeroes, operation::discard})
            for (std::size_t refused = 0; refused < ladder.size(); ++refused) {
                auto unit = thin_disk();
                unit.block_size = block;
                translator how(unit);
                for (std::size_t i = 0; i < refused; ++i)
                    how.refuse(ladder[i]);
                for (const auto& each : play(how, request_of(op, 0, 64ULL * block)).commands) {
                    const auto code = scsi::operation_of(each.cdb);
                    if (code != operation_code::write_same_16 &&
                        code != operation_code::write_same_10)
                        continue;
                    EXPECT_EQ(each.cdb[1] & std::byte{0x01}, std::byte{0});
                    EXPECT_EQ(each.data_out.size(), block);
                }
            }
}

TEST(translator_zeroes, KeepsToTheLimitOfTheDisk) {
    auto unit = plain_disk();
    unit.max_write_same_blocks = 16;
    const auto done = play(unit, request_of(operation::write_zeroes, 0, 40 * 512));
    ASSERT_EQ(done.commands.size(), 3U);
    EXPECT_EQ(done.commands[2].cdb, scsi::write_same_16({32, 8}, false));
}

TEST(translator_zeroes, ForcedOnesSynchronizeTheCache) {
    auto request = request_of(operation::write_zeroes, 0, 4096);
    request.force_unit_access = true;
    const auto done = play(cached_disk(), request);
    ASSERT_EQ(done.commands.size(), 2U);
    EXPECT_EQ(done.commands[1].cdb, scsi::synchronize_cache_10());
}

// ---- outcomes -----------------------------------------------------------------------------------

planned_command read_of(std::size_t bytes) {
    static std::vector<std::byte> memory(1 << 16);
    planned_command command;
    command.cdb = scsi::read_10({0, static_cast<std::uint32_t>(bytes / 512)});
    command.data_in = std::span(memory).first(bytes);
    return command;
}

iscsi::task_done good(std::uint32_t transferred) {
    iscsi::task_done done;
    done.transferred = transferred;
    return done;
}

TEST(judge_outcome, GoodWithAllBytesIsSuccess) {
    EXPECT_EQ(judge_outcome(good(512), read_of(512)).what, scsi::verdict::success);
}

TEST(judge_outcome, GoodWithFewerBytesIsNot) {
    EXPECT_EQ(judge_outcome(good(0), read_of(512)).what, scsi::verdict::retry_limited);
    auto short_one = good(1024);
    short_one.residual_count = 512;
    const auto judged = judge_outcome(short_one, read_of(1024));
    EXPECT_EQ(judged.what, scsi::verdict::retry_limited);
    EXPECT_EQ(judged.error, EIO);
}

TEST(judge_outcome, AResidualOfAnUnmapSaysNothing) {
    planned_command command;
    command.cdb = scsi::unmap(24);
    auto done = good(0);
    done.residual_count = 24;
    EXPECT_EQ(judge_outcome(done, command).what, scsi::verdict::success);
}

TEST(judge_outcome, TasksWithoutAnAnswerHaveTheirOwnErrors) {
    auto done = good(512);
    done.outcome = iscsi::task_result::lost;
    EXPECT_EQ(judge_outcome(done, read_of(512)).what, scsi::verdict::fail);
    EXPECT_EQ(judge_outcome(done, read_of(512)).error, ENOLINK);
    done.outcome = iscsi::task_result::aborted;
    EXPECT_EQ(judge_outcome(done, read_of(512)).what, scsi::verdict::retry_limited);
    EXPECT_EQ(judge_outcome(done, read_of(512)).error, ETIMEDOUT);
    done.outcome = iscsi::task_result::short_data;
    EXPECT_EQ(judge_outcome(done, read_of(512)).what, scsi::verdict::retry_limited);
    EXPECT_EQ(judge_outcome(done, read_of(512)).error, EIO);
}

TEST(judge_outcome, TheStatusKeepsItsMeaning) {
    auto done = good(0);
    done.status = 0x18;
    EXPECT_EQ(judge_outcome(done, read_of(512)).error, EBADE);
    done.status = 0x08;
    EXPECT_EQ(judge_outcome(done, read_of(512)).what, scsi::verdict::retry_after_delay);
}

TEST(timeout_of, FollowsTheWorkOfTheCommand) {
    using std::chrono::seconds;
    EXPECT_EQ(timeout_of(scsi::read_10({0, 1})), seconds(30));
    EXPECT_EQ(timeout_of(scsi::write_16({0, 1})), seconds(30));
    EXPECT_EQ(timeout_of(scsi::synchronize_cache_10()), seconds(60));
    EXPECT_EQ(timeout_of(scsi::write_same_16({0, 1}, true)), seconds(120));
    EXPECT_EQ(timeout_of(scsi::unmap(24)), seconds(120));
}

} // namespace
} // namespace iscsid::lane
