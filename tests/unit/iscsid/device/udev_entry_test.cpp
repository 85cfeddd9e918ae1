#include "iscsid/device/udev_entry.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <vector>

namespace {

using namespace iscsid::device;

disk_identity_words disk_named(std::string wwid, std::string serial = "0123-abcd") {
    disk_identity_words disk{"iqn.2003-01.org.example:store", "192.0.2.7", 3260, 1, {}};
    disk.properties.vendor = "LIO-ORG";
    disk.properties.product = "my  disk";
    disk.properties.revision = "4.0";
    disk.properties.serial = std::move(serial);
    disk.properties.wwid = std::move(wwid);
    return disk;
}

constexpr std::string_view head = "ISCSI_USERLAND=1\n"
                                  "ID_BUS=scsi\n"
                                  "ID_TYPE=disk\n"
                                  "ID_VENDOR=LIO-ORG\n"
                                  "ID_MODEL=my_disk\n"
                                  "ID_REVISION=4.0\n";

constexpr std::string_view tail =
    "ID_PATH=ip-192.0.2.7:3260-iscsi-iqn.2003-01.org.example:store-lun-1\n"
    "ID_PATH_TAG=ip-192_0_2_7_3260-iscsi-iqn_2003-01_org_example_store-lun-1\n";

std::string framed(std::string_view middle) {
    return std::string(head).append(middle).append(tail);
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream from(text);
    for (std::string line; std::getline(from, line);)
        lines.push_back(line);
    return lines;
}

// "" when there is no such key.
std::string value_of(const std::string& key, const disk_identity_words& disk) {
    for (const auto& line : lines_of(udev_entry_of(disk)))
        if (line.starts_with(key + '='))
            return line.substr(key.size() + 1);
    return {};
}

std::string path_by(const std::string& address, std::uint16_t port, std::uint64_t lun) {
    auto disk = disk_named("");
    disk.portal_address = address;
    disk.portal_port = port;
    disk.lun = lun;
    return value_of("ID_PATH", disk);
}

TEST(udev_entry, names_a_disk_by_naa_6) {
    EXPECT_EQ(
        udev_entry_of(disk_named("36001405aabbccddeeff0011223344556")),
        framed("ID_SERIAL=36001405aabbccddeeff0011223344556\n"
               "ID_SERIAL_SHORT=6001405aabbccddeeff0011223344556\n"
               "ID_SCSI_SERIAL=0123-abcd\n"
               "ID_WWN=0x6001405aabbccdde\n"
               "ID_WWN_WITH_EXTENSION=0x6001405aabbccddeeff0011223344556\n")
    );
}

TEST(udev_entry, names_a_disk_by_naa_5_without_an_extension) {
    const auto disk = disk_named("35001405fabcdef01");
    EXPECT_EQ(value_of("ID_WWN", disk), "0x5001405fabcdef01");
    EXPECT_EQ(value_of("ID_WWN_WITH_EXTENSION", disk), "0x5001405fabcdef01");
}

TEST(udev_entry, names_a_disk_by_eui_64) {
    EXPECT_EQ(
        udev_entry_of(disk_named("20025380102030405")),
        framed("ID_SERIAL=20025380102030405\n"
               "ID_SERIAL_SHORT=0025380102030405\n"
               "ID_SCSI_SERIAL=0123-abcd\n")
    );
}

TEST(udev_entry, names_a_disk_by_t10_vendor) {
    EXPECT_EQ(
        udev_entry_of(disk_named("1IET     00010001")),
        framed("ID_SERIAL=1IET_00010001\n"
               "ID_SERIAL_SHORT=IET_00010001\n"
               "ID_SCSI_SERIAL=0123-abcd\n")
    );
}

TEST(udev_entry, falls_back_to_the_unit_serial_number) {
    constexpr std::string_view by_number = "ID_SERIAL=SLIO-ORG_my_disk_0123-abcd\n"
                                           "ID_SERIAL_SHORT=0123-abcd\n"
                                           "ID_SCSI_SERIAL=0123-abcd\n";
    EXPECT_EQ(udev_entry_of(disk_named("")), framed(by_number));
    EXPECT_EQ(udev_entry_of(disk_named("1")), framed(by_number)); // a designator of blanks
}

TEST(udev_entry, joins_full_fields_as_scsi_id_does) {
    auto disk = disk_named("", "7");
    disk.properties.vendor = "ABCDEFGH";
    disk.properties.product = "0123456789abcdef";
    EXPECT_EQ(value_of("ID_SERIAL", disk), "SABCDEFGH0123456789abcdef7");
}

TEST(udev_entry, leaves_out_what_is_not_known) {
    EXPECT_EQ(udev_entry_of(disk_named("", "")), framed(""));
    EXPECT_EQ(udev_entry_of(disk_named("", " \t ")), framed(""));
    const disk_identity_words bare{"iqn.2003-01.org.example:store", "192.0.2.7", 3260, 1, {}};
    const std::string start = "ISCSI_USERLAND=1\nID_BUS=scsi\nID_TYPE=disk\n";
    EXPECT_EQ(udev_entry_of(bare), start + std::string(tail));
}

TEST(udev_entry, takes_only_hexadecimal_digits_for_a_world_wide_name) {
    const auto disk = disk_named("3not digits");
    EXPECT_EQ(value_of("ID_SERIAL", disk), "3not_digits");
    EXPECT_EQ(value_of("ID_WWN", disk), "");
    EXPECT_EQ(value_of("ID_WWN_WITH_EXTENSION", disk), "");
}

TEST(udev_entry, writes_ipv6_without_brackets) {
    const std::string expected = "ip-2001:db8::1:3261-iscsi-iqn.2003-01.org.example:store-lun-0";
    EXPECT_EQ(path_by("[2001:db8::1]", 3261, 0), expected);
    EXPECT_EQ(path_by("2001:db8::1", 3261, 0), expected);
    auto disk = disk_named("");
    disk.portal_address = "[2001:db8::1]";
    EXPECT_EQ(
        value_of("ID_PATH_TAG", disk),
        "ip-2001_db8_1_3260-iscsi-iqn_2003-01_org_example_store-lun-1"
    );
}

TEST(udev_entry, writes_large_luns_as_path_id_does) {
    const std::string start = "ip-a:1-iscsi-iqn.2003-01.org.example:store-lun-";
    EXPECT_EQ(path_by("a", 1, 255), start + "255");
    EXPECT_EQ(path_by("a", 1, 256), start + "0x0100000000000000");
    EXPECT_EQ(path_by("a", 1, 0x0102'4003), start + "0x4003010200000000");
    EXPECT_EQ(path_by("a", 1, 0xfedc'ba98'7654'3210), start + "0x32107654ba98fedc");
}

// All words that come from outside, hostile in the same way.
disk_identity_words hostile_disk(const std::string& words) {
    disk_identity_words disk{words, words, 3260, 0, {}};
    disk.properties.vendor = words;
    disk.properties.product = words;
    disk.properties.revision = words;
    disk.properties.serial = words;
    disk.properties.wwid = words;
    return disk;
}

bool is_a_clean_line(const std::string& line) {
    constexpr std::string_view allowed =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#+-.:=@_";
    const auto equals = line.find('=');
    return equals != std::string::npos && equals + 1 < line.size() &&
           (line.starts_with("ID_") || line == "ISCSI_USERLAND=1") &&
           line.find_first_not_of(allowed) == std::string::npos;
}

void expect_clean(const disk_identity_words& disk) {
    const std::string text = udev_entry_of(disk);
    const auto lines = lines_of(text);
    EXPECT_TRUE(text.ends_with('\n'));
    EXPECT_LE(lines.size(), 13U);
    for (const auto& line : lines)
        EXPECT_PRED1(is_a_clean_line, line);
}

TEST(udev_entry, keeps_hostile_words_in_their_line) {
    expect_clean(hostile_disk("x\nID_FS_UUID=evil\nSYSTEMD_WANTS=evil.service"));
    expect_clean(hostile_disk(R"("quoted" 'too' `id` $(id) $env{x} %k \x2f)"));
    expect_clean(hostile_disk("../../../etc/passwd"));
    expect_clean(hostile_disk("\x01\x1b[31m\x7f\xc3\xa9\xff"));
    expect_clean(hostile_disk(std::string("a\0b", 3)));
    expect_clean(hostile_disk("3\n"));
    expect_clean(hostile_disk("["));
    expect_clean(hostile_disk(""));
    expect_clean(hostile_disk("\n"));
}

TEST(udev_entry, replaces_each_character_that_udev_would) {
    auto disk = disk_named("");
    disk.properties.vendor = "  a/b\n\tc\"d'e$f%g\\h\x01\xc3\xa9 ";
    EXPECT_EQ(value_of("ID_VENDOR", disk), "a_b_c_d_e_f_g_h___");
    disk.target = "iqn.x/../y z";
    EXPECT_EQ(value_of("ID_PATH", disk), "ip-192.0.2.7:3260-iscsi-iqn.x_.._y_z-lun-1");
}

TEST(udev_entry, bounds_every_word) {
    const auto disk = hostile_disk(std::string(70'000, 'a'));
    expect_clean(disk);
    EXPECT_EQ(value_of("ID_SERIAL", disk), std::string(255, 'a'));
    EXPECT_LE(value_of("ID_PATH", disk).size(), 600U);
}

} // namespace
