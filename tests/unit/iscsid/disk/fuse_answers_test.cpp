#include "iscsid/disk/fuse_answers.hpp"

#include <gtest/gtest.h>

namespace {

using namespace iscsid::disk;

scsi::logical_unit lun_with_transfer_limit(std::uint32_t blocks, std::uint32_t block_size) {
    scsi::logical_unit lun;
    lun.block_count = 1024;
    lun.block_size = block_size;
    lun.max_transfer_blocks = blocks;
    return lun;
}

TEST(fuse_shape, keeps_the_payload_when_the_lun_states_no_limit) {
    EXPECT_EQ(shape_for(lun_with_transfer_limit(0, 512)).payload, fuse_shape{}.payload);
    EXPECT_EQ(shape_for(lun_with_transfer_limit(0xffff'ffff, 4096)).payload, fuse_shape{}.payload);
}

TEST(fuse_shape, fits_the_payload_to_the_luns_largest_transfer) {
    EXPECT_EQ(shape_for(lun_with_transfer_limit(128, 512)).payload, 65536U);
    EXPECT_EQ(shape_for(lun_with_transfer_limit(130, 512)).payload, 65536U); // whole pages
    EXPECT_EQ(shape_for(lun_with_transfer_limit(8, 4096)).payload, 32768U);
    EXPECT_EQ(shape_for(lun_with_transfer_limit(1, 512)).payload, 4096U); // the least of FUSE
}

TEST(fuse_granularity, is_the_unmap_granularity_but_at_least_a_physical_block) {
    scsi::logical_unit lun;
    lun.physical_block_size = 4096;
    EXPECT_EQ(fuse::discard_granularity(lun), 4096U);
    lun.unmap_granularity = 2048;
    EXPECT_EQ(fuse::discard_granularity(lun), 1048576U);
    lun.unmap_granularity = 0xffff'ffff; // more than fits
    EXPECT_EQ(fuse::discard_granularity(lun), 1U << 31U);
}

TEST(fuse_zeroes, need_write_same) {
    scsi::logical_unit lun;
    EXPECT_FALSE(fuse::may_zero_ranges(lun));
    EXPECT_FALSE(fuse::may_punch_holes(lun));
    lun.max_write_same_blocks = 1024;
    EXPECT_TRUE(fuse::may_zero_ranges(lun));
    EXPECT_FALSE(fuse::may_punch_holes(lun)); // a thick LUN would write the whole range
    lun.read_only = true;
    EXPECT_FALSE(fuse::may_zero_ranges(lun));
}

TEST(fuse_resend, is_offered_in_the_second_half_of_the_flags) {
    fuse_init_in offer{};
    offer.flags2 = fuse::has_resend_in_flags2;
    EXPECT_FALSE(fuse::offers_resend(offer)); // nobody says that there is a second half
    offer.flags = FUSE_INIT_EXT;
    EXPECT_TRUE(fuse::offers_resend(offer));
    offer.flags2 = ~fuse::has_resend_in_flags2;
    EXPECT_FALSE(fuse::offers_resend(offer));
}

TEST(fuse_resend, is_in_linux_6_9_and_later) {
    for (const auto* with : {"6.9.0", "6.9", "6.12.90+deb13-amd64", "6.18.44", "7.0-rc1"})
        EXPECT_TRUE(fuse::has_resend(with)) << with;
    for (const auto* without : {"", "6", "6.", "6.8.99", "6.1.0-30-amd64", "5.15", "x.9", "6x9"})
        EXPECT_FALSE(fuse::has_resend(without)) << without;
}

} // namespace
