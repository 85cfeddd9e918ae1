#include "iscsiadm/start/boot_daemon.hpp"
#include "iscsiadm/start/boot_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iscsi::start {
namespace {

using testing::HasSubstr;

request a_request() {
    request wanted;
    wanted.initiator_name = "iqn.2026-11.org.example:me";
    wanted.target = "iqn.2026-11.org.example:disk";
    wanted.group_tag = 7;
    wanted.address = "192.0.2.1";
    return wanted;
}

const admin::config no_settings = admin::config::load("/nonexistent");

TEST(boot_records, are_what_was_asked_for) {
    const auto node = record_of(a_request(), no_settings);
    ASSERT_TRUE(node) << node.error().text();
    EXPECT_EQ(
        id_of(*node),
        (admin::node_id{"iqn.2026-11.org.example:disk", "192.0.2.1", 3260, 7, "default"})
    );
    EXPECT_EQ(node->get("iface.initiatorname"), "iqn.2026-11.org.example:me");
    EXPECT_EQ(node->get("node.startup"), "onboot");
    EXPECT_EQ(node->get("node.session.auth.authmethod"), "None");
}

TEST(boot_records, have_chap_when_it_was_given) {
    auto wanted = a_request();
    wanted.user = "alice";
    wanted.password = "secret-of-alice";
    wanted.user_in = "disk";
    wanted.password_in = "secret-of-disk";
    const auto node = record_of(wanted, no_settings);
    ASSERT_TRUE(node);
    EXPECT_EQ(node->get("node.session.auth.authmethod"), "CHAP");
    EXPECT_EQ(node->get("node.session.auth.username"), "alice");
    EXPECT_EQ(node->get("node.session.auth.password"), "secret-of-alice");
    EXPECT_EQ(node->get("node.session.auth.password_in"), "secret-of-disk");
}

TEST(boot_records, take_parameters_last) {
    auto wanted = a_request();
    wanted.parameters = {
        {"node.session.timeo.replacement_timeout", "86400"}, {"iface.net_ifacename", "eth7"}};
    const auto node = record_of(wanted, no_settings);
    ASSERT_TRUE(node) << node.error().text();
    EXPECT_EQ(node->get("node.session.timeo.replacement_timeout"), "86400");
    EXPECT_EQ(node->get("iface.net_ifacename"), "eth7");
}

TEST(boot_records, refuse_parameters_that_do_nothing) {
    auto wanted = a_request();
    wanted.parameters = {{"node.sesion.timeo.replacement_timeout", "86400"}};
    const auto mistyped = record_of(wanted, no_settings);
    ASSERT_FALSE(mistyped);
    EXPECT_THAT(mistyped.error().text(), HasSubstr("node.sesion.timeo.replacement_timeout"));
    wanted.parameters = {{"node.session.timeo.replacement_timeout", "long"}};
    EXPECT_FALSE(record_of(wanted, no_settings));
}

TEST(boot_records, refuse_a_bad_name_of_ours) {
    auto wanted = a_request();
    wanted.initiator_name = "bad name";
    const auto node = record_of(wanted, no_settings);
    ASSERT_FALSE(node);
    EXPECT_THAT(node.error().text(), HasSubstr("bad name"));
    EXPECT_FALSE(record_of(cli::boot_target{}, wanted, no_settings));
}

TEST(boot_records, of_the_firmware_have_its_chap_and_its_name) {
    cli::boot_target target;
    target.initiator_name = "iqn.2026-11.org.example:firmware";
    target.name = "iqn.2026-11.org.example:boot";
    target.portal_address = "192.0.2.9";
    target.user = "bob";
    target.password = "secret-of-bob";
    const auto node = record_of(target, request{}, no_settings);
    ASSERT_TRUE(node) << node.error().text();
    EXPECT_EQ(
        id_of(*node),
        (admin::node_id{"iqn.2026-11.org.example:boot", "192.0.2.9", 3260, 1, "default"})
    );
    EXPECT_EQ(node->get("iface.initiatorname"), "iqn.2026-11.org.example:firmware");
    EXPECT_EQ(node->get("node.session.auth.authmethod"), "CHAP");
    EXPECT_EQ(node->get("node.session.initial_login_retry_max"), "30");
    EXPECT_EQ(node->get("node.discovery_type"), "fw");
}

// The last line of a key wins.
TEST(boot_settings, hold_whatever_the_file_says) {
    const auto text = boot_daemon::settings_of("iscsid.keep_disks_on_stop = No\nno line end");
    EXPECT_GT(
        text.find("iscsid.keep_disks_on_stop = Yes"), text.find("iscsid.keep_disks_on_stop = No")
    );
    EXPECT_THAT(text, HasSubstr("no line end\n"));
}

} // namespace
} // namespace iscsi::start
