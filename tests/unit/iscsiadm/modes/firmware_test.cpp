#include "tests/unit/iscsiadm/modes/firmware_folder.hpp"
#include "tests/unit/iscsiadm/modes/mode_test.hpp"

#include <sys/stat.h>

namespace iscsi::cli {

namespace {

using testing::HasSubstr;
using testing::Not;

// -m fw, and -m discovery -t fw.
class firmware_test : public mode_test {
  protected:
    void add_session(const std::string& target, std::uint32_t sid) {
        daemon.sessions.push_back(session_of(node_id_of(target), sid));
    }

    firmware_folder firmware{root / "sys"};
};

// ---- what is shown ----

// Word for word what open-iscsi 2.1.8 prints of the same folder.
TEST_F(firmware_test, is_shown_in_open_iscsis_form) {
    firmware.add_all();
    EXPECT_EQ(
        run_well({"-m", "fw"}),
        "# BEGIN RECORD 2.1.8\n"
        "iface.initiatorname = iqn.2020-01.test:boot\n"
        "iface.transport_name = tcp\n"
        "iface.hwaddress = 52:54:00:00:00:01\n"
        "iface.bootproto = DHCP\n"
        "iface.ipaddress = 10.9.9.2\n"
        "iface.prefix_len = 24\n"
        "iface.subnet_mask = 255.255.255.0\n"
        "iface.gateway = 10.9.9.254\n"
        "iface.primary_dns = 10.9.9.253\n"
        "iface.vlan_id = 0\n"
        "iface.net_ifacename = eth9\n"
        "node.name = iqn.2020-01.test:t1\n"
        "node.conn[0].address = 10.9.9.1\n"
        "node.conn[0].port = 3260\n"
        "node.boot_lun = 0000000000000000\n"
        "# END RECORD\n"
    );
}

TEST_F(firmware_test, shows_ipv6_several_devices_and_targets_by_their_numbers) {
    firmware.add_all();
    firmware.write("ethernet1/index", "1");
    firmware.write("ethernet1/mac", "52:54:00:00:00:0A");
    firmware.write("ethernet1/ip-addr", "fd00::2");
    firmware.write("ethernet1/vlan", "7");
    firmware.write("ethernet1/dhcp", "0.0.0.0");
    firmware.write_raw("class/net/eth8/address", "52:54:00:00:00:0a\n");
    firmware.add_target("target10", "iqn.2020-01.test:t10", "10.9.9.10");
    firmware.add_target("target2", t2, "fd00::1");
    firmware.write("target2/nic-assoc", "1");
    firmware.remove("target2/port");
    const std::string shown = run_well({"-m", "fw"});
    EXPECT_THAT(
        shown,
        HasSubstr("iface.hwaddress = 52:54:00:00:00:0A\niface.bootproto = STATIC\n"
                  "iface.ipaddress = fd00::2\niface.vlan_id = 7\niface.net_ifacename = eth8\n"
                  "node.name = iqn.2020-01.test:t2\nnode.conn[0].address = fd00::1\n"
                  "node.conn[0].port = 3260\n# END RECORD\n")
    );
    EXPECT_LT(shown.find("test:t2"), shown.find("test:t10"));
}

TEST_F(firmware_test, never_shows_secrets) {
    firmware.add_all();
    firmware.add_chap();
    for (const std::string& shown : {run_well({"-m", "fw"}), run_well({"-m", "fw", "--json"})}) {
        EXPECT_THAT(shown, HasSubstr("bob"));
        EXPECT_THAT(shown, HasSubstr("********"));
        EXPECT_THAT(shown, Not(HasSubstr("secret-of")));
    }
}

TEST_F(firmware_test, finds_none) {
    for (const auto& line :
         {std::vector<std::string>{"-m", "fw"},
          {"-m", "fw", "-l", "-W"},
          {"-m", "discovery", "-t", "fw"},
          {"-m", "discoverydb", "-t", "fw", "-D"}}) {
        const outcome got = run(line);
        EXPECT_EQ(got.code, 21);
        EXPECT_EQ(got.err, "iscsiadm: Could not get list of targets from firmware. (err 21)\n");
    }
    firmware.write("target0/flags", "0"); // no valid block, whatever else it says
    EXPECT_EQ(run({"-m", "fw"}).code, 21);
}

// ---- contents that are not right ----

struct flaw {
    std::string file, text; // as it stands in the file
    std::string warning;    // a part of it
    std::string shown;      // what is there all the same
};

class firmware_flaw : public firmware_test, public testing::WithParamInterface<flaw> {};

TEST_P(firmware_flaw, is_named_and_left_out) {
    firmware.add_all();
    firmware.add_chap();
    firmware.write_raw("firmware/ibft/" + GetParam().file, GetParam().text);
    const outcome got = run({"-m", "fw"});
    EXPECT_THAT(got.err, HasSubstr((root / "sys/firmware/ibft").string()));
    EXPECT_THAT(got.err, HasSubstr(GetParam().warning));
    EXPECT_THAT(got.err, Not(HasSubstr("secret-of")));
    EXPECT_THAT(got.out, HasSubstr(GetParam().shown));
    EXPECT_EQ(got.code, GetParam().shown.empty() ? 21 : 0);
}

INSTANTIATE_TEST_SUITE_P(
    all,
    firmware_flaw,
    testing::Values(
        flaw{"target0/flags", "x\n", "flags: expected a number from 0 to 255, got x", t1},
        flaw{"target0/flags", std::string(9, '9'), "flags: expected a number", t1},
        flaw{"target0/target-name", "", "target-name: expected a text, got nothing", ""},
        flaw{"target0/target-name", "../../etc\n", "a target that can be used", ""},
        flaw{"target0/target-name", std::string(4096, 'a'), "at most 223 characters", ""},
        flaw{"target0/ip-addr", "10.9.9.1/../x\n", "a target that can be used", ""},
        flaw{"target0/ip-addr", "10.9.9.1\nnode.x = 1\n", "ip-addr: expected a line of text", ""},
        flaw{"target0/port", "99999\n", "port: expected a number from 1 to 65535", ".port = 3260"},
        flaw{"target0/lun", std::string("\0\1\2", 3), "lun: expected a line of text", t1},
        flaw{"target0/chap-secret", std::string(300, 's'), "at most 255 characters", "username_in"},
        flaw{"target0/chap-secret", "secret-of\x1b[2J\n", "a line of text", "username = bob"},
        flaw{"target0/chap-type", "0\n", "chap-type: expected 2", "password_in = ********"},
        flaw{"target0/nic-assoc", "9\n", "nic-assoc: expected the index of an ethernet", t1},
        flaw{"ethernet0/flags", "0\n", "nic-assoc: expected the index of an ethernet", t1},
        flaw{"ethernet0/vlan", "-1\n", "vlan: expected a number from 0 to 4095", "= eth9"},
        flaw{"ethernet0/prefix-len", "129\n", "prefix-len: expected a number", "10.9.9.2"},
        flaw{"ethernet0/mac", "\x7f\n", "mac: expected a line of text", "= eth9"},
        flaw{"initiator/initiator-name", "nobody\n", "expected an iSCSI name", t1},
        flaw{"target0/lun", std::string(2U << 20U, 'x'), "lun", t1}
    )
);

TEST_F(firmware_test, takes_texts_that_are_padded) {
    firmware.add_all();
    firmware.write_raw("firmware/ibft/target0/target-name", t1 + std::string("  \n\0\0", 5));
    EXPECT_THAT(run_well({"-m", "fw"}), HasSubstr("node.name = " + t1 + "\n"));
}

TEST_F(firmware_test, is_not_confused_by_folders_and_files_of_other_kinds) {
    firmware.add_all();
    firmware.write("target", "1");
    firmware.write("targets/flags", "3");
    firmware.write("target1x/flags", "3");
    std::filesystem::create_directories(root / "sys" / "firmware/ibft/target0/rev-chap-name");
    ASSERT_EQ(::mkfifo((root / "sys" / "firmware/ibft/target0/chap-name").c_str(), 0600), 0);
    const outcome got = run({"-m", "fw"});
    EXPECT_EQ(got.code, 0);
    EXPECT_THAT(got.err, HasSubstr("target0/rev-chap-name"));
    EXPECT_THAT(got.err, HasSubstr("target0/chap-name"));
    EXPECT_THAT(got.out, HasSubstr("node.boot_lun"));
}

// ---- discovery ----

TEST_F(firmware_test, is_discovered) {
    firmware.add_all();
    firmware.add_chap();
    EXPECT_EQ(run_well({"-m", "discovery", "-t", "fw"}), "10.9.9.1:3260,1 " + t1 + "\n");
    EXPECT_EQ(run_well({"-m", "node"}), "10.9.9.1:3260,1 " + t1 + "\n");
    EXPECT_EQ(value_of(t1, "node.discovery_type"), "fw");
    EXPECT_EQ(value_of(t1, "node.startup"), "onboot");
    EXPECT_EQ(value_of(t1, "iface.initiatorname"), "iqn.2020-01.test:boot");
    EXPECT_EQ(value_of(t1, "iface.net_ifacename"), "<empty>");
    EXPECT_EQ(value_of(t1, "node.session.auth.authmethod"), "CHAP");
    EXPECT_EQ(value_of(t1, "node.session.auth.password"), "secret-of-bob");
    EXPECT_EQ(value_of(t1, "node.session.auth.password_in"), "secret-of-alice");
    EXPECT_THAT(
        run_well({"-m", "discovery", "-P", "1"}),
        HasSubstr("STATIC:\nNo targets found.\nFIRMWARE:\nTarget: " + t1 + "\n")
    );
    EXPECT_TRUE(
        std::filesystem::is_symlink(where.database / "fw" / (t1 + ",10.9.9.1,3260,1,default"))
    );
}

TEST_F(firmware_test, has_no_secrets_of_the_configuration) {
    firmware.add_all();
    write_config("node.session.auth.authmethod = CHAP\nnode.session.auth.username = u\n"
                 "node.session.auth.password = of-other-targets\n");
    run_well({"-m", "discovery", "-t", "fw"});
    EXPECT_EQ(value_of(t1, "node.session.auth.password"), "<empty>");
    EXPECT_EQ(value_of(t1, "node.session.auth.authmethod"), "None");
}

TEST_F(firmware_test, removes_records_of_targets_that_are_gone) {
    firmware.add_all();
    firmware.add_target("target1", t2, "10.9.9.1");
    add_node("iqn.2020-01.test:other");
    run_well({"-m", "discovery", "-t", "fw"});
    firmware.remove("target1");
    run_well({"-m", "discovery", "-t", "fw", "-o", "new"});
    EXPECT_THAT(run_well({"-m", "node"}), HasSubstr(t2));
    add_session(t2, 5);
    EXPECT_THAT(run({"-m", "discovery", "-t", "fw"}).err, HasSubstr("a session is using it"));
    daemon.sessions.clear();
    run_well({"-m", "discovery", "-t", "fw"});
    EXPECT_THAT(run_well({"-m", "node"}), Not(HasSubstr(t2)));
    EXPECT_THAT(run_well({"-m", "node"}), HasSubstr("test:other"));
}

TEST_F(firmware_test, keeps_what_users_have_set) {
    firmware.add_all();
    run_well({"-m", "discovery", "-t", "fw"});
    update(t1, "node.session.timeo.replacement_timeout", "7");
    run_well({"-m", "discovery", "-t", "fw"});
    EXPECT_EQ(value_of(t1, "node.session.timeo.replacement_timeout"), "7");
}

TEST_F(firmware_test, takes_a_record_of_others_only_by_update) {
    firmware.add_all();
    add_node(t1);
    EXPECT_EQ(run_well({"-m", "discovery", "-t", "fw"}), "10.9.9.1:3260,1 " + t1 + "\n");
    EXPECT_EQ(value_of(t1, "node.discovery_type"), "static");
    run_well({"-m", "discovery", "-t", "fw", "-o", "update"});
    EXPECT_EQ(value_of(t1, "node.discovery_type"), "fw");
}

TEST_F(firmware_test, is_bound_to_interfaces_by_name) {
    firmware.add_all();
    run_well({"-m", "iface", "-I", "red", "-o", "new"});
    EXPECT_EQ(
        run_well({"-m", "discovery", "-t", "fw", "-I", "red", "-P", "1"}),
        "Target: " + t1 + "\n\tPortal: 10.9.9.1:3260,1\n\t\tIface Name: red\n"
    );
    EXPECT_EQ(value_of(t1, "iface.initiatorname"), "iqn.2020-01.test:boot");
    const outcome got = run({"-m", "discovery", "-t", "fw", "-I", "blue"});
    EXPECT_EQ(got.code, 21);
    EXPECT_THAT(got.err, HasSubstr("Could not read iface info for blue."));
}

TEST_F(firmware_test, leaves_no_record_where_none_is_wished) {
    firmware.add_all();
    for (const auto& line :
         {std::vector<std::string>{"-m", "discovery", "-t", "fw", "-o", "nonpersistent"},
          {"-m", "discovery", "-t", "fw", "-o", "show"},
          {"-m", "discovery", "-t", "fw", "-o", "nonpersistent", "-l"}}) {
        run(line);
        EXPECT_EQ(run({"-m", "node"}).code, 21);
    }
    EXPECT_EQ(daemon.logins.size(), 1U);
}

// ---- logins ----

TEST_F(firmware_test, is_logged_in_to) {
    firmware.add_all();
    firmware.add_target("target1", t2, "10.9.9.1");
    const std::string out = run_well({"-m", "fw", "-l"});
    EXPECT_THAT(out, HasSubstr("Login to [iface: default, target: " + t1));
    EXPECT_THAT(out, HasSubstr("Login to [iface: default, target: " + t2));
    EXPECT_EQ(value_of(t1, "node.discovery_type"), "fw");
    EXPECT_EQ(value_of(t1, "node.session.initial_login_retry_max"), "30");
}

TEST_F(firmware_test, passes_over_sessions_that_are_there) {
    firmware.add_all();
    add_session(t1, 5);
    EXPECT_EQ(run_well({"-m", "fw", "-l"}), "");
    EXPECT_TRUE(daemon.logins.empty());
}

TEST_F(firmware_test, uses_the_record_that_somebody_else_has_made) {
    firmware.add_all();
    firmware.add_chap();
    add_node(t1);
    run_well({"-m", "fw", "-l"});
    EXPECT_EQ(value_of(t1, "node.discovery_type"), "static");
    EXPECT_EQ(value_of(t1, "node.session.auth.password"), "<empty>");
    const outcome got = run({"-m", "fw", "-l", "-n", "node.session.queue_depth", "-v", "4"});
    EXPECT_EQ(got.code, 7);
    EXPECT_THAT(got.err, HasSubstr("-n and -v are for records of the firmware"));
}

TEST_F(firmware_test, is_logged_in_to_with_changes) {
    firmware.add_all();
    run_well({"-m", "fw", "-l", "-n", "node.session.queue_depth", "-v", "4"});
    EXPECT_EQ(value_of(t1, "node.session.queue_depth"), "4");
    EXPECT_EQ(run({"-m", "fw", "-l", "-n", "iface.mtu", "-v", "5"}).code, 7);
    EXPECT_EQ(run({"-m", "fw", "-l", "-n", "node.nothing", "-v", "5"}).code, 7);
}

TEST_F(firmware_test, fails_to_log_in_without_a_daemon) {
    firmware.add_all();
    daemon.not_running();
    const outcome got = run({"-m", "fw", "-l"});
    EXPECT_EQ(got.code, 20);
    EXPECT_THAT(got.err, HasSubstr("Could not login to [iface: default, target: " + t1));
}

} // namespace

} // namespace iscsi::cli
