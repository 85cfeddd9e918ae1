#include "iscsiadm/modes/discover.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iscsi::cli {
namespace {

using discovery::bind_to_interfaces;
using discovery::plan_records;
using discovery::record_plan;
using discovery::stored_records;
using testing::ElementsAre;
using testing::IsEmpty;

const admin::node_id returned_new{"iqn.new", "10.9.9.1", 3260, 1, "default"};
const admin::node_id returned_known{"iqn.known", "10.9.9.1", 3260, 1, "default"};
const admin::node_id gone{"iqn.gone", "10.9.9.1", 3260, 1, "default"};

const std::vector<admin::node_id> found{returned_new, returned_known};
const stored_records stored{{returned_known}, {returned_known, gone}};

record_plan plan_for(const operations& ops) {
    return plan_records(found, stored, changes_of(ops));
}

TEST(plan_records, by_default_adds_rewrites_and_removes) {
    EXPECT_EQ(plan_for({}), (record_plan{{returned_new, returned_known}, {gone}}));
}

TEST(plan_records, with_new_only_adds) {
    EXPECT_EQ(plan_for({.create = true}), (record_plan{{returned_new}, {}}));
}

TEST(plan_records, with_update_rewrites_and_also_adds) {
    EXPECT_EQ(plan_for({.update = true}), (record_plan{{returned_new, returned_known}, {}}));
}

TEST(plan_records, with_delete_only_removes) {
    EXPECT_EQ(plan_for({.remove = true}), (record_plan{{}, {gone}}));
}

TEST(plan_records, with_new_and_delete_keeps_edited_records) {
    EXPECT_EQ(plan_for({.create = true, .remove = true}), (record_plan{{returned_new}, {gone}}));
}

TEST(plan_records, nonpersistent_changes_nothing) {
    EXPECT_EQ(plan_for({.nonpersistent = true}), record_plan{});
    EXPECT_EQ(plan_for({.create = true, .remove = true, .nonpersistent = true}), record_plan{});
}

TEST(plan_records, compares_whole_identities) {
    admin::node_id other_tag = returned_known, other_interface = returned_known;
    other_tag.group_tag = 2;
    other_interface.interface = "eth";
    const auto plan = plan_records({other_tag, other_interface}, stored, {});
    EXPECT_THAT(plan.write, ElementsAre(other_tag, other_interface));
    EXPECT_THAT(plan.remove, ElementsAre(returned_known, gone));
}

TEST(bind_to_interfaces, repeats_the_answer_for_each_interface) {
    const std::vector<admin::discovered_portal> answer{
        {"iqn.b", "10.9.9.1", 3260, 1}, {"iqn.a", "10.9.9.1", 3260, 1}};
    const auto bound = bind_to_interfaces(answer, {"default", "eth"});
    EXPECT_THAT(
        bound,
        ElementsAre(
            admin::node_id{"iqn.b", "10.9.9.1", 3260, 1, "default"},
            admin::node_id{"iqn.a", "10.9.9.1", 3260, 1, "default"},
            admin::node_id{"iqn.b", "10.9.9.1", 3260, 1, "eth"},
            admin::node_id{"iqn.a", "10.9.9.1", 3260, 1, "eth"}
        )
    );
}

TEST(bind_to_interfaces, takes_a_repeated_portal_once) {
    const admin::discovered_portal portal{"iqn.a", "10.9.9.1", 3260, 1};
    EXPECT_EQ(bind_to_interfaces({portal, portal}, {"default"}).size(), 1U);
    EXPECT_THAT(bind_to_interfaces({}, {"default"}), IsEmpty());
}

} // namespace
} // namespace iscsi::cli
