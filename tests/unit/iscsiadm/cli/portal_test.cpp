#include "iscsiadm/cli/portal.hpp"

#include <gtest/gtest.h>

#include <string>

namespace iscsi::cli {
namespace {

struct good_case {
    std::string text;
    portal expected;
};

class good_portals : public testing::TestWithParam<good_case> {};

TEST_P(good_portals, are_taken_apart) {
    const auto got = parse_portal(GetParam().text);
    ASSERT_TRUE(got) << got.error().lines.front();
    EXPECT_EQ(*got, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    parse_portal,
    good_portals,
    testing::Values(
        good_case{"10.9.9.1", {"10.9.9.1", 3260, {}}},
        good_case{"10.9.9.1:1", {"10.9.9.1", 1, {}}},
        good_case{"10.9.9.1:65535", {"10.9.9.1", 65535, {}}},
        good_case{"10.9.9.1,0", {"10.9.9.1", 3260, 0}},
        good_case{"10.9.9.1:3261,65535", {"10.9.9.1", 3261, 65535}},
        good_case{"10.9.9.1:3260,4294967295", {"10.9.9.1", 3260, -1}},
        good_case{"10.9.9.1:3260,-1", {"10.9.9.1", 3260, -1}},
        good_case{"storage.example:3261", {"storage.example", 3261, {}}},
        good_case{"localhost", {"localhost", 3260, {}}},
        good_case{"fe80::1", {"fe80::1", 3260, {}}},
        good_case{"fe80::1%eth0,5", {"fe80::1%eth0", 3260, 5}},
        good_case{"[fe80::1]", {"fe80::1", 3260, {}}},
        good_case{"[fe80::1]:3261", {"fe80::1", 3261, {}}},
        good_case{"[fe80::1]:3261,5", {"fe80::1", 3261, 5}},
        good_case{"[fe80::1],5", {"fe80::1", 3260, 5}},
        good_case{"::", {"::", 3260, {}}}
    )
);

class bad_portals : public testing::TestWithParam<std::string> {};

TEST_P(bad_portals, are_refused_with_the_text) {
    const auto got = parse_portal(GetParam());
    ASSERT_FALSE(got) << got->address;
    EXPECT_EQ(got.error().code, admin::exit_code::invalid);
    EXPECT_EQ(
        got.error().lines.front().substr(0, GetParam().size() + 17),
        "invalid portal '" + GetParam() + "'"
    );
}

INSTANTIATE_TEST_SUITE_P(
    parse_portal,
    bad_portals,
    testing::Values(
        "",
        ":3260",
        ",1",
        "10.9.9.1:",
        "10.9.9.1:0",
        "10.9.9.1:65536",
        "10.9.9.1:-1",
        "10.9.9.1:port",
        "10.9.9.1:3260x",
        "10.9.9.1:99999999999999999999",
        "10.9.9.1,",
        "10.9.9.1,65536",
        "10.9.9.1,-2",
        "10.9.9.1,1,2",
        "[fe80::1",
        "[]",
        "[fe80::1]3260",
        "[fe80::1]x:3260",
        "a/b",
        "../../etc",
        "..",
        ".",
        "a b",
        "a\nb",
        "[a]b",
        "a]"
    )
);

TEST(is_address, has_a_longest_name) {
    EXPECT_TRUE(is_address(std::string(255, 'a')));
    EXPECT_FALSE(is_address(std::string(256, 'a')));
}

} // namespace
} // namespace iscsi::cli
