#include "tests/unit/iscsiadm/modes/mode_test.hpp"

namespace iscsi::cli {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const std::string built_in =
    "default tcp,<empty>,<empty>,<empty>,<empty>\niser iser,<empty>,<empty>,<empty>,<empty>\n";
const std::string vol = "10.9.9.1:3260:vol1"; // as Kubernetes names them

class iface_test : public mode_test {
  protected:
    outcome on(const std::string& name, const std::vector<std::string>& more = {}) {
        std::vector<std::string> arguments{"-m", "iface", "-I", name};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run(arguments);
    }
};

TEST_F(iface_test, has_two_that_are_not_stored) {
    EXPECT_EQ(run_well({"-m", "iface"}), built_in);
    EXPECT_THAT(
        on("default", {"-o", "show"}).out,
        StartsWith("# BEGIN RECORD 2.1.8\niface.iscsi_ifacename = default\n"
                   "iface.net_ifacename = <empty>\n")
    );
    EXPECT_THAT(on("default").out, HasSubstr("\niface.transport_name = tcp\n"));
    EXPECT_THAT(on("iser").out, HasSubstr("\niface.transport_name = iser\n"));
    EXPECT_THAT(on("default").out, EndsWith("# END RECORD\n"));
}

TEST_F(iface_test, does_not_know_a_stranger) {
    const outcome shown = on("nosuch");
    EXPECT_EQ(shown.code, 6);
    EXPECT_EQ(
        shown.err,
        "iSCSI ERROR: Failed to open " + (where.database / "ifaces/nosuch").string() +
            " using read mode: 2 No such file or directory\n"
    );
    const outcome deleted = on("nosuch", {"-o", "delete"});
    EXPECT_EQ(deleted.code, 7);
    EXPECT_EQ(
        deleted.err,
        "iscsiadm: Could not read iface info for nosuch.\n"
        "iscsiadm: Could not delete iface nosuch: invalid parameter\n"
    );
}

TEST_F(iface_test, takes_no_value_that_cannot_be) {
    EXPECT_EQ(on(vol, {"-o", "new"}).code, 0);
    const std::vector<std::pair<std::string, std::string>> wrong{
        {"iface.initiatorname", "bad name,x/../y"},
        {"iface.net_ifacename", "a b/c"},
        {"iface.ipaddress", "notanip"},
        {"iface.vlan_id", "5000"},
        {"iface.transport_name", "carrier-pigeon"}};
    for (const auto& [key, value] : wrong) {
        const outcome got = on(vol, {"-o", "update", "-n", key, "-v", value});
        EXPECT_EQ(got.code, 7) << key;
        EXPECT_THAT(got.err, HasSubstr(key + ": "));
        EXPECT_THAT(got.err, HasSubstr("got " + value));
        EXPECT_THAT(got.err, HasSubstr("expected "));
    }
    for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
             {"iface.initiatorname", "iqn.2026-11.org.example:me"},
             {"iface.initiatorname", "default"},
             {"iface.ipaddress", "fe80::1%eth0"},
             {"iface.ipaddress", "<empty>"},
             {"iface.vlan_id", "4094"},
             {"iface.transport_name", "bnx2i"},
             {"iface.net_ifacename", ""}})
        EXPECT_EQ(on(vol, {"-o", "update", "-n", key, "-v", value}).code, 0) << key << value;
}

TEST_F(iface_test, are_made_changed_and_removed) {
    EXPECT_EQ(on(vol, {"-o", "new"}).out, vol + " updated.\nNew interface " + vol + " added\n");
    EXPECT_EQ(
        on(vol, {"-o", "update", "-n", "iface.initiatorname", "-v", "iqn.2020-01.test:me"}).out,
        vol + " updated.\n"
    );
    EXPECT_EQ(
        run_well({"-m", "iface"}),
        vol + " tcp,<empty>,<empty>,<empty>,iqn.2020-01.test:me\n" + built_in
    );
    EXPECT_EQ(on(vol, {"-o", "delete"}).out, vol + " unbound and deleted.\n");
    EXPECT_EQ(run_well({"-m", "iface"}), built_in);
}

TEST_F(iface_test, take_back_what_a_show_printed) {
    on(vol, {"-o", "new"});
    std::istringstream shown(on("default", {"-o", "show"}).out);
    for (std::string line; std::getline(shown, line);) {
        const auto at = line.find(" = ");
        const std::string value = at == std::string::npos ? "<empty>" : line.substr(at + 3);
        if (value == "<empty>" || line.starts_with("iface.iscsi_ifacename"))
            continue;
        EXPECT_EQ(on(vol, {"-o", "update", "-n", line.substr(0, at), "-v", value}).code, 0) << line;
    }
}

TEST_F(iface_test, are_made_with_values_at_once) {
    EXPECT_EQ(
        on("eth", {"-o", "new", "-n", "iface.net_ifacename", "-v", "eth0"}).out,
        "eth updated.\nNew interface eth added\n"
    );
    EXPECT_EQ(on("bad", {"-o", "new", "-n", "iface.nosuch", "-v", "1"}).code, 7);
    EXPECT_EQ(on("bad").code, 6);
}

TEST_F(iface_test, refuse_to_change_the_special_ones) {
    const outcome updated = on("default", {"-o", "update", "-n", "iface.mtu", "-v", "0"});
    EXPECT_EQ(updated.code, 7);
    EXPECT_EQ(
        updated.err,
        "iscsiadm: iface default is a special interface and cannot be modified.\n"
        "iscsiadm: Could not update iface default: invalid parameter\n"
    );
    EXPECT_EQ(on("iser", {"-o", "new"}).code, 7);
}

TEST_F(iface_test, keep_the_node_records_of_the_default_interface) {
    add_node(t1);
    const outcome got = on("default", {"-o", "delete"});
    EXPECT_EQ(got.code, 7);
    EXPECT_THAT(got.err, HasSubstr("iface default is a special interface and cannot be deleted."));
    EXPECT_THAT(run_well({"-m", "node"}), HasSubstr(t1));
}

TEST_F(iface_test, are_removed_with_their_node_records_unless_one_is_used) {
    on("eth", {"-o", "new"});
    run_well({"-m", "node", "-T", t1, "-p", "10.9.9.1,1", "-I", "eth", "-o", "new"});
    daemon.sessions = {session_of({t1, "10.9.9.1", 3260, 1, "eth"}, 1)};
    EXPECT_EQ(on("eth", {"-o", "delete"}).code, 15);
    EXPECT_EQ(on("eth").code, 0);
    daemon.sessions.clear();
    EXPECT_EQ(on("eth", {"-o", "delete"}).code, 0);
    EXPECT_EQ(run({"-m", "node"}).code, 21);
}

TEST_F(iface_test, are_shown_with_what_is_bound_to_them) {
    add_node(t1);
    EXPECT_EQ(
        run_well({"-m", "iface", "-P", "1"}),
        "Iface: default\n\tTarget: " + t1 + "\n\t\tPortal: 10.9.9.1:3260,1\nIface: iser\n"
    );
    EXPECT_EQ(run({"-m", "iface", "-P", "2"}).code, 7);
}

TEST_F(iface_test, change_the_node_records_that_are_bound_to_them) {
    on("eth", {"-o", "new"});
    add_node(t1);
    run_well({"-m", "node", "-T", t1, "-p", "10.9.9.1,1", "-I", "eth", "-o", "new"});
    const auto value = [this](const std::string& name) {
        const auto shown = run_well({"-m", "node", "-T", t1, "-I", "eth"});
        const auto at = shown.find("iface.initiatorname = ");
        return shown.substr(at + name.size() + 3, shown.find('\n', at) - at - name.size() - 3);
    };
    update(t1, "node.startup", "automatic");
    const std::string name = "iface.initiatorname";
    EXPECT_EQ(on("eth", {"-o", "update", "-n", name, "-v", "iqn.a:me"}).out, "eth updated.\n");
    EXPECT_EQ(value(name), "iqn.a:me");
    EXPECT_THAT(run_well({"-m", "node", "-I", "eth"}), HasSubstr("node.startup = automatic"));
    EXPECT_THAT(run_well({"-m", "node", "-I", "default"}), HasSubstr(name + " = <empty>"));
    EXPECT_EQ(on("eth", {"-o", "update", "-n", name, "-v", ""}).code, 0);
    EXPECT_EQ(value(name), "<empty>");
}

TEST_F(iface_test, are_bound_to_a_device_by_one_of_its_names) {
    on("eth", {"-o", "new", "-n", "iface.net_ifacename", "-v", "eth0"});
    const outcome got =
        on("eth", {"-o", "update", "-n", "iface.hwaddress", "-v", "02:00:00:00:00:01"});
    EXPECT_EQ(got.code, 7);
    EXPECT_THAT(got.err, HasSubstr("Can not update interface binding from net_ifacename"));
    EXPECT_THAT(on("eth").out, HasSubstr("iface.hwaddress = <empty>"));
}

TEST_F(iface_test, are_listed_by_a_show_without_a_name) {
    on("eth", {"-o", "new"});
    EXPECT_EQ(run_well({"-m", "iface", "-o", "show"}), run_well({"-m", "iface"}));
}

TEST_F(iface_test, have_nothing_to_configure) {
    on("eth", {"-o", "new"});
    const outcome got = on("eth", {"-o", "apply"});
    EXPECT_EQ(got.code, 0);
    EXPECT_EQ(got.out, "eth applied.\n");
    EXPECT_EQ(got.err, "iscsiadm: Nothing to configure.\n");
    EXPECT_EQ(run({"-m", "iface", "-H", "0", "-o", "applyall"}).code, 0);
    EXPECT_EQ(run({"-m", "iface", "-I", "nosuch", "-o", "apply"}).code, 6);
    EXPECT_EQ(run({"-m", "iface", "-o", "apply"}).code, 7);
}

TEST_F(iface_test, need_a_name_and_do_no_offload) {
    EXPECT_EQ(
        run({"-m", "iface", "-o", "new"}).err,
        "iscsiadm: Could not add interface. No interface passed in.\n"
    );
    EXPECT_EQ(run({"-m", "iface", "-o", "delete"}).code, 7);
    EXPECT_EQ(run({"-m", "iface", "-I", "eth", "-C", "ping", "-a", "10.9.9.1"}).code, 6);
    EXPECT_EQ(run({"-m", "iface", "-I", "default", "-C", "ping", "-a", "10.9.9.1"}).code, 27);
    EXPECT_EQ(run({"-m", "iface", "-I", "default", "-C", "ping"}).code, 7);
    EXPECT_EQ(run({"-m", "iface", "-I", "default", "-C", "pong"}).code, 7);
}

} // namespace
} // namespace iscsi::cli
