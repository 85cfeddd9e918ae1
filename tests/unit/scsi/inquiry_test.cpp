#include "tests/unit/scsi/bytes_of.hpp"

#include "libiscsi/scsi/inquiry.hpp"
#include "libiscsi/scsi/parameter_data.hpp"

#include <gtest/gtest.h>

namespace scsi {
namespace {

using test::bytes;
using test::bytes_of;
using test::text_bytes;

template <class T>
boost::system::error_code code_of(const iscsi::result<T>& got) {
    return got ? boost::system::error_code{} : got.error().code;
}

const auto too_short = iscsi::to_error_code(parameter_errc::too_short);
const auto wrong_page = iscsi::to_error_code(parameter_errc::wrong_page);

// What tgtd answers for a disk.
const bytes tgtd_disk = bytes_of({0x00, 0x00, 0x05, 0x02, 61, 0, 0, 0x02}) +
                        text_bytes("IET     VIRTUAL-DISK    0001") + test::zeros(30);

bytes page(unsigned code, const bytes& payload) {
    const auto size = static_cast<unsigned>(payload.size());
    return bytes_of({0x00, code, size >> 8U, size & 0xffU}) + payload;
}

TEST(standard_inquiry, reads_a_disk) {
    const auto got = read_standard_inquiry(tgtd_disk).value();
    EXPECT_EQ(got.peripheral_qualifier, 0);
    EXPECT_EQ(got.peripheral_device_type, direct_access_device);
    EXPECT_FALSE(got.removable);
    EXPECT_EQ(got.version, 5);
    EXPECT_TRUE(got.command_queuing);
    EXPECT_EQ(got.vendor, "IET");
    EXPECT_EQ(got.product, "VIRTUAL-DISK");
    EXPECT_EQ(got.revision, "0001");
}

TEST(standard_inquiry, reads_qualifier_type_and_removable) {
    auto data = tgtd_disk;
    data[0] = std::byte{0x7f}; // no such LUN
    data[1] = std::byte{0x80};
    const auto got = read_standard_inquiry(data).value();
    EXPECT_EQ(got.peripheral_qualifier, 3);
    EXPECT_EQ(got.peripheral_device_type, 0x1f);
    EXPECT_TRUE(got.removable);
}

TEST(standard_inquiry, cuts_to_the_additional_length) {
    auto data = tgtd_disk;
    data[4] = std::byte{11}; // ends behind the vendor
    const auto got = read_standard_inquiry(data).value();
    EXPECT_EQ(got.vendor, "IET");
    EXPECT_EQ(got.product, "");
}

TEST(standard_inquiry, makes_names_printable) {
    auto data = bytes_of({0, 0, 5, 2, 31, 0, 0, 0}) + text_bytes("A\x1b[2J  ") + bytes_of({0x80}) +
                text_bytes("disk") + bytes_of({0}) + text_bytes("hidden     0002");
    const auto got = read_standard_inquiry(data).value();
    EXPECT_EQ(got.vendor, "A [2J");
    EXPECT_EQ(got.product, "disk");
}

TEST(standard_inquiry, needs_five_bytes) {
    EXPECT_EQ(code_of(read_standard_inquiry(test::zeros(4))), too_short);
    EXPECT_TRUE(read_standard_inquiry(test::zeros(5)));
}

// ---- lengths ------------------------------------------------------------------------------------

TEST(first_inquiry_length, fits_the_one_byte_of_spc_2) {
    EXPECT_LE(first_inquiry_length, 0xff);
}

TEST(longer_inquiry_length, is_for_pages_that_say_so) {
    const auto length = [](unsigned high, unsigned low, std::size_t came) {
        return longer_inquiry_length(bytes_of({0, 0x83, high, low}) + test::zeros(came - 4));
    };
    EXPECT_EQ(length(0, 248, 252), std::nullopt);
    EXPECT_EQ(length(0, 249, 252), 253);
    EXPECT_EQ(length(1, 0x2c, 252), 304);
    EXPECT_EQ(length(0, 0, 252), std::nullopt);
    EXPECT_EQ(length(0xff, 0xff, 252), 0xffff) << "the field has no more";
    EXPECT_EQ(longer_inquiry_length(bytes_of({0, 0x83, 1})), std::nullopt) << "no header";
}

TEST(stated_length, is_that_of_the_field_of_the_command) {
    const auto data = bytes_of({0x17, 0x01, 0x02, 0x03, 0x1f, 0, 0, 0}) + test::zeros(20);
    EXPECT_EQ(stated_length(inquiry(36), data), 5 + 0x1f);
    EXPECT_EQ(stated_length(inquiry_vpd(vpd_page::block_limits, 252), data), 4 + 0x203);
    EXPECT_EQ(stated_length(mode_sense_6(mode_page::caching, 192), data), 1 + 0x17);
    EXPECT_EQ(stated_length(mode_sense_10(mode_page::all, 512), data), 2 + 0x1701);
    EXPECT_EQ(stated_length(report_luns(4096), data), 8 + 0x1701'0203U);
    EXPECT_EQ(stated_length(read_capacity_16(32), data), std::nullopt);
    EXPECT_EQ(stated_length(read_10({0, 1}), data), std::nullopt);
}

TEST(stated_length, is_nothing_when_the_field_did_not_come) {
    EXPECT_EQ(stated_length(inquiry(36), test::zeros(4)), std::nullopt);
    EXPECT_EQ(stated_length(report_luns(4096), test::zeros(3)), std::nullopt);
    EXPECT_EQ(stated_length(mode_sense_6(mode_page::caching, 192), test::zeros(0)), std::nullopt);
}

TEST(device_type, has_a_name) {
    EXPECT_EQ(name_of_device_type(0x00), "direct access block device");
    EXPECT_EQ(name_of_device_type(0x0c), "storage array controller");
    EXPECT_EQ(name_of_device_type(0x14), "host managed zoned block device");
    EXPECT_EQ(name_of_device_type(0x1e), "well known logical unit");
    EXPECT_EQ(name_of_device_type(0x1f), "unknown device type");
}

TEST(vpd, lists_the_supported_pages) {
    const auto got = read_supported_pages(page(0x00, bytes_of({0x00, 0x80, 0x83, 0xb0}))).value();
    EXPECT_TRUE(got.has(vpd_page::unit_serial_number));
    EXPECT_TRUE(got.has(vpd_page::block_limits));
    EXPECT_FALSE(got.has(vpd_page::logical_block_provisioning));
}

TEST(vpd, page_code_must_echo) {
    const auto serial = page(0x80, text_bytes("beaf11"));
    EXPECT_EQ(code_of(read_supported_pages(serial)), wrong_page);
    EXPECT_EQ(code_of(read_wwid(serial)), wrong_page);
    EXPECT_EQ(code_of(read_block_limits(serial)), wrong_page);
    EXPECT_EQ(code_of(read_rotational(serial)), wrong_page);
    EXPECT_EQ(code_of(read_provisioning(serial)), wrong_page);
    const auto refused = read_unit_serial_number(tgtd_disk);
    EXPECT_EQ(code_of(refused), wrong_page);
    EXPECT_EQ(refused.error().text(), "VPD page code: wrong page, got 00, expected 80");
}

TEST(vpd, needs_its_header) {
    EXPECT_EQ(code_of(read_unit_serial_number(bytes_of({0x00, 0x80, 0}))), too_short);
    EXPECT_EQ(code_of(read_wwid({})), too_short);
}

TEST(vpd, reads_the_serial_number) {
    EXPECT_EQ(read_unit_serial_number(page(0x80, text_bytes("  beaf11  "))).value(), "beaf11");
    EXPECT_EQ(read_unit_serial_number(page(0x80, {})).value(), "");
}

TEST(vpd, cuts_page_lengths_that_lie) {
    auto data = page(0x80, text_bytes("beaf11"));
    data[2] = std::byte{0xff};
    EXPECT_EQ(read_unit_serial_number(data).value(), "beaf11");
    data[2] = std::byte{0};
    data[3] = std::byte{4};
    EXPECT_EQ(read_unit_serial_number(data).value(), "beaf");
}

TEST(block_limits, reads_all_fields) {
    const auto data = page(
        0xb0,
        bytes_of({1, 0, 0, 8,    0, 0, 0x40, 0,    0,    0, 0x20, 0, 0, 0, 0, 0, 0, 1, 0, 0,
                  0, 0, 0, 0x20, 0, 0, 0,    0x10, 0x80, 0, 0,    3, 0, 0, 0, 0, 0, 2, 0, 0}) +
            test::zeros(20)
    );
    const auto got = read_block_limits(data).value();
    EXPECT_TRUE(got.write_same_non_zero);
    EXPECT_EQ(got.max_transfer_blocks, 0x4000U);
    EXPECT_EQ(got.optimal_transfer_blocks, 0x2000U);
    EXPECT_EQ(got.max_unmap_blocks, 0x10000U);
    EXPECT_EQ(got.max_unmap_descriptors, 0x20U);
    EXPECT_EQ(got.unmap_granularity, 0x10U);
    EXPECT_EQ(got.unmap_alignment, 3U);
    EXPECT_EQ(got.max_write_same_blocks, 0x20000U);
}

TEST(block_limits, alignment_counts_only_when_valid) {
    auto data = page(0xb0, test::zeros(60));
    data[35] = std::byte{3};
    EXPECT_EQ(read_block_limits(data).value().unmap_alignment, 0U);
}

TEST(block_limits, short_pages_of_sbc_2_have_no_unmap_limits) {
    const auto got =
        read_block_limits(page(0xb0, bytes_of({0, 0, 0, 8, 0, 0, 0x40, 0, 0, 0, 0x20, 0}))).value();
    EXPECT_EQ(got.max_transfer_blocks, 0x4000U);
    EXPECT_EQ(got.optimal_transfer_blocks, 0x2000U);
    EXPECT_EQ(got.max_unmap_blocks, 0U);
    EXPECT_EQ(got.max_write_same_blocks, 0U);
}

TEST(block_characteristics, one_means_non_rotating) {
    EXPECT_FALSE(read_rotational(page(0xb1, bytes_of({0x00, 0x01}) + test::zeros(58))).value());
    EXPECT_TRUE(read_rotational(page(0xb1, bytes_of({0x1c, 0x20}) + test::zeros(58))).value());
    EXPECT_TRUE(read_rotational(page(0xb1, {})).value());
}

TEST(provisioning, reads_the_three_ways_to_unmap) {
    const auto all = read_provisioning(page(0xb2, bytes_of({0, 0xe4, 2, 0}))).value();
    EXPECT_TRUE(all.can_unmap && all.can_write_same_16_unmap && all.can_write_same_10_unmap);
    const auto one = read_provisioning(page(0xb2, bytes_of({0, 0x40, 2, 0}))).value();
    EXPECT_FALSE(one.can_unmap);
    EXPECT_TRUE(one.can_write_same_16_unmap);
    EXPECT_FALSE(one.can_write_same_10_unmap);
}

TEST(vpd, is_asked_for_again_only_when_it_is_longer_than_the_first_question) {
    EXPECT_EQ(longer_inquiry_length({}), std::nullopt);
    EXPECT_EQ(longer_inquiry_length(page(0x83, test::zeros(248))), std::nullopt) << "whole";
    EXPECT_EQ(longer_inquiry_length(page(0x83, test::zeros(249))), std::nullopt) << "all came";
    const auto first = [](const bytes& whole) {
        return iscsi::bytes_view(whole).first(first_inquiry_length);
    };
    EXPECT_EQ(longer_inquiry_length(first(page(0x83, test::zeros(249)))), 253);
    EXPECT_EQ(longer_inquiry_length(first(page(0x83, test::zeros(1000)))), 1004);
    EXPECT_EQ(longer_inquiry_length(first(page(0x83, test::zeros(0xffff)))), 0xffff);
}

TEST(vpd, is_not_asked_for_again_when_a_target_gives_less_than_there_is_room_for) {
    const bytes whole = page(0x83, test::zeros(1000));
    for (std::size_t came = 0; came < first_inquiry_length; ++came)
        EXPECT_EQ(longer_inquiry_length(iscsi::bytes_view(whole).first(came)), std::nullopt);
}

TEST(vpd, survives_every_truncation) {
    test::read_every_beginning(tgtd_disk, [](const bytes& d) { return read_standard_inquiry(d); });
    const auto limits = page(0xb0, test::zeros(60));
    test::read_every_beginning(limits, [](const bytes& d) { return read_block_limits(d); });
    const auto serial = page(0x80, text_bytes("beaf11"));
    test::read_every_beginning(serial, [](const bytes& d) { return read_unit_serial_number(d); });
}

} // namespace
} // namespace scsi
