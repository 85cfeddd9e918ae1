#include "iscsid/compat/acting_orders.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace {

using iscsi::admin::exit_code;
using iscsid::compat::errno_of;

TEST(what_a_verb_says, has_an_errno) {
    EXPECT_EQ(errno_of({exit_code::busy, {}}), EBUSY);
    EXPECT_EQ(errno_of({exit_code::session_not_found, {}}), ENODEV);
    EXPECT_EQ(errno_of({exit_code::internal, {}}), ENODEV) << "it is being logged out";
    EXPECT_EQ(errno_of({exit_code::session_not_connected, {}}), EIO);
    EXPECT_EQ(errno_of({exit_code::request_timed_out, {}}), EIO);
    EXPECT_EQ(errno_of({exit_code::error, {}}), EIO);
}

} // namespace
