#include "tests/unit/scsi/bytes_of.hpp"

#include "libiscsi/scsi/inquiry.hpp"
#include "libiscsi/scsi/wwid.hpp"

#include <gtest/gtest.h>

namespace scsi {
namespace {

using test::bytes;
using test::bytes_of;
using test::text_bytes;

constexpr unsigned binary = 1;
constexpr unsigned ascii = 2;
constexpr unsigned t10 = 1;
constexpr unsigned eui_64 = 2;
constexpr unsigned naa = 3;
constexpr unsigned of_target_port = 0x10;

bytes descriptor(unsigned codes, unsigned type, const bytes& value) {
    return bytes_of({codes, type, 0, static_cast<unsigned>(value.size())}) + value;
}

const bytes naa_6 = descriptor(
    binary, naa, bytes_of({0x60, 0, 0, 0, 0, 0, 0, 0, 0x0e, 0, 0, 0, 0, 0x01, 0x00, 0x01})
);
const bytes naa_5 =
    descriptor(binary, naa, bytes_of({0x50, 0x01, 0x40, 0x5f, 0xab, 0xcd, 0xef, 1}));
const bytes naa_3 = descriptor(binary, naa, bytes_of({0x33, 0, 0, 0, 0x0e, 0, 0, 1}));
const bytes eui = descriptor(binary, eui_64, bytes_of({0, 0x25, 0x38, 1, 2, 3, 4, 5}));
const bytes vendor = descriptor(ascii, t10, text_bytes("IET     00010001") + test::zeros(20));

TEST(wwid, writes_naa_6_as_scsi_id_does) {
    EXPECT_EQ(choose_wwid(naa_6), "360000000000000000e00000000010001");
}

TEST(wwid, writes_the_other_kinds_as_scsi_id_does) {
    EXPECT_EQ(choose_wwid(naa_5), "35001405fabcdef01");
    EXPECT_EQ(choose_wwid(eui), "20025380102030405");
    EXPECT_EQ(choose_wwid(vendor), "1IET_00010001");
}

TEST(wwid, prefers_as_scsi_id_does) {
    EXPECT_EQ(choose_wwid(vendor + eui + naa_3 + naa_5 + naa_6), choose_wwid(naa_6));
    EXPECT_EQ(choose_wwid(vendor + eui + naa_3 + naa_5), choose_wwid(naa_5));
    EXPECT_EQ(choose_wwid(vendor + eui + naa_3), choose_wwid(naa_3));
    EXPECT_EQ(choose_wwid(vendor + eui), choose_wwid(eui));
}

TEST(wwid, takes_the_first_of_equals) {
    const auto other = descriptor(binary, naa, bytes_of({0x51, 0, 0, 0, 0, 0, 0, 1}));
    EXPECT_EQ(choose_wwid(naa_5 + other), choose_wwid(naa_5));
}

TEST(wwid, passes_over_names_of_ports_and_targets) {
    const auto port = descriptor(binary, naa | of_target_port, bytes_of({0x60, 1, 2, 3}));
    EXPECT_EQ(choose_wwid(port), "");
    EXPECT_EQ(choose_wwid(port + eui), choose_wwid(eui));
}

TEST(wwid, passes_over_kinds_that_it_does_not_know) {
    const auto vendor_specific = descriptor(ascii, 0, text_bytes("serial"));
    const auto scsi_name = descriptor(3, 8, text_bytes("iqn.2001-04.com.example,L,0"));
    EXPECT_EQ(choose_wwid(vendor_specific + scsi_name), "");
    EXPECT_EQ(choose_wwid({}), "");
}

TEST(wwid, makes_text_fit_for_a_link) {
    const auto name = [](const bytes& value) { return choose_wwid(descriptor(ascii, t10, value)); };
    EXPECT_EQ(name(text_bytes("ACME  a b   c  ")), "1ACME_a_b_c");
    EXPECT_EQ(name(text_bytes("  ACME")), "1_ACME");
    EXPECT_EQ(name(text_bytes("../../x'\"$;y")), "1.._.._x____y");
    EXPECT_EQ(name(text_bytes("   ")), "1");
}

TEST(wwid, ends_at_a_descriptor_that_is_not_whole) {
    auto lying = eui;
    lying[3] = std::byte{9};
    EXPECT_EQ(choose_wwid(lying), "");
    EXPECT_EQ(choose_wwid(naa_5 + lying), choose_wwid(naa_5));
    EXPECT_EQ(
        choose_wwid(lying + naa_6),
        "20025380102030405"
        "01"
    ); // it swallows its neighbour
}

TEST(wwid, passes_over_empty_designators) {
    EXPECT_EQ(choose_wwid(descriptor(binary, naa, {}) + eui), choose_wwid(eui));
}

TEST(wwid, comes_out_of_the_vpd_page) {
    const auto size = static_cast<unsigned>(vendor.size() + naa_6.size());
    const auto page = bytes_of({0, 0x83, 0, size}) + vendor + naa_6;
    EXPECT_EQ(read_wwid(page).value(), "360000000000000000e00000000010001");
    test::read_every_beginning(page, [](const bytes& data) { return read_wwid(data); });
}

} // namespace
} // namespace scsi
