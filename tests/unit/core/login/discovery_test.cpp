#include "libiscsi/core/login/discovery.hpp"
#include "libiscsi/names/iscsi_name.hpp"

#include <gtest/gtest.h>

namespace iscsi {
namespace {

TEST(send_targets, targets_keep_their_order_and_portals) {
    const auto answer = read_send_targets({
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
    const auto answer = read_send_targets({
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
    const auto answer = read_send_targets({
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
    const auto answer = read_send_targets({
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
    const auto answer = read_send_targets({
        {"TargetName", "iqn.2001-04.com.example:a"},
        {"TargetAddress", "bad host"},
    });
    EXPECT_TRUE(answer.targets.empty());
    EXPECT_EQ(answer.refused.size(), 1U);
}

TEST(send_targets, an_address_needs_a_target) {
    const auto answer = read_send_targets({{"TargetAddress", "10.0.0.1"}, {"X-com.example", "1"}});
    EXPECT_TRUE(answer.targets.empty());
    ASSERT_EQ(answer.refused.size(), 1U);
    EXPECT_EQ(answer.refused[0].code, to_error_code(name_errc::address_without_target));
}

TEST(send_targets, nothing_is_a_fine_answer) {
    const auto answer = read_send_targets({});
    EXPECT_TRUE(answer.targets.empty());
    EXPECT_TRUE(answer.refused.empty());
}

} // namespace
} // namespace iscsi
