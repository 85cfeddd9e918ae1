#include "tests/unit/scsi/bytes_of.hpp"

#include "libiscsi/scsi/cdb.hpp"

#include <gtest/gtest.h>

namespace scsi {
namespace {

using test::bytes_of;

cdb_field cdb(std::initializer_list<unsigned> values) {
    return test::padded<16>(values);
}

constexpr block_range low{0x01020304, 0x0506};
constexpr block_range high{0x0102030405060708, 0x090a0b0c};

TEST(cdb, test_unit_ready_is_all_zero) {
    EXPECT_EQ(test_unit_ready(), cdb({}));
}

TEST(cdb, has_the_names_of_the_standard) {
    EXPECT_EQ(name_of(operation_of(synchronize_cache())), "SYNCHRONIZE CACHE(10)");
    EXPECT_EQ(name_of(operation_of(read_capacity_16(32))), "READ CAPACITY(16)");
    EXPECT_EQ(name_of(operation_code{0xff}), "unknown command");
}

TEST(cdb, writes_what_a_scan_asks) {
    EXPECT_EQ(request_sense(252), cdb({0x03, 0, 0, 0, 252, 0}));
    EXPECT_EQ(inquiry(0x0124), cdb({0x12, 0, 0, 0x01, 0x24, 0}));
    EXPECT_EQ(
        inquiry_vpd(vpd_page::device_identification, 0xffff), cdb({0x12, 0x01, 0x83, 0xff, 0xff, 0})
    );
    EXPECT_EQ(inquiry_vpd(vpd_page::supported_pages, 8), cdb({0x12, 0x01, 0x00, 0, 8, 0}));
    EXPECT_EQ(report_luns(0x01020304), cdb({0xa0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0}));
    EXPECT_EQ(read_capacity_10(), cdb({0x25}));
    EXPECT_EQ(read_capacity_16(32), cdb({0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0}));
    EXPECT_EQ(mode_sense_6(mode_page::caching, 192), cdb({0x1a, 0, 0x08, 0, 192, 0}));
    EXPECT_EQ(mode_sense_10(mode_page::all, 0x0102), cdb({0x5a, 0, 0x3f, 0, 0, 0, 0, 1, 2, 0}));
}

TEST(cdb, writes_read_and_write) {
    EXPECT_EQ(read_10(low), cdb({0x28, 0, 1, 2, 3, 4, 0, 5, 6, 0}));
    EXPECT_EQ(write_10(low), cdb({0x2a, 0, 1, 2, 3, 4, 0, 5, 6, 0}));
    EXPECT_EQ(read_16(high), cdb({0x88, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0a, 0x0b, 0x0c, 0, 0}));
    EXPECT_EQ(write_16(high), cdb({0x8a, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0a, 0x0b, 0x0c, 0, 0}));
}

TEST(cdb, force_unit_access_is_bit_3_of_byte_1) {
    EXPECT_EQ(read_10(low, true)[1], std::byte{0x08});
    EXPECT_EQ(write_10(low, true)[1], std::byte{0x08});
    EXPECT_EQ(read_16(high, true)[1], std::byte{0x08});
    EXPECT_EQ(write_16(high, true)[1], std::byte{0x08});
}

TEST(cdb, synchronize_cache_covers_everything_by_default) {
    EXPECT_EQ(synchronize_cache(), cdb({0x35}));
    EXPECT_EQ(synchronize_cache_16(), cdb({0x91}));
    EXPECT_EQ(synchronize_cache_10(low), cdb({0x35, 0, 1, 2, 3, 4, 0, 5, 6, 0}));
    EXPECT_EQ(
        synchronize_cache_16(high),
        cdb({0x91, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0a, 0x0b, 0x0c, 0, 0})
    );
}

TEST(cdb, writes_write_same_with_and_without_unmap) {
    EXPECT_EQ(write_same_10(low, false), cdb({0x41, 0, 1, 2, 3, 4, 0, 5, 6, 0}));
    EXPECT_EQ(write_same_10(low, true), cdb({0x41, 0x08, 1, 2, 3, 4, 0, 5, 6, 0}));
    EXPECT_EQ(
        write_same_16(high, true),
        cdb({0x93, 0x08, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0a, 0x0b, 0x0c, 0, 0})
    );
    EXPECT_EQ(write_same_16(high, false)[1], std::byte{0});
}

TEST(cdb, chooses_the_form_by_address_and_count) {
    const auto form_of = [](std::uint64_t address, std::uint32_t count) {
        return operation_of(read({address, count}));
    };
    EXPECT_EQ(form_of(0, 0xffff), operation_code::read_10);
    EXPECT_EQ(form_of(0, 0x10000), operation_code::read_16);
    EXPECT_EQ(form_of(0xffff'ffff, 1), operation_code::read_10);
    EXPECT_EQ(form_of(0xffff'ffff, 2), operation_code::read_16);
    EXPECT_EQ(form_of(0x1'0000'0000, 0), operation_code::read_16);
    EXPECT_EQ(form_of(0x1'0000'0000, 1), operation_code::read_16);
    EXPECT_EQ(form_of(~0ULL, 1), operation_code::read_16);
}

TEST(cdb, every_chooser_knows_both_forms) {
    constexpr block_range small{1, 1};
    constexpr block_range large{0x1'0000'0000, 1};
    EXPECT_EQ(operation_of(write(small)), operation_code::write_10);
    EXPECT_EQ(operation_of(write(large, true)), operation_code::write_16);
    EXPECT_EQ(write(large, true)[1], std::byte{0x08});
    EXPECT_EQ(operation_of(synchronize_cache(small)), operation_code::synchronize_cache_10);
    EXPECT_EQ(operation_of(synchronize_cache(large)), operation_code::synchronize_cache_16);
    EXPECT_EQ(operation_of(write_same(small, true)), operation_code::write_same_10);
    EXPECT_EQ(operation_of(write_same(large, true)), operation_code::write_same_16);
}

TEST(cdb, writes_unmap_and_its_list) {
    EXPECT_EQ(unmap(24), cdb({0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0}));

    const std::array ranges = {block_range{0x0102030405060708, 0x090a0b0c}, block_range{1, 2}};
    test::bytes list(unmap_list_size(ranges.size()) + 1, std::byte{0xee});
    write_unmap_list(ranges, list);
    EXPECT_EQ(list, bytes_of({0, 38, 0, 32,   0,    0,    0, 0, 1, 2, 3, 4, 5,   6,
                              7, 8,  9, 0x0a, 0x0b, 0x0c, 0, 0, 0, 0, 0, 0, 0,   0,
                              0, 0,  0, 1,    0,    0,    0, 2, 0, 0, 0, 0, 0xee}));
}

TEST(cdb, an_unmap_list_may_be_empty) {
    test::bytes list(unmap_list_size(0));
    write_unmap_list({}, list);
    EXPECT_EQ(list, bytes_of({0, 6, 0, 0, 0, 0, 0, 0}));
    EXPECT_LE(unmap_list_size(most_unmap_ranges), 0xffffU);
    EXPECT_GT(unmap_list_size(most_unmap_ranges + 1), 0xffffU);
}

} // namespace
} // namespace scsi
