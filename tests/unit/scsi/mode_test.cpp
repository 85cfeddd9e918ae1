#include "tests/unit/scsi/bytes_of.hpp"

#include "libiscsi/scsi/mode.hpp"
#include "libiscsi/scsi/parameter_data.hpp"

#include <gtest/gtest.h>

namespace scsi {
namespace {

using test::bytes;
using test::bytes_of;

constexpr unsigned write_cache = 0x04;

bytes caching_page(unsigned flags) {
    return bytes_of({0x08, 0x12, flags}) + test::zeros(17);
}

bytes mode_6(unsigned device_specific, const bytes& descriptors, const bytes& pages) {
    const auto length = static_cast<unsigned>(3 + descriptors.size() + pages.size());
    return bytes_of({length, 0, device_specific, static_cast<unsigned>(descriptors.size())}) +
           descriptors + pages;
}

bytes mode_10(unsigned device_specific, const bytes& descriptors, const bytes& pages) {
    const auto length = static_cast<unsigned>(6 + descriptors.size() + pages.size());
    const auto room = static_cast<unsigned>(descriptors.size());
    return bytes_of({length >> 8U, length & 0xffU, 0, device_specific, 0, 0, 0, room}) +
           descriptors + pages;
}

TEST(mode_sense, reads_wce_in_both_forms) {
    for (const unsigned flags : {0U, write_cache}) {
        const bool expected = flags == write_cache;
        EXPECT_EQ(
            read_mode_6_data(mode_6(0, {}, caching_page(flags))).value().write_cache_enabled,
            expected
        );
        EXPECT_EQ(
            read_mode_10_data(mode_10(0, {}, caching_page(flags))).value().write_cache_enabled,
            expected
        );
    }
}

TEST(mode_sense, skips_block_descriptors) {
    // 0x08 and 0x12 inside the descriptor look like the start of a caching page.
    const auto descriptor = bytes_of({0x08, 0x12, 0x04, 0x08, 0x12, 0x04, 0x08, 0x12});
    EXPECT_EQ(
        read_mode_6_data(mode_6(0, descriptor, caching_page(0))).value().write_cache_enabled, false
    );
    EXPECT_EQ(
        read_mode_10_data(mode_10(0, descriptor + descriptor, caching_page(0)))
            .value()
            .write_cache_enabled,
        false
    );
}

TEST(mode_sense, reads_the_device_specific_parameter) {
    const auto plain = read_mode_6_data(mode_6(0x00, {}, {})).value();
    EXPECT_FALSE(plain.write_protected);
    EXPECT_FALSE(plain.dpofua);
    EXPECT_TRUE(read_mode_6_data(mode_6(0x80, {}, {})).value().write_protected);
    EXPECT_TRUE(read_mode_6_data(mode_6(0x10, {}, {})).value().dpofua);
    EXPECT_TRUE(read_mode_10_data(mode_10(0x80, {}, {})).value().write_protected);
    EXPECT_TRUE(read_mode_10_data(mode_10(0x10, {}, {})).value().dpofua);
}

TEST(mode_sense, finds_the_caching_page_behind_others) {
    const auto first = bytes_of({0x01, 0x0a}) + test::zeros(10);
    const auto sub_page = bytes_of({0x4a, 0x05, 0x00, 0x1c}) + test::zeros(28);
    const auto saveable = bytes_of({0x88, 0x12, write_cache}) + test::zeros(17);
    const auto got = read_mode_6_data(mode_6(0, {}, first + sub_page + saveable)).value();
    EXPECT_EQ(got.write_cache_enabled, true);
}

TEST(mode_sense, does_not_take_a_sub_page_for_the_caching_page) {
    const auto sub_page = bytes_of({0x48, 0x01, 0x00, 0x04, 0xff, 0xff, 0xff, 0xff});
    EXPECT_EQ(read_mode_6_data(mode_6(0, {}, sub_page)).value().write_cache_enabled, std::nullopt);
}

TEST(mode_sense, an_absent_caching_page_is_told) {
    EXPECT_EQ(read_mode_6_data(mode_6(0, {}, {})).value().write_cache_enabled, std::nullopt);
    EXPECT_EQ(
        read_mode_6_data(mode_6(0, {}, bytes_of({0x08, 0x00, 0xff}))).value().write_cache_enabled,
        std::nullopt
    );
}

TEST(mode_sense, cuts_lengths_that_lie) {
    auto data = mode_6(0, {}, caching_page(write_cache));
    data[0] = std::byte{0xff};
    EXPECT_EQ(read_mode_6_data(data).value().write_cache_enabled, true);
    data[0] = std::byte{5}; // ends before WCE
    EXPECT_EQ(read_mode_6_data(data).value().write_cache_enabled, std::nullopt);
    data[0] = std::byte{0xff};
    data[3] = std::byte{0xff}; // descriptors longer than all data
    EXPECT_EQ(read_mode_6_data(data).value().write_cache_enabled, std::nullopt);
}

TEST(mode_sense, needs_its_header) {
    const auto refused = read_mode_6_data(test::zeros(3));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, iscsi::to_error_code(parameter_errc::too_short));
    EXPECT_FALSE(read_mode_10_data(test::zeros(7)));
}

TEST(mode_sense, survives_every_truncation) {
    const auto data = mode_10(0x10, test::zeros(8), caching_page(write_cache));
    test::read_every_beginning(data, [](const bytes& d) { return read_mode_10_data(d); });
    test::read_every_beginning(data, [](const bytes& d) { return read_mode_6_data(d); });
}

} // namespace
} // namespace scsi
