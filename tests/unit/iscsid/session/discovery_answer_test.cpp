#include "iscsid/session/discovery_answer.hpp"

#include "libiscsi/core/login/discovery.hpp"
#include "libiscsi/names/iscsi_name.hpp"

#include <boost/asio/ip/address.hpp>
#include <gmock/gmock.h>

#include <net/if.h>

namespace {

using namespace iscsid::session;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

const discovery_place place{"san.example.com", 3261, "eth7"};

iscsi::targets_found answer_of(const iscsi::text_pairs& pairs) {
    const auto text = iscsi::format_text(pairs);
    return iscsi::read_send_targets(std::as_bytes(std::span(text)));
}

// The address that is left of one that a target named.
std::string address_of(const std::string& host, const discovery_place& at = place) {
    iscsi::targets_found answer;
    answer.targets = {{"iqn.a", {{host, 860, 5}}}};
    const auto portals = portals_of(answer, at);
    EXPECT_EQ(portals.size(), 1U);
    EXPECT_EQ(portals[0].port, 860);
    EXPECT_EQ(portals[0].group_tag, 5);
    return portals[0].address;
}

TEST(discovery_answer, an_address_of_all_addresses_is_the_one_that_was_asked) {
    for (const auto* host : {"0.0.0.0", "::", "::0", "0:0:0:0:0:0:0:0"})
        EXPECT_EQ(address_of(host), "san.example.com") << host;
    EXPECT_EQ(address_of("0.0.0.1"), "0.0.0.1");
    EXPECT_EQ(address_of("::1"), "::1");
    EXPECT_EQ(address_of("disk.example.com"), "disk.example.com");
}

TEST(discovery_answer, a_portal_without_a_group_tag_has_none) {
    iscsi::targets_found answer;
    answer.targets = {
        {"iqn.a", {{"10.0.0.1", 3260, {}}, {"10.0.0.2", 3260, 0}, {"10.0.0.3", 3260, 65535}}}};
    const auto portals = portals_of(answer, place);
    ASSERT_EQ(portals.size(), 3U);
    EXPECT_EQ(portals[0].group_tag, -1);
    EXPECT_EQ(portals[1].group_tag, 0);
    EXPECT_EQ(portals[2].group_tag, 65535);
}

TEST(discovery_answer, a_link_local_address_is_of_the_zone_that_was_asked) {
    EXPECT_EQ(address_of("fe80::1"), "fe80::1%eth7");
    EXPECT_EQ(address_of("febf::1"), "febf::1%eth7");
    EXPECT_EQ(address_of("fe80::1%eth1"), "fe80::1%eth1");
    EXPECT_EQ(address_of("2001:db8::1"), "2001:db8::1");
    EXPECT_EQ(address_of("169.254.0.1"), "169.254.0.1");
    EXPECT_EQ(address_of("fe80::1", {"10.0.0.1", 3260, {}}), "fe80::1");
}

TEST(discovery_answer, the_zone_is_that_of_the_connection) {
    namespace ip = boost::asio::ip;
    const auto to = [](const char* host) {
        return iscsi::net::endpoint(ip::make_address(host), 3260);
    };
    EXPECT_EQ(zone_of(to("fe80::1%lo"), ""), "lo");
    EXPECT_EQ(zone_of(to("fe80::1%lo"), "eth3"), "lo");
    EXPECT_EQ(zone_of(to("fe80::1"), "eth3"), "eth3");
    EXPECT_EQ(zone_of(to("10.0.0.1"), "eth3"), "eth3");
    EXPECT_EQ(zone_of(to("10.0.0.1"), ""), "");
}

TEST(discovery_answer, what_is_left_out_is_told_a_line_each) {
    iscsi::targets_found answer;
    EXPECT_THAT(lines_of_refused(answer, place), SizeIs(0));
    answer.refused = {
        iscsi::check_iscsi_name("disk1").error(), iscsi::check_iscsi_name("iqn.a,b").error()};
    EXPECT_THAT(
        lines_of_refused(answer, place), ElementsAre(HasSubstr("disk1"), HasSubstr("iqn.a,b"))
    );
    answer.more_refused = 500;
    EXPECT_EQ(
        lines_of_refused(answer, place).back(), "discovery at san.example.com: 500 more left out"
    );
}

TEST(discovery_answer, knows_the_target_of_a_bad_address) {
    auto found = answer_of(
        {{"TargetName", "iqn.2026-01.org.example:a"},
         {"TargetAddress", "10.0.0.1:3260,99999"},
         {"TargetName", "iqn.2026-01.org.example:b"},
         {"TargetAddress", "10.0.0.1:3260,1"},
         {"TargetAddress", "not a host!"}}
    );
    EXPECT_THAT(
        targets_of_refused(found),
        ElementsAre("iqn.2026-01.org.example:a", "iqn.2026-01.org.example:b")
    );
    found.more_refused = 1;
    EXPECT_THAT(
        targets_of_refused(found),
        ElementsAre("", "iqn.2026-01.org.example:a", "iqn.2026-01.org.example:b")
    );
    const auto bad = answer_of({{"TargetName", "iqn.2026-01.org.example:a b"}});
    EXPECT_THAT(targets_of_refused(bad), ElementsAre(""));
}

} // namespace
