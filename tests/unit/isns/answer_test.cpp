#include "libiscsi/isns/answer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iscsi::isns {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string disk = "iqn.2026-01.org.example:disk";
const std::string tape = "iqn.2026-01.org.example:tape";

attribute address(tag which, std::initializer_list<unsigned> last, bool is_mapped = true) {
    attribute made = nothing(which);
    made.value.resize(16);
    if (is_mapped)
        made.value[10] = made.value[11] = std::byte{0xff};
    std::size_t at = 16 - last.size();
    for (const auto each : last)
        made.value[at++] = static_cast<std::byte>(each);
    return made;
}

const attribute here = address(tag::group_portal_address, {10, 0, 0, 5});

// An answer of a server: the key of the question, the delimiter, and these.
message answer_of(const std::vector<attribute>& objects) {
    message made;
    made.function_id = 0x8002;
    made.status = 0;
    made.attributes = {number(tag::node_type, 1), nothing(tag::delimiter)};
    made.attributes.insert(made.attributes.end(), objects.begin(), objects.end());
    return made;
}

std::vector<attribute> node(const std::string& name, std::uint32_t type = 1) {
    return {text(tag::iscsi_name, name), number(tag::node_type, type)};
}

std::vector<attribute> group(
    const std::string& name,
    const attribute& where = here,
    const attribute& port = number(tag::group_portal_port, 3260),
    const attribute& value = number(tag::group_tag, 1)
) {
    return {text(tag::group_iscsi_name, name), where, port, value};
}

std::vector<attribute> all_of(std::initializer_list<std::vector<attribute>> parts) {
    std::vector<attribute> all;
    for (const auto& part : parts)
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

TEST(isns_targets, come_with_portals_and_their_groups) {
    const auto other = address(
        tag::group_portal_address, {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, false
    );
    const auto found = read_targets(answer_of(all_of(
        {node(disk),
         group(disk),
         group(disk, other, number(tag::group_portal_port, 860), number(tag::group_tag, 2)),
         node(tape),
         group(tape)}
    )));
    EXPECT_THAT(
        found.portals,
        ElementsAre(
            found_portal{disk, "10.0.0.5", 3260, 1},
            found_portal{disk, "fe80::1", 860, 2},
            found_portal{tape, "10.0.0.5", 3260, 1}
        )
    );
    EXPECT_THAT(found.without_portal, IsEmpty());
    EXPECT_THAT(found.refused, IsEmpty());
}

// As Open-iSNS writes IPv4, and what is one of IPv6 all the same.
TEST(isns_targets, have_ipv4_addresses_of_either_form) {
    const auto compatible = address(tag::group_portal_address, {10, 0, 0, 5}, false);
    const auto loopback = address(tag::group_portal_address, {0, 0, 0, 1}, false);
    const auto found =
        read_targets(answer_of(all_of({node(disk), group(disk, compatible), group(disk, loopback)}))
        );
    EXPECT_THAT(
        found.portals,
        ElementsAre(found_portal{disk, "10.0.0.5", 3260, 1}, found_portal{disk, "::1", 3260, 1})
    );
}

// Servers give objects in any order.
TEST(isns_targets, may_come_behind_their_groups) {
    const auto found = read_targets(answer_of(all_of({group(disk), node(disk)})));
    EXPECT_THAT(found.portals, ElementsAre(found_portal{disk, "10.0.0.5", 3260, 1}));
}

TEST(isns_targets, are_taken_once) {
    const auto found =
        read_targets(answer_of(all_of({node(disk), group(disk), group(disk), node(disk)})));
    EXPECT_THAT(found.portals, SizeIs(1));
}

TEST(isns_targets, are_no_initiators) {
    const auto found =
        read_targets(answer_of(all_of({node(disk, 2), group(disk), node(tape, 3), group(tape)})));
    EXPECT_THAT(found.portals, ElementsAre(found_portal{tape, "10.0.0.5", 3260, 1}));
    EXPECT_THAT(found.without_portal, IsEmpty());
}

TEST(isns_targets, without_portal_groups_are_named) {
    const auto found = read_targets(answer_of(all_of(
        {node(disk), {address(tag::portal_address, {10, 0, 0, 5}), number(tag::portal_port, 3260)}}
    )));
    EXPECT_THAT(found.portals, IsEmpty());
    EXPECT_THAT(found.without_portal, ElementsAre(disk));
}

// RFC 4171 section 3.4.
TEST(isns_targets, are_not_reached_where_the_group_tag_is_null) {
    const auto found = read_targets(answer_of(all_of(
        {node(disk),
         group(disk, here, number(tag::group_portal_port, 3260), nothing(tag::group_tag))}
    )));
    EXPECT_THAT(found.portals, IsEmpty());
    EXPECT_THAT(found.without_portal, IsEmpty());
}

TEST(isns_targets, that_are_nonsense_are_left_out_and_told) {
    const auto long_address = address(
        tag::group_portal_address, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, false
    );
    auto short_address = long_address;
    short_address.value.resize(8);
    const auto port = [](std::uint32_t value) { return number(tag::group_portal_port, value); };
    const auto found = read_targets(answer_of(all_of(
        {node(disk),
         group(disk),
         node("iqn.2026-01.org.example:../../etc"),
         node("iqn.2026-01.org.example:a,b"),
         node("nonsense"),
         node(""),
         group(disk, short_address),
         group(disk, address(tag::group_portal_address, {224, 0, 0, 1})),
         group(disk, address(tag::group_portal_address, {0, 0, 0, 0})),
         group(disk, address(tag::group_portal_address, {}, false)),
         group(disk, here, port(0)),
         group(disk, here, port(0x10000 | 3260)),
         group(disk, here, port(0x20000 | 3260)),
         group(disk, here, port(860), number(tag::group_tag, 70000)),
         {text(tag::group_iscsi_name, disk), here}}
    )));
    EXPECT_THAT(found.portals, ElementsAre(found_portal{disk, "10.0.0.5", 3260, 1}));
    EXPECT_EQ(found.refused.size(), 13U);
}

TEST(isns_targets, of_an_answer_without_a_delimiter_are_none) {
    message bare;
    bare.attributes = all_of({node(disk), group(disk)});
    EXPECT_THAT(read_targets(bare).portals, IsEmpty());
    EXPECT_THAT(read_targets({}).portals, IsEmpty());
}

TEST(isns_portals, of_one_target_have_no_group) {
    const auto found = read_portals(
        answer_of(
            {address(tag::portal_address, {10, 0, 0, 5}),
             number(tag::portal_port, 3260),
             address(tag::portal_address, {10, 0, 0, 6}),
             number(tag::portal_port, 0x10000 | 3205),
             address(tag::portal_address, {10, 0, 0, 7})}
        ),
        disk
    );
    EXPECT_THAT(found.portals, ElementsAre(found_portal{disk, "10.0.0.5", 3260, std::nullopt}));
    EXPECT_THAT(found.refused, SizeIs(1));
}

TEST(isns_answer, is_one_to_what_was_asked) {
    auto asked = query_targets("iqn.a:b");
    asked.transaction = 7;
    auto answer = answer_of({});
    answer.transaction = 7;
    EXPECT_TRUE(check_answer(asked, answer).has_value());
    answer.transaction = 8;
    EXPECT_THAT(check_answer(asked, answer).error().text(), HasSubstr("transaction 8"));
    answer.transaction = 7;
    answer.function_id = 0x8001;
    EXPECT_THAT(check_answer(asked, answer).error().text(), HasSubstr("no answer"));
    answer.function_id = 0x8002;
    answer.status = 8;
    EXPECT_THAT(check_answer(asked, answer).error().text(), HasSubstr("8 (Source Unauthorized)"));
}

TEST(isns_answer, tells_how_long_a_registration_lasts) {
    EXPECT_EQ(
        registration_period_of(answer_of({number(tag::registration_period, 600)})),
        std::chrono::seconds(600)
    );
    EXPECT_EQ(registration_period_of(answer_of({})), std::nullopt);
    EXPECT_EQ(registration_period_of(answer_of({nothing(tag::registration_period)})), std::nullopt);
    EXPECT_EQ(
        registration_period_of(answer_of({number(tag::registration_period, 0)})), std::nullopt
    );
}

TEST(isns_acknowledgement, repeats_what_the_server_needs) {
    message change;
    change.function_id = 0x0008;
    change.transaction = 9;
    change.attributes = {text(tag::iscsi_name, "iqn.a:b"), number(tag::scn_bitmap, 8)};
    const auto seen = acknowledgement_of(change);
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->function_id, 0x8008);
    EXPECT_EQ(seen->transaction, 9);
    EXPECT_EQ(seen->status, 0U);
    EXPECT_THAT(seen->attributes, ElementsAre(change.attributes.front()));
    message inquiry = change;
    inquiry.function_id = 0x000d;
    EXPECT_EQ(acknowledgement_of(inquiry)->attributes, inquiry.attributes);
    EXPECT_FALSE(acknowledgement_of(query_targets("iqn.a:b")));
}

} // namespace
} // namespace iscsi::isns
