#include "iscsid/session/isid.hpp"

#include <gtest/gtest.h>

#include <set>

namespace {

using iscsi::admin::node_id;
using iscsid::session::make_isid;

const node_id node{"iqn.2026-01.org.example:disk", "10.0.0.5", 3260, 1, "default"};

TEST(isid, has_the_random_format) {
    const auto isid = make_isid("iqn.host", node, 0);
    EXPECT_EQ(isid[0], std::byte{0x80}); // T = 10b, A = 0
}

// Reservations on a target depend on it: it must not change with a version of this program.
TEST(isid, is_the_same_for_ever) {
    const iscsi::isid_field expected{
        std::byte{0x80},
        std::byte{0xe0},
        std::byte{0x45},
        std::byte{0xcd},
        std::byte{0xec},
        std::byte{0x4d}};
    EXPECT_EQ(make_isid("iqn.host", node, 0), expected);
}

TEST(isid, differs_by_every_part) {
    std::set<iscsi::isid_field> seen{make_isid("iqn.host", node, 0)};
    EXPECT_TRUE(seen.insert(make_isid("iqn.other", node, 0)).second);
    EXPECT_TRUE(seen.insert(make_isid("iqn.host", node, 1)).second);
    auto other = node;
    other.target = "iqn.2026-01.org.example:disk2";
    EXPECT_TRUE(seen.insert(make_isid("iqn.host", other, 0)).second);
    other = node;
    other.address = "10.0.0.6";
    EXPECT_TRUE(seen.insert(make_isid("iqn.host", other, 0)).second);
    other = node;
    other.port = 3261;
    EXPECT_TRUE(seen.insert(make_isid("iqn.host", other, 0)).second);
    other = node;
    other.interface = "eth1";
    EXPECT_TRUE(seen.insert(make_isid("iqn.host", other, 0)).second);
}

// A clone has another seed, and its sessions are beside ours.
TEST(isid, comes_back_from_its_text) {
    using iscsid::session::isid_of;
    const auto isid = make_isid("iqn.host", node, 0, "seed");
    EXPECT_EQ(isid_of(iscsid::session::to_text(isid)), isid);
    for (const auto* const other : {"", "80", "80000000000g", "8000000000000", "80000000000A"})
        EXPECT_EQ(isid_of(other), std::nullopt) << other;
}

TEST(isid, differs_by_seed) {
    const auto without = make_isid("iqn.host", node, 0);
    EXPECT_EQ(make_isid("iqn.host", node, 0, ""), without);
    EXPECT_NE(make_isid("iqn.host", node, 0, "one"), without);
    EXPECT_NE(make_isid("iqn.host", node, 0, "one"), make_isid("iqn.host", node, 0, "two"));
    EXPECT_EQ(make_isid("iqn.host", node, 0, "one")[0], std::byte{0x80});
}

// The group tag is learned late: a record without it must lead to the same session.
TEST(isid, does_not_depend_on_the_group_tag) {
    auto unknown = node;
    unknown.group_tag = -1;
    EXPECT_EQ(make_isid("iqn.host", node, 0), make_isid("iqn.host", unknown, 0));
}

TEST(isid, words_do_not_run_together) {
    EXPECT_NE(make_isid("ab", {"c", "", 1, -1, ""}, 0), make_isid("a", {"bc", "", 1, -1, ""}, 0));
    EXPECT_NE(make_isid("a", {"b", "", 1, -1, "c"}, 0), make_isid("a", {"bc", "", 1, -1, ""}, 0));
}

} // namespace
