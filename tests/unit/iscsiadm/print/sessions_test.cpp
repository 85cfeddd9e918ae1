#include "tests/unit/iscsiadm/print/golden_sessions.hpp"

#include "iscsiadm/print/sessions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iscsi::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// What open-iscsi 2.1.8 printed for the golden session, in pieces that the levels share.
const std::string header = "iSCSI Transport Class version 2.0-870\nversion 2.1.8\n";

const std::string level_1 = R"(Target: iqn.2020-01.test:t1 (non-flash)
	Current Portal: 10.9.9.1:3260,1
	Persistent Portal: 10.9.9.1:3260,1
		**********
		Interface:
		**********
		Iface Name: default
		Iface Transport: tcp
		Iface Initiatorname: iqn.2020-01.test:host
		Iface IPaddress: 10.9.9.1
		Iface HWaddress: default
		Iface Netdev: default
		SID: 5
		iSCSI Connection State: LOGGED IN
		iSCSI Session State: LOGGED_IN
		Internal iscsid Session State: NO CHANGE
)";

const std::string timeouts = R"(		*********
		Timeouts:
		*********
		Recovery Timeout: 120
		Target Reset Timeout: 30
		LUN Reset Timeout: 30
		Abort Timeout: 15
)";

const std::string hidden_secrets = R"(		*****
		CHAP:
		*****
		username: <empty>
		password: ********
		username_in: <empty>
		password_in: ********
)";

const std::string shown_secrets = R"(		*****
		CHAP:
		*****
		username: <empty>
		password: <empty>
		username_in: <empty>
		password: <empty>
)";

const std::string parameters = R"(		************************
		Negotiated iSCSI params:
		************************
		HeaderDigest: None
		DataDigest: None
		MaxRecvDataSegmentLength: 262144
		MaxXmitDataSegmentLength: 8192
		FirstBurstLength: 65536
		MaxBurstLength: 262144
		ImmediateData: Yes
		InitialR2T: Yes
		MaxOutstandingR2T: 1
)";

// Without the LUN that has no disk.
const std::string disks = R"(		************************
		Attached SCSI devices:
		************************
		Host Number: 2	State: running
		scsi2 Channel 00 Id 0 Lun: 1
			Attached scsi disk sda		State: running
		scsi2 Channel 00 Id 0 Lun: 2
			Attached scsi disk sdb		State: running
)";

TEST(flat_sessions, has_the_words_that_scripts_split) {
    EXPECT_EQ(
        flat_sessions({golden_session()}),
        "tcp: [5] 10.9.9.1:3260,1 iqn.2020-01.test:t1 (non-flash)\n"
    );
}

TEST(flat_sessions, puts_ipv6_in_brackets) {
    admin::session_info session = golden_session();
    session.node.address = "fe80::1";
    EXPECT_THAT(flat_sessions({session}), StartsWith("tcp: [5] [fe80::1]:3260,1 "));
}

TEST(session_tree, is_that_of_open_iscsi_at_each_level) {
    const shown_session one{golden_session(), {}};
    EXPECT_EQ(session_tree({one}, 1), level_1);
    EXPECT_EQ(session_tree({one}, 2), level_1 + timeouts + hidden_secrets + parameters);
    EXPECT_EQ(
        session_tree({one}, 3), header + level_1 + timeouts + hidden_secrets + parameters + disks
    );
}

TEST(session_tree, shows_secrets_on_demand) {
    const shown_session without{golden_session(), session_secrets{}};
    EXPECT_EQ(session_tree({without}, 2), level_1 + timeouts + shown_secrets + parameters);
    shown_session with{golden_session(), session_secrets{"geheim", "umgekehrt"}};
    with.info.username = "me";
    const std::string tree = session_tree({with}, 2);
    EXPECT_THAT(
        tree,
        HasSubstr("\t\tusername: me\n\t\tpassword: geheim\n\t\tusername_in: <empty>\n"
                  "\t\tpassword: umgekehrt\n")
    );
}

TEST(session_tree, names_a_target_once_and_a_portal_once) {
    admin::session_info other_portal = golden_session(), other_target = golden_session();
    other_portal.node.address = other_portal.current_address = "10.9.9.2";
    other_target.node.target = "iqn.2020-01.test:t2";
    const std::string tree = session_tree(
        {{golden_session(), {}}, {golden_session(), {}}, {other_portal, {}}, {other_target, {}}}, 1
    );
    const std::string body = level_1.substr(level_1.find("\t\t*"));
    const std::string portal_2 =
        "\tCurrent Portal: 10.9.9.2:3260,1\n\tPersistent Portal: 10.9.9.2:3260,1\n";
    std::string of_target_2 = level_1;
    of_target_2.replace(of_target_2.find("t1 (non"), 2, "t2");
    EXPECT_EQ(tree, level_1 + "\n" + body + portal_2 + body + of_target_2);
}

TEST(session_tree, shows_where_a_redirect_led) {
    admin::session_info session = golden_session();
    session.current_address = "fe80::2";
    session.current_port = 3261;
    const std::string tree = session_tree({{session, {}}}, 1);
    EXPECT_THAT(tree, HasSubstr("\tCurrent Portal: [fe80::2]:3261,1\n"));
    EXPECT_THAT(tree, HasSubstr("\tPersistent Portal: 10.9.9.1:3260,1\n"));
}

TEST(session_tree, orders_luns_as_sysfs_does) {
    admin::session_info session = golden_session();
    session.luns = {{2, "c", "running"}, {10, "b", "running"}, {1, "a", "running"}};
    const std::string tree = session_tree({{session, {}}}, 3);
    EXPECT_LT(tree.find("Lun: 1\n"), tree.find("Lun: 10\n"));
    EXPECT_LT(tree.find("Lun: 10\n"), tree.find("Lun: 2\n"));
    EXPECT_THAT(tree, Not(HasSubstr("disk \t")));
}

TEST(flat_hosts, leaves_unknown_fields_blank) {
    EXPECT_EQ(flat_hosts({golden_session()}), "tcp: [2] 10.9.9.1,[<empty>],<empty> <empty>\n");
    admin::session_info session = golden_session();
    session.interface_address = "fe80::9";
    EXPECT_THAT(flat_hosts({session}), StartsWith("tcp: [2] [fe80::9],"));
}

TEST(host_blocks, has_a_line_per_field) {
    EXPECT_EQ(
        host_blocks({{golden_session(), {}}}, 1),
        "Host Number: 2\n\tState: running\n\tTransport: tcp\n\tInitiatorname: <empty>\n"
        "\tIPaddress: 10.9.9.1\n\tHWaddress: <empty>\n\tNetdev: <empty>\n"
    );
}

TEST(host_blocks, has_more_of_the_session_with_each_level) {
    const std::vector<shown_session> sessions{{golden_session(), {}}};
    const std::string second = host_blocks(sessions, 2), third = host_blocks(sessions, 3),
                      fourth = host_blocks(sessions, 4);
    EXPECT_THAT(
        second, HasSubstr("\t*********\n\tSessions:\n\t*********\n\tTarget: iqn.2020-01.test:t1")
    );
    EXPECT_THAT(second, HasSubstr("\n\t\t\tSID: 5\n"));
    EXPECT_THAT(second, Not(HasSubstr("HeaderDigest")));
    EXPECT_THAT(third, HasSubstr("\n\t\t\tHeaderDigest: None\n"));
    EXPECT_THAT(third, Not(HasSubstr("Attached SCSI devices")));
    EXPECT_THAT(fourth, StartsWith("iSCSI Transport Class version 2.0-870\nversion 2.1.8\nHost"));
    EXPECT_THAT(fourth, HasSubstr("\n\t\t\t\tAttached scsi disk sda\t\tState: running\n"));
    EXPECT_THAT(fourth, Not(HasSubstr("CHAP")));
}

TEST(session_tree, names_what_the_interface_is_bound_to) {
    const std::string tree =
        session_tree({{golden_session(), {}, {"00:11:22:33:44:55", "eth7"}}}, 1);
    EXPECT_THAT(tree, HasSubstr("\t\tIface HWaddress: 00:11:22:33:44:55\n"));
    EXPECT_THAT(tree, HasSubstr("\t\tIface Netdev: eth7\n"));
}

} // namespace
} // namespace iscsi::cli
