#include "iscsid/disk/ublk_driver.hpp"

#include <gtest/gtest.h>

namespace {

using namespace iscsid::disk;

constexpr std::uint32_t largest = 1U << 20U;

// UBLK_ATTR_…
constexpr std::uint32_t rotational = 2;
constexpr std::uint32_t volatile_cache = 4;
constexpr std::uint32_t fua = 8;

scsi::logical_unit unit() {
    scsi::logical_unit lun;
    lun.block_count = 1U << 21U;
    lun.rotational = false;
    return lun;
}

ublk::parameters told(const scsi::logical_unit& lun) {
    return ublk_parameters_of(lun, largest);
}

TEST(ublk_parameters, of_a_plain_lun) {
    const auto what = told(unit());
    EXPECT_EQ(what.length, 80U);
    EXPECT_EQ(what.types, 3U);
    EXPECT_EQ(what.attributes, volatile_cache | fua);
    EXPECT_EQ(what.logical_block_shift, 9);
    EXPECT_EQ(what.physical_block_shift, 9);
    EXPECT_EQ(what.minimum_io_shift, 9);
    EXPECT_EQ(what.optimal_io_shift, 9);
    EXPECT_EQ(what.max_sectors, 2048U);
    EXPECT_EQ(what.chunk_sectors, 0U);
    EXPECT_EQ(what.sectors, 1U << 21U);
    EXPECT_EQ(what.virt_boundary_mask, 0U);
}

TEST(ublk_parameters, of_512e) {
    auto lun = unit();
    lun.physical_block_size = 4096;
    const auto what = told(lun);
    EXPECT_EQ(what.logical_block_shift, 9);
    EXPECT_EQ(what.physical_block_shift, 12);
    EXPECT_EQ(what.minimum_io_shift, 12);
    EXPECT_EQ(what.optimal_io_shift, 12);
    EXPECT_EQ(what.discard_granularity, 4096U);
    EXPECT_EQ(what.sectors, 1U << 21U);
}

TEST(ublk_parameters, of_4kn) {
    auto lun = unit();
    lun.block_size = 4096; // and a physical block that says less
    const auto what = told(lun);
    EXPECT_EQ(what.logical_block_shift, 12);
    EXPECT_EQ(what.physical_block_shift, 12) << "the kernel refuses less";
    EXPECT_EQ(what.sectors, 8U << 21U) << "512 bytes each";
    EXPECT_EQ(what.max_sectors, 2048U);
}

TEST(ublk_parameters, keep_to_the_largest_transfer) {
    auto lun = unit();
    lun.max_transfer_blocks = 256;
    EXPECT_EQ(told(lun).max_sectors, 256U);
    lun.block_size = 4096;
    lun.max_transfer_blocks = 16;
    EXPECT_EQ(told(lun).max_sectors, 128U);
    lun.max_transfer_blocks = 0xffff'ffff;
    EXPECT_EQ(told(lun).max_sectors, 2048U);
}

TEST(ublk_parameters, allow_a_page_at_least) {
    auto lun = unit();
    lun.max_transfer_blocks = 1;
    EXPECT_EQ(told(lun).max_sectors, 8U);
    lun.block_size = 4096;
    EXPECT_EQ(told(lun).max_sectors, 8U);
}

TEST(ublk_parameters, tell_the_optimal_transfer_where_it_makes_sense) {
    auto lun = unit();
    const auto shift_of = [&lun](std::uint32_t blocks) {
        lun.optimal_transfer_blocks = blocks;
        return told(lun).optimal_io_shift;
    };
    EXPECT_EQ(shift_of(128), 16);
    EXPECT_EQ(shift_of(2048), 20);
    EXPECT_EQ(shift_of(16384), 23) << "more than a request holds: stripes are longer";
    EXPECT_EQ(shift_of(3 * 128), 16) << "what divides it, or stripes would not be aligned";
    EXPECT_EQ(shift_of(0xffff'ffff), 9);
    lun.physical_block_size = 4096;
    EXPECT_EQ(shift_of(4), 12) << "less than a block";
}

TEST(ublk_parameters, discard_only_where_the_lun_can) {
    auto lun = unit();
    EXPECT_EQ(told(lun).max_discard_sectors, 0U);
    EXPECT_EQ(told(lun).discard_granularity, 512U) << "0 is refused";
    EXPECT_EQ(told(lun).max_write_zeroes_sectors, 1U << 21U);
    for (auto can :
         {&scsi::logical_unit::can_unmap,
          &scsi::logical_unit::can_write_same_16_unmap,
          &scsi::logical_unit::can_write_same_10_unmap}) {
        auto thin = unit();
        thin.*can = true;
        EXPECT_EQ(told(thin).max_discard_sectors, 1U << 21U);
        EXPECT_EQ(told(thin).max_discard_segments, 1U) << "more is refused";
    }
}

TEST(ublk_parameters, tell_the_granularity_of_discards) {
    auto lun = unit();
    lun.can_unmap = true;
    lun.unmap_granularity = 16;
    EXPECT_EQ(told(lun).discard_granularity, 8192U);
    lun.unmap_granularity = 1;
    lun.physical_block_size = 4096;
    EXPECT_EQ(told(lun).discard_granularity, 4096U);
    lun.unmap_granularity = 0xffff'ffff;
    EXPECT_EQ(told(lun).discard_granularity, 1U << 31U);
    lun.block_size = 4096;
    EXPECT_EQ(told(lun).discard_granularity, 1U << 31U);
}

TEST(ublk_parameters, have_the_attributes_of_the_lun) {
    auto lun = unit();
    lun.rotational = true;
    EXPECT_EQ(told(lun).attributes, rotational | volatile_cache | fua);
}

// Both are told once, when the device is made, and a LUN changes: its cache is switched on, a
// snapshot becomes writable.
TEST(ublk_parameters, tell_nothing_for_life_that_may_change) {
    for (const bool cached : {false, true})
        for (const bool dpofua : {false, true})
            for (const bool is_read_only : {false, true}) {
                auto lun = unit();
                lun.write_cache_enabled = cached;
                lun.dpofua = dpofua;
                lun.read_only = is_read_only;
                EXPECT_EQ(told(lun).attributes, volatile_cache | fua);
            }
}

TEST(ublk_parameters, of_a_huge_lun) {
    auto lun = unit();
    lun.block_size = 4096;
    lun.block_count = std::uint64_t{1} << 51U; // 8 EiB
    EXPECT_EQ(told(lun).sectors, std::uint64_t{1} << 54U);
}

} // namespace
