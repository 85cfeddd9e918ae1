#include "tests/unit/scsi/bytes_of.hpp"

#include "libiscsi/scsi/capacity.hpp"
#include "libiscsi/scsi/parameter_data.hpp"

#include <gtest/gtest.h>

namespace scsi {
namespace {

using test::bytes_of;

// 2 GiB of 512-byte blocks on 4096-byte sectors, thin, reads zero, first aligned block 1.
const auto disk =
    bytes_of({0, 0, 0, 0, 0, 0x3f, 0xff, 0xff, 0, 0, 2, 0, 0, 0x03, 0xc0, 0x01}) + test::zeros(16);

TEST(read_capacity_10, reads_size_and_block) {
    const auto got = read_capacity_10_data(bytes_of({0, 0x3f, 0xff, 0xff, 0, 0, 2, 0})).value();
    EXPECT_EQ(got.block_count, 0x400000U);
    EXPECT_EQ(got.block_size, 512U);
    EXPECT_EQ(got.physical_block_size, 512U);
    EXPECT_FALSE(got.needs_16);
    EXPECT_FALSE(got.thin);
}

TEST(read_capacity_10, says_when_it_is_not_enough) {
    EXPECT_TRUE(
        read_capacity_10_data(bytes_of({0xff, 0xff, 0xff, 0xff, 0, 0, 2, 0})).value().needs_16
    );
    EXPECT_FALSE(
        read_capacity_10_data(bytes_of({0xff, 0xff, 0xff, 0xfe, 0, 0, 2, 0})).value().needs_16
    );
}

TEST(read_capacity_10, needs_eight_bytes) {
    const auto refused = read_capacity_10_data(test::zeros(7));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, iscsi::to_error_code(parameter_errc::too_short));
}

TEST(read_capacity_16, reads_everything) {
    const auto got = read_capacity_16_data(disk).value();
    EXPECT_EQ(got.block_count, 0x400000U);
    EXPECT_EQ(got.block_size, 512U);
    EXPECT_EQ(got.physical_block_size, 4096U);
    EXPECT_EQ(got.lowest_aligned_block, 1U);
    EXPECT_TRUE(got.thin);
    EXPECT_TRUE(got.reads_zero_after_unmap);
    EXPECT_FALSE(got.protection_enabled);
}

TEST(read_capacity_16, sees_protection) {
    auto data = disk;
    data[12] = std::byte{0x03};
    EXPECT_TRUE(read_capacity_16_data(data).value().protection_enabled);
    data[12] = std::byte{0x02};
    EXPECT_FALSE(read_capacity_16_data(data).value().protection_enabled);
}

TEST(read_capacity_16, does_with_twelve_bytes) {
    const auto got =
        read_capacity_16_data(bytes_of({0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x10, 0})).value();
    EXPECT_EQ(got.block_count, 0x1'0000'0001U);
    EXPECT_EQ(got.block_size, 4096U);
    EXPECT_EQ(got.physical_block_size, 4096U);
    EXPECT_FALSE(got.thin);
    EXPECT_FALSE(read_capacity_16_data(test::zeros(11)));
}

TEST(read_capacity_16, refuses_sizes_that_no_offset_reaches) {
    auto data = disk;
    for (std::size_t i = 0; i < 8; ++i)
        data[i] = std::byte{0xff};
    const auto refused = read_capacity_16_data(data);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, iscsi::to_error_code(parameter_errc::out_of_range));
    data[0] = std::byte{0x00};
    data[1] = std::byte{0x3f}; // last block 2^54 - 1: the first size that is too large
    EXPECT_FALSE(read_capacity_16_data(data));
    data[7] = std::byte{0xfd};
    EXPECT_TRUE(read_capacity_16_data(data));
}

TEST(read_capacity_16, a_block_size_of_zero_is_told_as_it_is) {
    auto data = disk;
    data[10] = std::byte{0};
    EXPECT_EQ(read_capacity_16_data(data).value().block_size, 0U);
}

TEST(read_capacity_16, physical_blocks_stay_a_32_bit_number) {
    auto data = disk;
    data[8] = std::byte{0x80};
    data[13] = std::byte{0x0f};
    EXPECT_EQ(read_capacity_16_data(data).value().physical_block_size, 0x8000'0200U);
}

TEST(read_capacity, survives_every_truncation) {
    test::read_every_beginning(disk, [](const test::bytes& d) { return read_capacity_16_data(d); });
    test::read_every_beginning(disk, [](const test::bytes& d) { return read_capacity_10_data(d); });
}

} // namespace
} // namespace scsi
