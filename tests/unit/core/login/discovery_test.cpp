#include "libiscsi/core/login/discovery.hpp"
#include "libiscsi/names/iscsi_name.hpp"

#include <gtest/gtest.h>

namespace iscsi {
namespace {

using namespace std::string_literals;

discovery_answer read_text(const std::string& text) {
    return read_send_targets(std::as_bytes(std::span(text)));
}

discovery_answer read_pairs(const text_pairs& pairs) {
    return read_text(format_text(pairs));
}

TEST(send_targets, targets_keep_their_order_and_portals) {
    const auto answer = read_pairs({
        {"TargetName", "iqn.2001-04.com.example:b"},
        {"TargetAddress", "10.0.0.1:3260,1"},
        {"TargetAddress", "[2001:db8::1]:3260,1"},
        {"TargetName", "iqn.2001-04.com.example:a"},
    });
    ASSERT_EQ(answer.targets.size(), 2U);
    EXPECT_TRUE(answer.refused.empty());
    EXPECT_EQ(answer.targets[0].name, "iqn.2001-04.com.example:b");
    ASSERT_EQ(answer.targets[0].portals.size(), 2U);
    EXPECT_EQ(answer.targets[0].portals[1].host, "2001:db8::1");
    EXPECT_TRUE(answer.targets[1].portals.empty()); // the portal we asked
}

TEST(send_targets, a_repeated_name_is_one_target) {
    const auto answer = read_pairs({
        {"TargetName", "iqn.2001-04.com.example:a"},
        {"TargetAddress", "10.0.0.1"},
        {"TargetName", "iqn.2001-04.com.example:b"},
        {"TargetName", "iqn.2001-04.com.example:a"},
        {"TargetAddress", "10.0.0.2"},
    });
    ASSERT_EQ(answer.targets.size(), 2U);
    EXPECT_EQ(answer.targets[0].portals.size(), 2U);
}

TEST(send_targets, a_bad_name_takes_only_its_own_addresses_along) {
    const auto answer = read_pairs({
        {"TargetName", "iqn.2001-04.com.example:good"},
        {"TargetAddress", "10.0.0.1"},
        {"TargetName", "iqn.2001-04.com.example:../../evil"},
        {"TargetAddress", "10.0.0.66"},
        {"TargetName", "iqn.2001-04.com.example:also-good"},
        {"TargetAddress", "10.0.0.2"},
    });
    ASSERT_EQ(answer.targets.size(), 2U);
    EXPECT_EQ(answer.targets[0].portals.size(), 1U);
    EXPECT_EQ(answer.targets[1].portals.size(), 1U);
    ASSERT_EQ(answer.refused.size(), 1U);
    EXPECT_EQ(answer.refused[0].code, to_error_code(name_errc::bad_character));
    EXPECT_EQ(answer.refused[0].got, "iqn.2001-04.com.example:../../evil");
}

TEST(send_targets, a_bad_address_is_named_with_its_target) {
    const auto answer = read_pairs({
        {"TargetName", "iqn.2001-04.com.example:a"},
        {"TargetAddress", "fe80::1::2"},
        {"TargetAddress", "10.0.0.1"},
    });
    ASSERT_EQ(answer.targets.size(), 1U);
    EXPECT_EQ(answer.targets[0].portals.size(), 1U);
    ASSERT_EQ(answer.refused.size(), 1U);
    EXPECT_EQ(answer.refused[0].field, "TargetAddress of iqn.2001-04.com.example:a");
    EXPECT_EQ(answer.refused[0].got, "fe80::1::2");
}

// Without its addresses it would be taken to live at the discovery portal.
TEST(send_targets, a_target_without_one_good_address_is_left_out) {
    const auto answer = read_pairs({
        {"TargetName", "iqn.2001-04.com.example:a"},
        {"TargetAddress", "bad host"},
    });
    EXPECT_TRUE(answer.targets.empty());
    EXPECT_EQ(answer.refused.size(), 1U);
}

TEST(send_targets, an_address_needs_a_target) {
    const auto answer = read_pairs({{"TargetAddress", "10.0.0.1"}, {"X-com.example", "1"}});
    EXPECT_TRUE(answer.targets.empty());
    ASSERT_EQ(answer.refused.size(), 1U);
    EXPECT_EQ(answer.refused[0].code, to_error_code(name_errc::address_without_target));
}

// ---- what is no text --------------------------------------------------------------------------

TEST(send_targets, what_cannot_be_read_is_refused_alone) {
    const auto answer = read_text("\xff\xfe\0"s
                                  "TargetName=iqn.2001-04.com.example:a\0"s
                                  "no pair at all\0"s
                                  "TargetAddress=10.0.0.1:3260,1\0"s
                                  "bad key=1\0"s
                                  "TargetAddress=10.0.0.2:3260,1\0"s
                                  "\0\0TargetName=iqn.2001-04.com.example:b\0"s);
    ASSERT_EQ(answer.targets.size(), 2U);
    EXPECT_EQ(answer.targets[0].portals.size(), 2U);
    EXPECT_TRUE(answer.targets[1].portals.empty());
    ASSERT_EQ(answer.refused.size(), 3U);
    EXPECT_EQ(answer.refused[0].code, to_error_code(text_errc::no_equals_sign));
    EXPECT_EQ(answer.refused[0].got, "??");
    EXPECT_EQ(answer.refused[1].got, "no pair at all");
    EXPECT_EQ(answer.refused[2].code, to_error_code(text_errc::bad_key_name));
}

// Else they would become portals of the target before.
TEST(send_targets, addresses_behind_what_was_a_name_are_of_nobody) {
    for (const auto& name :
         {"TargetName iqn.2001-04.com.example:b\0"s, "\x01 =IQN.2001-04.com.example:b\0"s}) {
        const auto answer = read_text(
            "TargetName=iqn.2001-04.com.example:a\0"s + name + "TargetAddress=10.0.0.2\0"s +
            "TargetName=iqn.2001-04.com.example:c\0TargetAddress=10.0.0.3\0"s
        );
        ASSERT_EQ(answer.targets.size(), 2U);
        EXPECT_TRUE(answer.targets[0].portals.empty());
        EXPECT_EQ(answer.targets[1].portals.size(), 1U);
        EXPECT_EQ(answer.refused.size(), 1U);
    }
}

TEST(send_targets, what_was_an_address_is_one_that_its_target_has_lost) {
    const auto answer = read_text("TargetName=iqn.2001-04.com.example:a\0"s
                                  "TargetAddress 10.0.0.1\0"s);
    EXPECT_TRUE(answer.targets.empty());
    ASSERT_EQ(answer.refused.size(), 1U);
    EXPECT_EQ(answer.refused[0].field, "text key of iqn.2001-04.com.example:a");
}

TEST(send_targets, an_entry_without_its_nul_may_be_cut_off) {
    const auto answer = read_text("TargetName=iqn.2001-04.com.example:a\0"s
                                  "TargetAddress=10.0.0.1\0TargetAddress=10.0.0.2"s);
    ASSERT_EQ(answer.targets.size(), 1U);
    EXPECT_EQ(answer.targets[0].portals.size(), 1U);
    ASSERT_EQ(answer.refused.size(), 1U);
    EXPECT_EQ(answer.refused[0].code, to_error_code(text_errc::not_terminated));
    EXPECT_EQ(answer.refused[0].got, "TargetAddress=10.0.0.2");
}

TEST(send_targets, what_is_refused_is_bounded) {
    std::string text;
    for (int i = 0; i < 1500; ++i)
        text += "x\0"s;
    const auto answer = read_text(text + "TargetName=iqn.2001-04.com.example:a\0"s);
    EXPECT_EQ(answer.targets.size(), 1U);
    EXPECT_EQ(answer.refused.size(), 1000U);
    EXPECT_EQ(answer.more_refused, 500U);
}

TEST(send_targets, nothing_is_a_fine_answer) {
    const auto answer = read_pairs({});
    EXPECT_TRUE(answer.targets.empty());
    EXPECT_TRUE(answer.refused.empty());
}

} // namespace
} // namespace iscsi
