#include "iscsiadm/iname/iname.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iscsi::iname {
namespace {

using testing::HasSubstr;

TEST(iname, stays_within_the_longest_iscsi_name) {
    const std::string prefix(longest_prefix, 'x');
    EXPECT_EQ(make_initiator_name(prefix, {255, 255, 255, 255, 255, 255}).size(), 223U);
}

TEST(iname_options, have_open_iscsis_prefix_by_default) {
    EXPECT_EQ(*parse({}), (request{"iqn.2016-04.com.open-iscsi", false, false}));
    EXPECT_EQ(*parse({"-g", "--prefix=iqn.a"}), (request{"iqn.a", true, false}));
    EXPECT_EQ(*parse({"-p", "iqn.a"}), (request{"iqn.a", false, false}));
    EXPECT_TRUE(parse({"--help"})->help);
}

TEST(iname_options, refuse_what_makes_no_name) {
    EXPECT_TRUE(parse({"-p", std::string(210, 'x')}));
    EXPECT_FALSE(parse({"-p", std::string(211, 'x')}));
    EXPECT_FALSE(parse({"-p", ""}));
    EXPECT_FALSE(parse({"-p", "a b"}));
    EXPECT_FALSE(parse({"-p", "a\nInitiatorName=b"}));
    EXPECT_FALSE(parse({"word"}));
}

TEST(iname_options, leave_unknown_options_to_getopt) {
    testing::internal::CaptureStderr();
    const auto got = parse({"-z"});
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("invalid option -- 'z'"));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().line, "");
}

TEST(iname_usage, names_every_option) {
    for (const char* option : {"--prefix", "--generate", "--help", "-p", "-g", "-h"})
        EXPECT_THAT(usage(), HasSubstr(option));
}

} // namespace
} // namespace iscsi::iname
