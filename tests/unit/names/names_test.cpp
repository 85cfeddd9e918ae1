#include "libiscsi/names/initiator_name.hpp"
#include "libiscsi/names/iscsi_name.hpp"
#include "libiscsi/names/portal.hpp"

#include <gtest/gtest.h>

namespace iscsi {
namespace {

boost::system::error_code name_error(std::string_view name) {
    const auto checked = check_iscsi_name(name);
    return checked.has_error() ? checked.error().code : boost::system::error_code{};
}

boost::system::error_code address_error(std::string_view text) {
    const auto address = parse_target_address(text);
    return address.has_error() ? address.error().code : boost::system::error_code{};
}

const boost::system::error_code fine{};

TEST(initiator_name, writes_bytes_without_leading_zeros) {
    EXPECT_EQ(
        make_initiator_name("iqn.a", {0x00, 0x01, 0x0f, 0x10, 0xab, 0xff}), "iqn.a:01f10abff"
    );
    EXPECT_EQ(make_initiator_name("iqn.a", {}), "iqn.a:000000");
}

TEST(iscsi_name, the_three_types_are_known) {
    EXPECT_EQ(name_error("iqn.2001-04.com.example:storage.disk1"), fine);
    EXPECT_EQ(name_error("iqn.2001-04.com.Example:Disk_1"), fine); // kept as given
    EXPECT_EQ(name_error("IQN.2001-04.com.example:disk"), fine);
    EXPECT_EQ(name_error("Iqn.2001-04.com.example:disk"), fine);
    EXPECT_EQ(name_error("eui.02004567A425678D"), fine);
    EXPECT_EQ(name_error("EUI.02004567A425678D"), fine);
    EXPECT_EQ(name_error("NAA.52004567BA64678D"), fine);
    EXPECT_EQ(name_error("naa.52004567BA64678D"), fine);
    EXPECT_EQ(name_error("naa.62004567BA64678D0123456789ABCDEF"), fine);
}

TEST(iscsi_name, other_types_are_refused) {
    const auto unknown = to_error_code(name_errc::unknown_name_type);
    for (const auto* name :
         {"iqn.", "iqn", "x", "eui.0200", "eui.02004567A425678G", "naa.52004567BA64678D0", "disk1"})
        EXPECT_EQ(name_error(name), unknown) << name;
    EXPECT_EQ(name_error(""), to_error_code(name_errc::empty_name));
}

TEST(iscsi_name, is_at_most_223_bytes_long) {
    const std::string longest = "iqn." + std::string(219, 'a');
    EXPECT_EQ(name_error(longest), fine);
    EXPECT_EQ(name_error(longest + 'a'), to_error_code(name_errc::name_too_long));
}

TEST(iscsi_name, nothing_that_may_hurt_a_path_or_a_line_is_accepted) {
    for (const char bad : {'/', ',', ' ', '\t', '\n', '\r', '\0', '\x1b', '\x7f', '\x80', '\xff'}) {
        const std::string name = std::string("iqn.2001-04.com.example:a") + bad + "b";
        EXPECT_EQ(name_error(name), to_error_code(name_errc::bad_character))
            << static_cast<int>(bad);
    }
    EXPECT_EQ(name_error("iqn.x/../../etc"), to_error_code(name_errc::bad_character));
}

TEST(iscsi_name, a_fault_shows_bad_characters_harmlessly) {
    const auto checked = check_iscsi_name("iqn.a\n\x1b[31mb");
    EXPECT_EQ(checked.error().got, "iqn.a??[31mb");
}

TEST(target_address, all_forms_are_read) {
    EXPECT_EQ(*parse_target_address("10.0.0.1"), (portal{"10.0.0.1", 3260, std::nullopt}));
    EXPECT_EQ(*parse_target_address("10.0.0.1:860"), (portal{"10.0.0.1", 860, std::nullopt}));
    EXPECT_EQ(*parse_target_address("10.0.0.1:3260,1"), (portal{"10.0.0.1", 3260, 1}));
    EXPECT_EQ(*parse_target_address("10.0.0.1,65535"), (portal{"10.0.0.1", 3260, 65535}));
    EXPECT_EQ(
        *parse_target_address("san-1.example.com:65535,0"), (portal{"san-1.example.com", 65535, 0})
    );
    EXPECT_EQ(*parse_target_address("[2001:db8::1]"), (portal{"2001:db8::1", 3260, std::nullopt}));
    EXPECT_EQ(
        *parse_target_address("[::ffff:10.0.0.1]:860,2"), (portal{"::ffff:10.0.0.1", 860, 2})
    );
    EXPECT_EQ(*parse_target_address("[fe80::1%eth0]:3260,1"), (portal{"fe80::1%eth0", 3260, 1}));
}

TEST(target_address, ipv6_is_read_without_brackets_too) {
    const auto no_tag = std::nullopt;
    EXPECT_EQ(*parse_target_address("2001:db8::1"), (portal{"2001:db8::1", 3260, no_tag}));
    EXPECT_EQ(*parse_target_address("2001:db8::1,7"), (portal{"2001:db8::1", 3260, 7}));
    EXPECT_EQ(*parse_target_address("::"), (portal{"::", 3260, no_tag}));
    EXPECT_EQ(*parse_target_address("fe80::1%eth0,1"), (portal{"fe80::1%eth0", 3260, 1}));
    // The last group is a port where it can be nothing else,
    EXPECT_EQ(*parse_target_address("1:2:3:4:5:6:7:8:860,1"), (portal{"1:2:3:4:5:6:7:8", 860, 1}));
    EXPECT_EQ(*parse_target_address("2001:db8::1:13260"), (portal{"2001:db8::1", 13260, no_tag}));
    EXPECT_EQ(*parse_target_address("fe80::1%eth0:860"), (portal{"fe80::1%eth0", 860, no_tag}));
    EXPECT_EQ(
        *parse_target_address("::ffff:10.0.0.1:860"), (portal{"::ffff:10.0.0.1", 860, no_tag})
    );
    // and where it is iSCSI's; else it belongs to the address.
    EXPECT_EQ(*parse_target_address("2001:db8::1:3260,1"), (portal{"2001:db8::1", 3260, 1}));
    EXPECT_EQ(*parse_target_address("2001:db8::1:860"), (portal{"2001:db8::1:860", 3260, no_tag}));
    EXPECT_EQ(address_error("1:2:3:4:5:6:7:8:99999"), to_error_code(name_errc::bad_port));
}

TEST(target_address, bad_hosts_are_refused) {
    const auto bad = to_error_code(name_errc::bad_portal);
    for (const auto* text :
         {"",
          ",1",
          ":3260",
          "[",
          "[]",
          "[::1",
          "[::1]x",
          "[10.0.0.1]",
          "2001:db8::1::2",
          "1:2:3:4:5:6:7",
          "[1:2]",
          "fe80::1%",
          "x:y:3260",
          "a b",
          "a/b",
          "..",
          "-a",
          "[fe80::1%]",
          "[fe80::1%../x]",
          "[fe80::g]",
          "ho\nst"})
        EXPECT_EQ(address_error(text), bad) << text;
    EXPECT_EQ(address_error(std::string(256, 'a')), bad);
}

TEST(target_address, bad_numbers_are_refused) {
    for (const auto* text : {"a:", "a:0", "a:65536", "a:x", "a:1x", "a:-1", "a: 1", "[::1]:0"})
        EXPECT_EQ(address_error(text), to_error_code(name_errc::bad_port)) << text;
    for (const auto* text : {"a,", "a,65536", "a,x", "a:1,2x", "a,-1"})
        EXPECT_EQ(address_error(text), to_error_code(name_errc::bad_group_tag)) << text;
}

TEST(name_errc, every_error_has_words) {
    for (int code = 1; code <= static_cast<int>(name_errc::address_without_target); ++code)
        EXPECT_NE(message_of(static_cast<name_errc>(code)), "unknown name error");
}

} // namespace
} // namespace iscsi
