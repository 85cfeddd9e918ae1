#include "tests/unit/admin/golden.hpp"
#include "tests/unit/admin/sample_records.hpp"

#include "libiscsi/admin/record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iscsi::admin {
namespace {

using testing::Contains;
using testing::Key;
using testing::Not;
using testing::Pair;

std::string shown(const record& from) {
    std::string text = "# BEGIN RECORD 2.1.8\n";
    for (const auto& [key, value] : from.entries())
        text += key + " = " + (value.empty() ? "<empty>" : value) + "\n";
    return text + "# END RECORD\n";
}

TEST(record, prints_a_node_as_open_iscsi_does) {
    auto node = node_of(sample_id(-1));
    must_set(node, "node.session.initial_login_retry_max", "8");
    must_set(node, "node.conn[0].timeo.login_timeout", "15");
    EXPECT_EQ(shown(node), golden::node);
}

TEST(record, prints_a_discovery_as_open_iscsi_does) {
    EXPECT_EQ(shown(discovery_of("10.9.9.1")), golden::send_targets);
}

TEST(record, starts_with_the_fallbacks) {
    const record node(record_kind::node);
    EXPECT_EQ(node.get("node.startup"), "manual");
    EXPECT_EQ(node.get_integer("node.tpgt"), -1);
    EXPECT_EQ(node.get_integer("node.conn[0].timeo.login_timeout"), 30);
    EXPECT_TRUE(node.get_boolean("node.session.iscsi.ImmediateData"));
    EXPECT_FALSE(node.get_boolean("node.session.iscsi.InitialR2T"));
}

TEST(record, has_nothing_under_a_name_that_is_not_there) {
    const record node(record_kind::node);
    EXPECT_EQ(node.find("discovery.sendtargets.address"), nullptr);
    EXPECT_EQ(node.find("no.such"), nullptr);
    ASSERT_NE(node.find("node.startup"), nullptr);
    EXPECT_EQ(*node.find("node.startup"), "manual");
}

TEST(record, of_a_source_has_no_interface) {
    const record source(record_kind::send_targets);
    EXPECT_THAT(source.entries(), Not(Contains(Key("iface.iscsi_ifacename"))));
    EXPECT_EQ(source.find("iface.iscsi_ifacename"), nullptr);
}

// A mistyped key, or one of another type, does not compile; one of another kind of record ends the
// program where programs are tested.
TEST(record, is_not_asked_for_a_key_of_another_kind) {
    static_assert(!std::is_constructible_v<setting_key, std::string>);
    static_assert(!std::is_convertible_v<setting_key, integer_key>);
    const record node(record_kind::node);
    EXPECT_DEBUG_DEATH(
        EXPECT_EQ(node.get("discovery.sendtargets.address"), ""), "records of this kind"
    );
}

TEST(record, knows_the_transport_by_its_alias) {
    record node(record_kind::node);
    must_set(node, "node.transport_name", "iser");
    EXPECT_EQ(node.get("iface.transport_name"), "iser");
    EXPECT_EQ(*node.find("node.transport_name"), "iser");
    EXPECT_THAT(node.entries(), Not(Contains(Key("node.transport_name"))));
}

TEST(record, keeps_keys_that_it_does_not_know_at_the_end) {
    record node(record_kind::node);
    must_set(node, "node.session.sess_reopen_log_freq", "5");
    must_set(node, "node.conn[0].tcp.congestion_control", "bbr");
    must_set(node, "node.session.sess_reopen_log_freq", "6");
    const auto entries = node.entries();
    EXPECT_EQ(*node.find("node.session.sess_reopen_log_freq"), "6");
    ASSERT_GT(entries.size(), 2U);
    EXPECT_THAT(entries.end()[-2], Pair("node.session.sess_reopen_log_freq", "6"));
    EXPECT_THAT(entries.end()[-1], Pair("node.conn[0].tcp.congestion_control", "bbr"));
}

TEST(record, forgets_an_unknown_key_without_a_value) {
    record node(record_kind::node);
    const auto before = node;
    must_set(node, "new.key", "x");
    must_set(node, "new.key", "");
    must_set(node, "other.key", "");
    EXPECT_EQ(node, before); // a file holds no empty value
}

TEST(record, refuses_unknown_keys_that_a_file_cannot_hold) {
    record node(record_kind::node);
    const auto before = node;
    EXPECT_FALSE(node.set("", "x"));
    EXPECT_FALSE(node.set("two words", "x"));
    EXPECT_FALSE(node.set("a=b", "x"));
    EXPECT_FALSE(node.set("#a", "x"));
    EXPECT_FALSE(node.set("new.key", "x\ny = z"));
    EXPECT_FALSE(node.set("new.key", " x"));
    EXPECT_FALSE(node.set("new.key", std::string(256, 'x')));
    EXPECT_EQ(node, before);
}

TEST(record, prints_the_address_family_of_its_interface) {
    record interface(record_kind::interface);
    EXPECT_THAT(interface.entries(), Contains(Key("iface.subnet_mask")));
    EXPECT_THAT(interface.entries(), Not(Contains(Key("iface.hop_limit"))));
    must_set(interface, "iface.ipaddress", "fe80::1");
    EXPECT_THAT(interface.entries(), Not(Contains(Key("iface.subnet_mask"))));
    EXPECT_THAT(interface.entries(), Contains(Key("iface.hop_limit")));
    must_set(interface, "iface.ipaddress", "");
    must_set(interface, "iface.iscsi_ifacename", "qedi.00:0e.ipv6.0");
    EXPECT_THAT(interface.entries(), Contains(Key("iface.hop_limit")));
}

TEST(record, loses_no_value_of_the_other_address_family) {
    record interface(record_kind::interface);
    must_set(interface, "iface.gateway", "10.0.0.1");
    must_set(interface, "iface.ipaddress", "fe80::1");
    EXPECT_THAT(interface.entries(), Contains(Pair("iface.gateway", "10.0.0.1")));
}

TEST(record_update, changes_what_users_may_change) {
    record node(record_kind::node);
    EXPECT_TRUE(node.update("node.startup", "automatic"));
    EXPECT_EQ(node.get("node.startup"), "automatic");
    EXPECT_TRUE(node.update("node.transport_name", "iser"));
    EXPECT_TRUE(node.update("node.conn[0].timeo.noop_out_interval", "0010"));
    EXPECT_EQ(node.get("node.conn[0].timeo.noop_out_interval"), "10");
}

TEST(record_update, leaves_the_record_alone_when_it_refuses) {
    record node(record_kind::node);
    const auto before = node;
    EXPECT_FALSE(node.update("node.startup", "sometimes"));
    EXPECT_FALSE(node.update("node.session.cmds_max", "abc"));
    EXPECT_EQ(node, before);
}

TEST(record_update, refuses_keys_that_select_the_record) {
    record node(record_kind::node);
    for (const auto* const name :
         {"node.name",
          "node.tpgt",
          "node.discovery_address",
          "node.discovery_port",
          "node.discovery_type",
          "node.conn[0].address",
          "node.conn[0].port"}) {
        const auto refused = node.update(name, "1");
        ASSERT_FALSE(refused) << name;
        EXPECT_EQ(refused.error().code, to_error_code(setting_errc::not_writable)) << name;
        EXPECT_NE(refused.error().expected, interface_mode) << name;
    }
    record discovery(record_kind::send_targets);
    EXPECT_FALSE(discovery.update("discovery.sendtargets.port", "1"));
    record interface(record_kind::interface);
    EXPECT_FALSE(interface.update("iface.iscsi_ifacename", "x"));
    EXPECT_TRUE(interface.update("iface.mtu", "9000"));
}

TEST(record_update, sends_interface_settings_to_their_own_mode) {
    record node(record_kind::node);
    for (const auto* const name : {"iface.mtu", "iface.iscsi_ifacename", "iface.hwaddress"}) {
        const auto refused = node.update(name, "1");
        ASSERT_FALSE(refused) << name;
        EXPECT_EQ(refused.error().code, to_error_code(setting_errc::not_writable));
        EXPECT_EQ(refused.error().expected, interface_mode);
    }
}

TEST(record_update, knows_only_keys_of_its_kind) {
    record node(record_kind::node);
    for (const auto* const name :
         {"node.nosuch", "discovery.sendtargets.auth.authmethod", "iscsid.lanes", ""}) {
        const auto refused = node.update(name, "CHAP");
        ASSERT_FALSE(refused) << name;
        EXPECT_EQ(refused.error().code, to_error_code(setting_errc::unknown_name)) << name;
    }
}

TEST(id_of, reads_what_identifies_a_node) {
    const node_id id{"eui.02004567a425678d", "fe80::1", 860, 7, "eth0"};
    EXPECT_EQ(id_of(node_of(id)), id);
}

} // namespace
} // namespace iscsi::admin
