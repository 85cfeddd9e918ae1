#include "tests/unit/iscsiadm/print/golden_sessions.hpp"

#include "iscsiadm/print/progress.hpp"

#include <gtest/gtest.h>

namespace iscsi::cli {
namespace {

const admin::node_id node = golden_session().node;

TEST(login_words, are_those_of_open_iscsi) {
    EXPECT_EQ(
        logging_in_line(node, false),
        "Logging in to [iface: default, target: iqn.2020-01.test:t1, portal: 10.9.9.1,3260]\n"
    );
    EXPECT_EQ(
        logging_in_line(node, true),
        "Logging in to [iface: default, target: iqn.2020-01.test:t1, portal: 10.9.9.1,3260] "
        "(multiple)\n"
    );
    EXPECT_EQ(
        logged_in_line(node),
        "Login to [iface: default, target: iqn.2020-01.test:t1, portal: 10.9.9.1,3260] "
        "successful.\n"
    );
    EXPECT_EQ(
        could_not_log_in(node),
        "Could not login to [iface: default, target: iqn.2020-01.test:t1, portal: 10.9.9.1,3260]."
    );
}

TEST(login_words, name_the_error) {
    EXPECT_EQ(
        reported_error(admin::exit_code::login_auth_failed),
        "initiator reported error (24 - iSCSI login failed due to authorization failure)"
    );
    EXPECT_EQ(
        reported_error(admin::exit_code::session_exists),
        "initiator reported error (15 - session exists)"
    );
}

TEST(login_words, count_the_sessions_that_are_there) {
    EXPECT_EQ(already_present(node, 1, 1), "default: 1 session requested, but 1 already present.");
    EXPECT_EQ(already_present(node, 2, 3), "default: 2 sessions requested, but 3 already present.");
}

TEST(logout_words, are_those_of_open_iscsi) {
    const std::string session = "[sid: 5, target: iqn.2020-01.test:t1, portal: 10.9.9.1,3260]";
    EXPECT_EQ(logging_out_line(golden_session()), "Logging out of session " + session + "\n");
    EXPECT_EQ(logged_out_line(golden_session()), "Logout of " + session + " successful.\n");
    EXPECT_EQ(could_not_log_out(golden_session()), "Could not logout of " + session + ".");
}

TEST(rescan_words, are_those_of_open_iscsi) {
    EXPECT_EQ(
        rescanning_line(golden_session()),
        "Rescanning session [sid: 5, target: iqn.2020-01.test:t1, portal: 10.9.9.1,3260]\n"
    );
    EXPECT_EQ(could_not_rescan(golden_session()), "Could not rescan session sid 5.");
}

} // namespace
} // namespace iscsi::cli
