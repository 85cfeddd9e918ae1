#include "iscsid/compat/sysfs_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

namespace {

using namespace iscsid::compat;

session_picture a_session() {
    session_picture session;
    session.sid = 3;
    session.host = 1003;
    session.target = "iqn.2026-11.org.example:disks";
    session.group_tag = 1;
    session.interface = "default";
    session.initiator = "iqn.2026-11.org.example:initiator";
    session.username = "alice";
    session.address = "192.0.2.10";
    session.port = 3260;
    session.persistent_address = "storage.example.org";
    session.persistent_port = 3261;
    session.local_address = "192.0.2.1";
    session.recovery = std::chrono::seconds(120);
    session.is_up = true;
    session.luns.push_back(
        {5, "ublkb0", false, "LIO-ORG", "disk", "4.0", "36001405aabbccdd00112233445566778"}
    );
    return session;
}

std::string text_of(const tree& all, const std::string& path) {
    const auto found = all.find(path);
    return found == all.end() ? "(missing)" : found->second.text;
}

const std::string session_folder = "class/iscsi_host/host1003/device/session3/";
const std::string lun_folder = session_folder + "target1003:0:0/1003:0:0:5/";

// Where a link leads, below /sys, step by step as the kernel goes.
std::string end_of(const tree& all, const std::string& path) {
    std::filesystem::path at;
    for (const auto& step : std::filesystem::path(path)) {
        at = (at / step).lexically_normal();
        const auto found = all.find(at.string());
        if (found != all.end() && found->second.is == entry::type::link)
            at = end_of(all, (at.parent_path() / found->second.text).lexically_normal().string());
    }
    const auto end = at.string();
    return end.ends_with('/') ? end.substr(0, end.size() - 1) : end;
}

TEST(the_tree_of_a_session, has_what_is_read_of_a_session) {
    const auto all = tree_of(a_session());
    const auto attributes = session_folder + "iscsi_session/session3/";
    EXPECT_EQ(text_of(all, attributes + "targetname"), "iqn.2026-11.org.example:disks\n");
    EXPECT_EQ(text_of(all, attributes + "state"), "LOGGED_IN\n");
    EXPECT_EQ(text_of(all, attributes + "tpgt"), "1\n");
    EXPECT_EQ(text_of(all, attributes + "recovery_tmo"), "120\n");
    EXPECT_EQ(text_of(all, attributes + "ifacename"), "default\n");
    EXPECT_EQ(text_of(all, "class/iscsi_host/host1003/netdev"), "(null)\n");
    EXPECT_EQ(text_of(all, "class/iscsi_host/host1003/ipaddress"), "192.0.2.1\n");
    EXPECT_EQ(text_of(all, "class/scsi_host/host1003/proc_name"), "iscsi_tcp\n");
    EXPECT_EQ(end_of(all, "class/scsi_host/host1003/device") + "/session3/", session_folder);
    EXPECT_EQ(end_of(all, "class/iscsi_session/session3/device") + "/", session_folder);
}

TEST(the_tree_of_a_session, has_both_addresses_of_its_connection) {
    const auto all = tree_of(a_session());
    const auto attributes = session_folder + "connection3:0/iscsi_connection/connection3:0";
    EXPECT_EQ(text_of(all, attributes + "/address"), "192.0.2.10\n");
    EXPECT_EQ(text_of(all, attributes + "/port"), "3260\n");
    EXPECT_EQ(text_of(all, attributes + "/persistent_address"), "storage.example.org\n");
    EXPECT_EQ(text_of(all, attributes + "/persistent_port"), "3261\n");
    EXPECT_EQ(end_of(all, "class/iscsi_connection/connection3:0"), attributes);
}

TEST(the_tree_of_a_session, shows_no_secret_and_names_to_root_alone) {
    const auto all = tree_of(a_session());
    const auto attributes = session_folder + "iscsi_session/session3/";
    EXPECT_EQ(text_of(all, attributes + "username"), "alice\n");
    EXPECT_EQ(text_of(all, attributes + "password"), "(null)\n");
    for (const auto* const name : {"username", "username_in", "password", "password_in"})
        EXPECT_TRUE(all.at(attributes + name).is_for_owner) << name;
}

TEST(the_tree_of_a_session, has_its_luns) {
    const auto all = tree_of(a_session());
    EXPECT_EQ(text_of(all, lun_folder + "state"), "running\n");
    EXPECT_EQ(text_of(all, lun_folder + "type"), "0\n");
    EXPECT_EQ(text_of(all, lun_folder + "vendor"), "LIO-ORG \n");
    EXPECT_EQ(text_of(all, lun_folder + "model"), "disk            \n");
    EXPECT_EQ(text_of(all, lun_folder + "rev"), "4.0 \n");
    EXPECT_EQ(text_of(all, lun_folder + "wwid"), "naa.6001405aabbccdd00112233445566778\n");
    EXPECT_EQ(end_of(all, lun_folder + "block/ublkb0"), "block/ublkb0");
    EXPECT_EQ(end_of(all, "bus/scsi/devices/1003:0:0:5") + "/", lun_folder);
}

TEST(the_tree_of_a_session, leads_to_the_files_that_act) {
    const auto all = tree_of(a_session());
    const std::string acting = acting_folder;
    EXPECT_EQ(end_of(all, "class/scsi_host/host1003/scan"), acting + "/host1003.scan");
    EXPECT_EQ(end_of(all, lun_folder + "delete"), acting + "/1003:0:0:5.delete");
    EXPECT_EQ(end_of(all, "bus/scsi/devices/1003:0:0:5/rescan"), acting + "/1003:0:0:5.rescan");
    EXPECT_EQ(acting_files_of(a_session()).size(), 3U);
}

TEST(the_tree_of_a_session, follows_its_state) {
    auto session = a_session();
    session.is_up = false;
    session.luns.front().is_offline = true;
    const auto all = tree_of(session);
    EXPECT_EQ(text_of(all, session_folder + "iscsi_session/session3/state"), "FAILED\n");
    EXPECT_EQ(text_of(all, lun_folder + "state"), "offline\n");
}

TEST(the_tree_of_a_session, has_a_target_without_luns) {
    auto session = a_session();
    session.luns.clear();
    const auto all = tree_of(session);
    EXPECT_TRUE(all.contains(session_folder + "target1003:0:0"));
    EXPECT_TRUE(std::ranges::none_of(all, [](const auto& each) {
        return each.first.starts_with("bus/");
    }));
}

TEST(the_tree_of_a_session, has_each_folder_before_what_is_in_it) {
    const auto all = tree_of(a_session());
    const std::vector<std::string> given{
        "class/iscsi_host",
        "class/scsi_host",
        "class/iscsi_session",
        "class/iscsi_connection",
        "bus/scsi/devices"};
    std::vector<std::string> before = given;
    for (const auto& [path, what] : all) {
        const auto parent = std::filesystem::path(path).parent_path().string();
        EXPECT_NE(std::ranges::find(before, parent), before.end()) << path;
        if (what.is == entry::type::folder)
            before.push_back(path);
    }
}

} // namespace
