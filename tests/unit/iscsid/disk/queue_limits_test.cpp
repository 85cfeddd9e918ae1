#include "iscsid/disk/queue_limits.hpp"

#include <gtest/gtest.h>

namespace iscsid::disk {
namespace {

constexpr std::uint32_t slot = 1U << 20U;

scsi::logical_unit gigabyte() {
    scsi::logical_unit lun;
    lun.block_count = 1U << 21U;
    return lun;
}

TEST(queue_limits, of_a_lun_that_says_nothing) {
    const auto limits = queue_limits_of(gigabyte(), slot);
    EXPECT_EQ(limits.largest_transfer, slot);
    EXPECT_EQ(limits.optimal_transfer, 0U);
    EXPECT_EQ(limits.read_ahead, 0U);
    EXPECT_EQ(limits.largest_discard, 0U);
    EXPECT_EQ(limits.largest_zeroing, 1U << 30U);
    EXPECT_EQ(limits.discard_granularity, 512U);
    EXPECT_EQ(limits.discard_alignment, 0U);
}

TEST(queue_limits, read_ahead_is_twice_the_optimal_transfer) {
    auto lun = gigabyte();
    const auto ahead = [&lun](std::uint32_t blocks) {
        lun.optimal_transfer_blocks = blocks;
        return queue_limits_of(lun, slot).read_ahead;
    };
    EXPECT_EQ(ahead(128), 0U) << "no more than the kernel's default";
    EXPECT_EQ(ahead(256), 256U << 10U);
    EXPECT_EQ(ahead(16384), 16U << 20U);
    EXPECT_EQ(ahead(65535), 16U << 20U) << "each reader has one";
}

TEST(queue_limits, tell_no_optimal_transfer_that_cannot_be) {
    auto lun = gigabyte();
    const auto optimal = [&lun](std::uint32_t blocks) {
        lun.optimal_transfer_blocks = blocks;
        return queue_limits_of(lun, slot).optimal_transfer;
    };
    EXPECT_EQ(optimal(4), 0U) << "less than a page";
    EXPECT_EQ(optimal(65536), 0U) << "as the kernel's own driver";
    EXPECT_EQ(optimal(0xffff'ffff), 0U);
    EXPECT_EQ(optimal(24), 12288U);
    lun.physical_block_size = 8192;
    EXPECT_EQ(optimal(24), 0U) << "no multiple of the physical block";
    lun.max_transfer_blocks = 1024;
    EXPECT_EQ(optimal(1024), 512U << 10U);
    EXPECT_EQ(optimal(2048), 0U) << "more than the LUN takes at once";
}

TEST(queue_limits, discards_are_as_long_as_the_unit_takes) {
    auto lun = gigabyte();
    lun.can_unmap = true;
    const auto longest = [&lun](std::uint32_t blocks) {
        lun.max_unmap_blocks = blocks;
        return queue_limits_of(lun, slot).largest_discard;
    };
    EXPECT_EQ(longest(0), 1U << 30U);
    EXPECT_EQ(longest(8192), 4U << 20U);
    EXPECT_EQ(longest(0xffff'ffff), 1U << 30U);
    lun.unmap_granularity = 2048;
    EXPECT_EQ(longest(8191), 3U << 20U) << "whole granules";
    EXPECT_EQ(longest(100), 51200U) << "less than one: better than none";
    lun.block_size = 4096;
    EXPECT_EQ(longest(8192), 32U << 20U);
}

TEST(queue_limits, without_unmap_the_limit_is_that_of_write_same) {
    auto lun = gigabyte();
    lun.can_write_same_16_unmap = true;
    lun.max_write_same_blocks = 65536;
    lun.max_unmap_blocks = 1;
    const auto limits = queue_limits_of(lun, slot);
    EXPECT_EQ(limits.largest_discard, 32U << 20U);
    EXPECT_EQ(limits.largest_zeroing, 32U << 20U);
    lun.max_write_same_blocks = ~std::uint64_t{0};
    EXPECT_EQ(queue_limits_of(lun, slot).largest_zeroing, 1U << 30U);
}

TEST(queue_limits, tell_where_the_first_granule_begins) {
    auto lun = gigabyte();
    lun.unmap_granularity = 16;
    lun.unmap_alignment = 3;
    EXPECT_EQ(queue_limits_of(lun, slot).discard_alignment, 1536U);
    lun.unmap_alignment = 19;
    EXPECT_EQ(queue_limits_of(lun, slot).discard_alignment, 1536U);
}

} // namespace
} // namespace iscsid::disk
