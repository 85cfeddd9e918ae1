#include "libiscsi/admin/exit_code.hpp"

#include <gtest/gtest.h>

namespace iscsi::admin {
namespace {

TEST(exit_code, has_the_words_that_scripts_know) {
    EXPECT_EQ(to_text(exit_code::success), "");
    EXPECT_EQ(to_text(exit_code::error), "unknown error");
    EXPECT_EQ(to_text(exit_code::database), "encountered iSCSI database failure");
    EXPECT_EQ(to_text(exit_code::pdu_timeout), "iSCSI PDU timed out");
    EXPECT_EQ(to_text(exit_code::session_exists), "session exists");
    EXPECT_EQ(to_text(exit_code::no_objects_found), "no objects found");
    EXPECT_EQ(
        to_text(exit_code::login_auth_failed), "iSCSI login failed due to authorization failure"
    );
    EXPECT_EQ(to_text(exit_code::request_timed_out), "iscsid request timed out");
}

TEST(exit_code, admits_numbers_that_it_does_not_know) {
    EXPECT_EQ(to_text(static_cast<exit_code>(34)), "invalid error code 34");
    EXPECT_EQ(to_text(static_cast<exit_code>(-1)), "invalid error code -1");
}

} // namespace
} // namespace iscsi::admin
