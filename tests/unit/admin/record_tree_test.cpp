#include "tests/unit/admin/sample_records.hpp"

#include "libiscsi/admin/record_tree.hpp"

#include <gtest/gtest.h>

namespace iscsi::admin {
namespace {

const record_tree tree("/db");

TEST(record_tree, has_the_paths_of_open_iscsi) {
    EXPECT_EQ(tree.node(sample_id(1)), "/db/nodes/iqn.2020-01.test:t1/10.9.9.1,3260,1/default");
    EXPECT_EQ(tree.node(sample_id(-1)), "/db/nodes/iqn.2020-01.test:t1/10.9.9.1,3260");
    EXPECT_EQ(
        tree.node({"iqn.a:b", "fe80::1", 3261, 5, "eth0"}), "/db/nodes/iqn.a:b/fe80::1,3261,5/eth0"
    );
    EXPECT_EQ(tree.discovery({"host.example", 860}), "/db/send_targets/host.example,860/st_config");
}

TEST(record_tree, links_a_record_from_its_source) {
    EXPECT_EQ(
        tree.link(discovered_node(sample_id(1), "10.9.9.2")),
        "/db/send_targets/10.9.9.2,3260/iqn.2020-01.test:t1,10.9.9.1,3260,1,default"
    );
    EXPECT_EQ(
        tree.link(node_of(sample_id(1))), "/db/static/iqn.2020-01.test:t1,10.9.9.1,3260,1,default"
    );
    EXPECT_EQ(tree.link(node_of(sample_id(-1))), std::nullopt);
}

TEST(record_tree, links_nothing_to_a_source_that_is_no_name) {
    EXPECT_EQ(tree.link(discovered_node(sample_id(1), "../../etc")), std::nullopt);
    EXPECT_EQ(tree.link(discovered_node(sample_id(1), "")), std::nullopt);
}

TEST(record_tree, finds_the_branch_of_a_path) {
    EXPECT_EQ(tree.branch("/db/nodes/a/b/c"), "/db/nodes");
    EXPECT_EQ(tree.branch("/db/static/a"), "/db/static");
}

TEST(link_name, is_read_as_it_is_written) {
    for (const node_id& id :
         {sample_id(1), sample_id(-1), node_id{"eui.02004567a425678d", "::1", 1, 65535, "e.1:v6"}})
        EXPECT_EQ(parse_link_name(link_name(id)), id);
}

TEST(link_name, is_not_read_from_other_words) {
    for (const auto* const name :
         {"",
          ",",
          ",,,,",
          "st_config",
          "iqn.a:b,10.0.0.1,3260,1",
          "iqn.a:b,10.0.0.1,x,1,default",
          "iqn.a:b,10.0.0.1,65536,1,default",
          "iqn.a:b,10.0.0.1,3260,,default",
          "iqn.a:b,,3260,1,default",
          ",10.0.0.1,3260,1,default",
          "iqn.a:b,10.0.0.1,3260,1,",
          "../../x,10.0.0.1,3260,1,default",
          "iqn.a:b,..,3260,1,default"})
        EXPECT_EQ(parse_link_name(name), std::nullopt) << name;
}

TEST(portal_name, is_read_as_it_is_written) {
    const discovery_id id{"2001:db8::1", 3260};
    EXPECT_EQ(parse_portal_name(portal_name(id)), id);
    EXPECT_EQ(parse_portal_name("10.0.0.1"), std::nullopt);
    EXPECT_EQ(parse_portal_name("10.0.0.1,"), std::nullopt);
    EXPECT_EQ(parse_portal_name(",3260"), std::nullopt);
    EXPECT_EQ(parse_portal_name("10.0.0.1,99999"), std::nullopt);
}

class bad_part : public testing::TestWithParam<std::string> {};

TEST_P(bad_part, never_becomes_part_of_a_path) {
    auto id = sample_id();
    id.target = GetParam();
    EXPECT_FALSE(check_paths(id));
    id = sample_id();
    id.address = GetParam();
    EXPECT_FALSE(check_paths(id));
    EXPECT_FALSE(check_paths(discovery_id{GetParam(), 3260}));
    id = sample_id();
    id.interface = GetParam();
    EXPECT_FALSE(check_paths(id));
}

INSTANTIATE_TEST_SUITE_P(
    all,
    bad_part,
    testing::Values(
        "",
        ".",
        "..",
        "../x",
        "iqn.a/../../x",
        "/etc/passwd",
        "a/b",
        ".hidden",
        "a\nb",
        "a,b",
        "a b",
        std::string("a\0b", 3),
        "a\x7f",
        std::string(256, 'a')
    )
);

TEST(check_new, wants_a_name_of_the_standard) {
    EXPECT_TRUE(check_new(sample_id()));
    auto id = sample_id();
    id.target = "disk1";
    EXPECT_FALSE(check_new(id));
    EXPECT_TRUE(check_paths(id)) << "an old record with such a name can still be removed";
}

} // namespace
} // namespace iscsi::admin
