#include "iscsid/session/login_plan.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using namespace iscsid::session;
using iscsi::digest;
using iscsi::digest_list;
using iscsi::admin::initiator_identity;
using iscsi::admin::record;
using iscsi::admin::record_kind;

const initiator_identity identity{"iqn.2026-01.org.example:host", "host"};

struct plan : testing::Test {
    plan() {
        set("node.name", "iqn.2026-01.org.example:disk");
        set("node.tpgt", "1");
        set("node.conn[0].address", "10.0.0.5");
        set("node.conn[0].port", "3261");
    }

    void set(const std::string& key, const std::string& value) {
        const auto done = node.set(key, value);
        ASSERT_TRUE(done.has_value()) << done.error().text();
    }

    login_plan made(unsigned index = 0) {
        auto result = plan_login(node, identity, index);
        EXPECT_TRUE(result.has_value()) << result.error().text();
        return *std::move(result);
    }

    record node{record_kind::node};
};

TEST_F(plan, identity_and_place) {
    const auto from = made();
    EXPECT_EQ(from.node.target, "iqn.2026-01.org.example:disk");
    EXPECT_EQ(from.node.address, "10.0.0.5");
    EXPECT_EQ(from.node.port, 3261);
    EXPECT_EQ(from.session.type, iscsi::session_type::normal);
    EXPECT_EQ(from.session.target_name, from.node.target);
    EXPECT_EQ(from.session.initiator_name, identity.name);
    EXPECT_EQ(from.session.initiator_alias, "host");
    EXPECT_NE(from.session.isid, made(1).session.isid);
}

TEST_F(plan, the_interface_may_have_a_name_of_its_own) {
    set("iface.initiatorname", "iqn.2026-01.org.example:other");
    const auto from = made();
    EXPECT_EQ(from.session.initiator_name, "iqn.2026-01.org.example:other");
}

TEST_F(plan, operational_keys) {
    set("node.conn[0].iscsi.HeaderDigest", "CRC32C,None");
    set("node.conn[0].iscsi.DataDigest", "CRC32C");
    set("node.session.iscsi.InitialR2T", "Yes");
    set("node.session.iscsi.ImmediateData", "No");
    set("node.session.iscsi.MaxBurstLength", "1048576");
    set("node.session.iscsi.FirstBurstLength", "65536");
    set("node.session.iscsi.DefaultTime2Wait", "7");
    set("node.session.iscsi.DefaultTime2Retain", "9");
    set("node.session.iscsi.MaxOutstandingR2T", "4");
    set("node.conn[0].iscsi.MaxRecvDataSegmentLength", "131072");
    set("node.conn[0].iscsi.MaxXmitDataSegmentLength", "32768");
    const auto offer = made().session.offer;
    EXPECT_EQ(offer.header_digest, (digest_list{digest::crc32c, digest::none}));
    EXPECT_EQ(offer.data_digest, (digest_list{digest::crc32c}));
    EXPECT_TRUE(offer.initial_r2t);
    EXPECT_FALSE(offer.immediate_data);
    EXPECT_EQ(offer.max_burst_length, 1048576U);
    EXPECT_EQ(offer.first_burst_length, 65536U);
    EXPECT_EQ(offer.default_time2wait, 7);
    EXPECT_EQ(offer.default_time2retain, 9);
    EXPECT_EQ(offer.max_outstanding_r2t, 4);
    EXPECT_EQ(offer.max_recv_data_segment_length, 131072U);
    EXPECT_EQ(offer.max_xmit_data_segment_length, 32768U);
}

TEST_F(plan, digests_are_none_unless_asked_for) {
    const auto offer = made().session.offer;
    EXPECT_EQ(offer.header_digest, digest_list{digest::none});
    EXPECT_EQ(offer.data_digest, digest_list{digest::none});
    set("node.conn[0].iscsi.HeaderDigest", "None,CRC32C");
    EXPECT_EQ(made().session.offer.header_digest, (digest_list{digest::none, digest::crc32c}));
}

TEST_F(plan, first_burst_is_never_above_max_burst_and_a_multiple_of_four) {
    set("node.session.iscsi.FirstBurstLength", "262143");
    EXPECT_EQ(made().session.offer.first_burst_length, 262140U);
    set("node.session.iscsi.MaxBurstLength", "8192");
    EXPECT_EQ(made().session.offer.first_burst_length, 8192U);
}

TEST_F(plan, timeouts_are_seconds) {
    set("node.conn[0].timeo.login_timeout", "11");
    set("node.conn[0].timeo.logout_timeout", "12");
    set("node.conn[0].timeo.noop_out_interval", "3");
    set("node.conn[0].timeo.noop_out_timeout", "4");
    set("node.session.err_timeo.abort_timeout", "16");
    set("node.session.err_timeo.lu_reset_timeout", "31");
    set("node.session.err_timeo.tgt_reset_timeout", "32");
    set("node.session.timeo.replacement_timeout", "60");
    const auto timeouts = made().session.timeouts;
    EXPECT_EQ(timeouts.login, 11s);
    EXPECT_EQ(timeouts.logout, 12s);
    EXPECT_EQ(timeouts.noop_out_interval, 3s);
    EXPECT_EQ(timeouts.noop_out_timeout, 4s);
    EXPECT_EQ(timeouts.abort, 16s);
    EXPECT_EQ(timeouts.lu_reset, 31s);
    EXPECT_EQ(timeouts.target_reset, 32s);
    EXPECT_EQ(timeouts.replacement, 60s);
}

TEST_F(plan, login_and_logout_timeouts_of_0_are_the_usual_ones) {
    set("node.conn[0].timeo.login_timeout", "0");
    set("node.conn[0].timeo.logout_timeout", "0");
    const auto timeouts = made().session.timeouts;
    EXPECT_EQ(timeouts.login, 15s);
    EXPECT_EQ(timeouts.logout, 15s);
}

TEST_F(plan, the_replacement_timeout_may_be_0_or_endless) {
    set("node.session.timeo.replacement_timeout", "0");
    EXPECT_EQ(made().session.timeouts.replacement, 0s);
    set("node.session.timeo.replacement_timeout", "-1");
    EXPECT_LT(made().session.timeouts.replacement, 0s);
}

TEST_F(plan, pings_are_off_only_when_both_values_are_0) {
    set("node.conn[0].timeo.noop_out_interval", "0");
    set("node.conn[0].timeo.noop_out_timeout", "8");
    EXPECT_EQ(made().session.timeouts.noop_out_interval, 5s);
    EXPECT_EQ(made().session.timeouts.noop_out_timeout, 8s);
    set("node.conn[0].timeo.noop_out_interval", "8");
    set("node.conn[0].timeo.noop_out_timeout", "0");
    EXPECT_EQ(made().session.timeouts.noop_out_timeout, 5s);
    set("node.conn[0].timeo.noop_out_interval", "0");
    EXPECT_EQ(made().session.timeouts.noop_out_interval, 0s);
    EXPECT_EQ(made().session.timeouts.noop_out_timeout, 0s);
}

TEST_F(plan, the_rest_of_the_session) {
    set("node.session.initial_cmdsn", "77");
    set("node.session.cmds_max", "64");
    set("node.session.queue_depth", "16");
    set("node.session.iscsi.FastAbort", "No");
    set("node.conn[0].tcp.window_size", "262144");
    set("node.session.initial_login_retry_max", "3");
    set("node.session.reopen_max", "5");
    set("node.session.scan", "manual");
    const auto from = made();
    EXPECT_EQ(from.session.initial_command_sn, 77U);
    EXPECT_EQ(from.session.commands_max, 64);
    EXPECT_EQ(from.session.unit_commands_max, 16);
    EXPECT_FALSE(from.session.fast_abort);
    EXPECT_EQ(from.window_size, 262144U);
    EXPECT_EQ(from.initial_login_retry_max, 3);
    EXPECT_EQ(from.reopen_max, 5);
    EXPECT_FALSE(from.scan);
}

TEST_F(plan, scans_unless_told_not_to) {
    EXPECT_TRUE(made().scan);
}

TEST_F(plan, an_interface_binds_to_a_device) {
    set("iface.net_ifacename", "eth7");
    set("iface.hwaddress", "52:54:00:12:34:56");
    const auto from = made();
    EXPECT_EQ(from.net_device, "eth7");
    EXPECT_EQ(from.hardware_address, "52:54:00:12:34:56");
}

TEST_F(plan, a_password_switches_chap_on) {
    EXPECT_TRUE(made().session.auth.outgoing.secret.empty());
    set("node.session.auth.username", "alice");
    EXPECT_TRUE(made().session.auth.outgoing.name.empty());
    set("node.session.auth.password", "a-secret-of-16-c");
    set("node.session.auth.username_in", "target");
    set("node.session.auth.password_in", "another-secret-1");
    set("node.session.auth.chap_algs", "SHA256,MD5");
    const auto auth = made().session.auth;
    EXPECT_EQ(auth.outgoing.name, "alice");
    EXPECT_EQ(auth.outgoing.secret, "a-secret-of-16-c");
    EXPECT_EQ(auth.incoming.name, "target");
    EXPECT_EQ(auth.incoming.secret, "another-secret-1");
    EXPECT_EQ(auth.chap_algorithms, (std::vector<std::string>{"SHA256", "MD5"}));
}

TEST_F(plan, needs_an_initiator_name) {
    const auto result = plan_login(node, {}, 0);
    ASSERT_TRUE(result.has_error());
    EXPECT_EQ(result.error().code, iscsi::to_error_code(plan_errc::no_initiator_name));
    set("iface.initiatorname", "iqn.2026-01.org.example:own");
    EXPECT_TRUE(plan_login(node, {}, 0).has_value());
}

TEST_F(plan, knows_tcp_only) {
    set("iface.transport_name", "iser");
    const auto result = plan_login(node, identity, 0);
    ASSERT_TRUE(result.has_error());
    EXPECT_EQ(result.error().code, iscsi::to_error_code(plan_errc::transport_not_supported));
    EXPECT_EQ(result.error().got, "iser");
}

const record no_interface(record_kind::interface);

TEST(discovery, is_planned_from_its_record) {
    record from(record_kind::send_targets);
    for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
             {"discovery.sendtargets.address", "portal.example"},
             {"discovery.sendtargets.port", "860"},
             {"discovery.sendtargets.reopen_max", "2"},
             {"discovery.sendtargets.timeo.login_timeout", "9"},
             {"discovery.sendtargets.timeo.active_timeout", "8"},
             {"discovery.sendtargets.iscsi.MaxRecvDataSegmentLength", "16384"},
             {"discovery.sendtargets.auth.username", "bob"},
             {"discovery.sendtargets.auth.password", "secret-of-bob-16"}})
        ASSERT_TRUE(from.set(key, value).has_value()) << key;
    const auto made = plan_discovery(from, no_interface, identity);
    ASSERT_TRUE(made.has_value());
    EXPECT_EQ(made->session.type, iscsi::session_type::discovery);
    EXPECT_TRUE(made->session.target_name.empty());
    EXPECT_EQ(made->host, "portal.example");
    EXPECT_EQ(made->port, 860);
    EXPECT_EQ(made->reopen_max, 2);
    EXPECT_EQ(made->session.timeouts.login, 9s);
    EXPECT_EQ(made->answer_timeout, 8s);
    EXPECT_EQ(made->session.offer.max_recv_data_segment_length, 16384U);
    EXPECT_EQ(made->session.auth.outgoing.name, "bob");
    EXPECT_EQ(made->session.initiator_name, identity.name);
    EXPECT_TRUE(made->net_device.empty());
    EXPECT_TRUE(plan_discovery(from, no_interface, {}).has_error());
}

TEST(discovery, has_the_name_and_the_device_of_its_interface) {
    record interface(record_kind::interface);
    ASSERT_TRUE(interface.set("iface.initiatorname", "iqn.2026-01.org.example:other"));
    ASSERT_TRUE(interface.set("iface.net_ifacename", "eth7"));
    ASSERT_TRUE(interface.set("iface.hwaddress", "52:54:00:12:34:56"));
    const record from(record_kind::send_targets);
    const auto made = plan_discovery(from, interface, {});
    ASSERT_TRUE(made.has_value());
    EXPECT_EQ(made->session.initiator_name, "iqn.2026-01.org.example:other");
    EXPECT_NE(made->session.isid, plan_discovery(from, no_interface, identity)->session.isid);
    EXPECT_EQ(made->net_device, "eth7");
    EXPECT_EQ(made->hardware_address, "52:54:00:12:34:56");
}

TEST(replay_barrier, is_chosen_by_name) {
    EXPECT_EQ(replay_barrier_of("auto"), iscsi::barrier_policy::automatic);
    EXPECT_EQ(replay_barrier_of("lu_reset"), iscsi::barrier_policy::lu_reset);
    EXPECT_EQ(replay_barrier_of("none"), iscsi::barrier_policy::none);
}

} // namespace
