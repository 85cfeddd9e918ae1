#include "iscsiadm/print/portals.hpp"

#include <gtest/gtest.h>

namespace iscsi::cli {
namespace {

admin::node_id node(std::string target, std::string address, std::string interface = "default") {
    return {std::move(target), std::move(address), 3260, 1, std::move(interface)};
}

TEST(portal_text, brackets_addresses_without_a_dot) {
    EXPECT_EQ(flat_portal("10.9.9.1", 3260, 1), "10.9.9.1:3260,1");
    EXPECT_EQ(flat_portal("fe80::1", 3261, 2), "[fe80::1]:3261,2");
    EXPECT_EQ(flat_portal("localhost", 3260, 2), "[localhost]:3260,2");
}

TEST(portal_text, writes_an_unknown_tag_in_two_ways) {
    EXPECT_EQ(flat_portal("10.9.9.1", 3260, -1), "10.9.9.1:3260,4294967295");
    EXPECT_EQ(tree_portal("10.9.9.1", 3260, -1), "10.9.9.1:3260,-1");
}

TEST(record_text, never_brackets_an_address) {
    EXPECT_EQ(
        record_words(node("iqn.t", "fe80::1")),
        "iface: default, target: iqn.t, portal: fe80::1,3260"
    );
}

TEST(node_lists, are_a_line_per_record) {
    EXPECT_EQ(flat_nodes({}), "");
    EXPECT_EQ(
        flat_nodes(
            {node("iqn.2020-01.test:t1", "10.9.9.1"), node("iqn.2020-01.test:t2", "10.9.9.1")}
        ),
        "10.9.9.1:3260,1 iqn.2020-01.test:t1\n10.9.9.1:3260,1 iqn.2020-01.test:t2\n"
    );
}

TEST(node_lists, as_a_tree_repeat_portals_only_on_demand) {
    const std::vector<admin::node_id> nodes = {
        node("iqn.a", "10.9.9.1", "default"),
        node("iqn.a", "10.9.9.1", "eth"),
        node("iqn.a", "10.9.9.2"),
        node("iqn.b", "10.9.9.2")};
    EXPECT_EQ(
        node_tree(nodes, repeat_portal::no),
        "Target: iqn.a\n\tPortal: 10.9.9.1:3260,1\n\t\tIface Name: default\n\t\tIface Name: eth\n"
        "\tPortal: 10.9.9.2:3260,1\n\t\tIface Name: default\n"
        "Target: iqn.b\n\tPortal: 10.9.9.2:3260,1\n\t\tIface Name: default\n"
    );
    EXPECT_EQ(
        node_tree({nodes[0], nodes[1]}, repeat_portal::yes),
        "Target: iqn.a\n\tPortal: 10.9.9.1:3260,1\n\t\tIface Name: default\n"
        "\tPortal: 10.9.9.1:3260,1\n\t\tIface Name: eth\n"
    );
}

TEST(discovery_lists, name_the_way) {
    EXPECT_EQ(
        flat_discoveries({{"10.9.9.1", 3260}, {"fe80::1", 3261}}),
        "10.9.9.1:3260 via sendtargets\n[fe80::1]:3261 via sendtargets\n"
    );
}

TEST(discovery_lists, as_a_tree_have_every_kind) {
    EXPECT_EQ(
        discovery_tree({}, {}, {}),
        "SENDTARGETS:\nNo targets found.\niSNS:\nNo targets found.\nSTATIC:\nNo targets found.\n"
        "FIRMWARE:\nNo targets found.\n"
    );
    EXPECT_EQ(
        discovery_tree(
            {{{"10.9.9.1", 3260}, {node("iqn.a", "10.9.9.1")}},
             {{"h", 1}, {}},
             {{"s", 3205, admin::source_kind::isns}, {node("iqn.c", "10.9.9.3")}}},
            {node("iqn.b", "10.9.9.2")},
            {}
        ),
        "SENDTARGETS:\nDiscoveryAddress: 10.9.9.1,3260\nTarget: iqn.a\n\tPortal: 10.9.9.1:3260,1\n"
        "\t\tIface Name: default\nDiscoveryAddress: h,1\niSNS:\nDiscoveryAddress: s,3205\n"
        "Target: iqn.c\n\tPortal: 10.9.9.3:3260,1\n\t\tIface Name: default\nSTATIC:\nTarget: "
        "iqn.b\n\tPortal: 10.9.9.2:3260,1\n"
        "\t\tIface Name: default\nFIRMWARE:\nNo targets found.\n"
    );
}

} // namespace
} // namespace iscsi::cli
