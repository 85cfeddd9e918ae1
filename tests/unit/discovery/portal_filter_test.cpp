#include "libiscsi/discovery/portal_filter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iscsi::discovery {
namespace {

using testing::HasSubstr;

admin::discovered_portal at(const std::string& address, std::uint16_t port = 3260) {
    return {"iqn.2026-01.org.example:disk", address, port, 1};
}

portal_filter filter_of(const std::string& portals, const std::string& family = "any") {
    admin::record settings(admin::record_kind::send_targets);
    EXPECT_TRUE(settings.update("discovery.sendtargets.filter.portal", portals));
    EXPECT_TRUE(settings.update("discovery.sendtargets.filter.family", family));
    return portal_filter::read(settings).value();
}

struct match {
    std::string portals;
    std::string address;
    bool admitted;
    std::uint16_t port = 3260;
};

class portal_match : public testing::TestWithParam<match> {};

TEST_P(portal_match, admits_what_it_means) {
    const match& given = GetParam();
    EXPECT_EQ(filter_of(given.portals).admits(at(given.address, given.port)), given.admitted)
        << given.portals << " and " << given.address;
}

INSTANTIATE_TEST_SUITE_P(
    discovery,
    portal_match,
    testing::Values(
        match{"", "192.0.2.1", true},
        match{"192.0.2.1", "192.0.2.1", true},
        match{"192.0.2.1", "192.0.2.10", false},
        match{"192.0.2.0/24", "192.0.2.255", true},
        match{"192.0.2.0/24", "192.0.3.0", false},
        match{"192.0.2.0/23", "192.0.3.0", true},
        match{"192.0.2.4/30", "192.0.2.8", false},
        match{"0.0.0.0/0", "203.0.113.9", true},
        match{"0.0.0.0/0", "2001:db8::1", false},
        match{"::/0", "192.0.2.1", false},
        match{"2001:db8::/32", "2001:db8:ffff::1", true},
        match{"2001:db8::/32", "2001:db9::1", false},
        match{"2001:DB8::1", "2001:db8:0:0::1", true},
        match{"fe80::1", "fe80::1%eth0", true},
        match{"[2001:db8::1]:860", "2001:db8::1", false},
        match{"[2001:db8::1]:860", "2001:db8::1", true, 860},
        match{"192.0.2.1:860", "192.0.2.1", false},
        match{"192.0.2.1:860", "192.0.2.1", true, 860},
        match{"!192.0.2.1", "192.0.2.1", false},
        match{"!192.0.2.1", "192.0.2.2", true},
        match{"192.0.2.0/24, !192.0.2.1", "192.0.2.1", false},
        match{"!192.0.2.1 ,192.0.2.0/24", "192.0.2.2", true},
        match{"192.0.2.0/24, !192.0.2.1", "198.51.100.1", false},
        match{"SAN.example.com", "san.Example.com", true},
        match{"san.example.com:860", "san.example.com", false},
        match{"!192.0.2.0/24", "san.example.com", true}
    )
);

TEST(discovery_family, is_that_of_the_address) {
    EXPECT_TRUE(filter_of("", "ipv4").admits(at("192.0.2.1")));
    EXPECT_FALSE(filter_of("", "ipv4").admits(at("2001:db8::1")));
    EXPECT_TRUE(filter_of("", "ipv6").admits(at("fe80::1%eth0")));
    EXPECT_FALSE(filter_of("", "ipv6").admits(at("192.0.2.1")));
    EXPECT_TRUE(filter_of("", "ipv6").admits(at("san.example.com")))
        << "what it resolves to varies";
}

class bad_filter : public testing::TestWithParam<std::string> {};

TEST_P(bad_filter, is_refused_with_the_word) {
    admin::record settings(admin::record_kind::send_targets);
    ASSERT_TRUE(settings.update("discovery.sendtargets.filter.portal", "192.0.2.1," + GetParam()));
    const auto filter = portal_filter::read(settings);
    ASSERT_FALSE(filter);
    const std::string word = GetParam();
    EXPECT_THAT(filter.error().text(), HasSubstr("discovery.sendtargets.filter.portal: "));
    EXPECT_THAT(filter.error().text(), HasSubstr("'" + word + "'"));
}

INSTANTIATE_TEST_SUITE_P(
    discovery,
    bad_filter,
    testing::Values(
        "192.0.2.0/33",
        "192.0.2.0/",
        "192.0.2.0/-1",
        "2001:db8::/129",
        "san.example.com/24",
        "192.0.2.1:0",
        "192.0.2.1:65536",
        "[2001:db8::1",
        "[2001:db8::1]860",
        "!",
        "a b",
        "2001:db8::zz"
    )
);

} // namespace
} // namespace iscsi::discovery
