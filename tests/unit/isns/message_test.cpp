#include "libiscsi/isns/request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iscsi::isns {
namespace {

using testing::HasSubstr;

std::vector<std::byte> bytes(const std::string& hex) {
    std::vector<std::byte> all;
    std::string digits;
    for (const char c : hex)
        if (c != ' ')
            digits.push_back(c);
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        all.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return all;
}

// What becomes of these bytes in one piece.
result<std::optional<message>> whole(const std::vector<std::byte>& from) {
    assembler reader;
    return reader.take(from);
}

std::string error_of(const std::string& hex) {
    const auto read = whole(bytes(hex));
    return read.has_error() ? read.error().text() : read->has_value() ? "a message" : "unfinished";
}

TEST(isns_message, of_a_state_change_registration_is_as_the_standard_says) {
    auto asked = change_registration("iqn.a:b");
    asked.transaction = 0x1234;
    EXPECT_EQ(
        encode(asked),
        bytes("0001 0005 0034 8c00 1234 0000"
              "00000020 00000008 69716e2e 613a6200" // source: iSCSI name
              "00000020 00000008 69716e2e 613a6200" // key
              "00000000 00000000"
              "00000023 00000004 0000005c")
    );
}

TEST(isns_message, of_a_registration_has_entity_portal_and_node) {
    notified_portal at;
    at.address = {};
    at.address[10] = at.address[11] = std::byte{0xff};
    at.address[12] = std::byte{127};
    at.address[15] = std::byte{1};
    at.port = 3205;
    EXPECT_EQ(
        encode(registration("iqn.a:b", &at)),
        bytes("0001 0001 0080 9c00 0000 0000" // replaces what is there
              "00000020 00000008 69716e2e 613a6200"
              "00000000 00000000"
              "00000001 00000008 69716e2e 613a6200"
              "00000002 00000004 00000002"
              "00000010 00000010 00000000 00000000 0000ffff 7f000001"
              "00000011 00000004 00010c85"
              "00000017 00000004 00010c85"
              "00000020 00000008 69716e2e 613a6200"
              "00000021 00000004 00000002")
    );
    EXPECT_FALSE(registration("iqn.a:b", nullptr).replaces);
}

TEST(isns_message, comes_back_as_it_went) {
    auto asked = query_targets("iqn.2026-01.org.example:host");
    asked.transaction = 7;
    const auto read = whole(encode(asked));
    ASSERT_TRUE(read.has_value() && read->has_value());
    EXPECT_EQ(**read, asked);
}

TEST(isns_message, that_is_long_is_cut_into_pdus_and_put_together) {
    message big;
    big.function_id = 0x8002;
    big.status = 0;
    for (int i = 0; i < 40000; ++i)
        big.attributes.push_back(number(tag::group_tag, static_cast<std::uint32_t>(i)));
    const auto wire = encode(big);
    assembler reader;
    std::size_t at = 0;
    std::size_t step = 1;
    for (std::size_t found = 0; at < wire.size(); at += step, step = step * 3 % 8191 + 1) {
        step = std::min(step, wire.size() - at);
        const auto read = reader.take(bytes_view(wire).subspan(at, step));
        ASSERT_TRUE(read.has_value()) << read.error().text();
        found += read->has_value() ? 1U : 0U;
        ASSERT_EQ(found, at + step == wire.size() ? 1U : 0U);
        if (found == 1) {
            EXPECT_EQ(**read, big);
        }
    }
}

TEST(isns_message, cut_at_every_byte_is_unfinished) {
    const auto wire = encode(query_targets("iqn.a:b"));
    for (std::size_t length = 0; length < wire.size(); ++length) {
        assembler reader;
        const auto read = reader.take(bytes_view(wire).first(length));
        ASSERT_TRUE(read.has_value());
        EXPECT_FALSE(read->has_value()) << length;
        const auto rest = reader.take(bytes_view(wire).subspan(length));
        EXPECT_TRUE(rest.has_value() && rest->has_value()) << length;
    }
}

TEST(isns_message, two_in_one_piece_come_one_after_the_other) {
    auto wire = encode(query_targets("iqn.a:b"));
    const auto second = encode(deregistration("iqn.a:b"));
    wire.insert(wire.end(), second.begin(), second.end());
    assembler reader;
    EXPECT_EQ((*reader.take(wire))->function_id, 2);
    EXPECT_EQ((*reader.take({}))->function_id, 4);
    EXPECT_FALSE(reader.take({})->has_value());
}

TEST(isns_message, with_a_bad_header_is_refused) {
    EXPECT_THAT(error_of("0002 8002 0004 4c00 0001 0000 00000000"), HasSubstr("version"));
    EXPECT_THAT(error_of("0001 8002 0003 4c00 0001 0000 000000"), HasSubstr("PDU length"));
    EXPECT_THAT(error_of("0001 8002 0004 6c00 0001 0000 00000000"), HasSubstr("authentication"));
    EXPECT_THAT(error_of("0001 8002 0000 4c00 0001 0000"), HasSubstr("no status"));
}

TEST(isns_message, with_lengths_that_lie_is_refused) {
    const std::string head = "0001 8002 0010 4c00 0001 0000 00000000";
    EXPECT_THAT(error_of(head + "00000020 00000008 69716e2e"), HasSubstr("length of attribute 32"));
    EXPECT_THAT(error_of(head + "00000020 00ffffff 69716e2e"), HasSubstr("got 16777215"));
    EXPECT_THAT(error_of(head + "00000020 ffffffff 69716e2e"), HasSubstr("got 4294967295"));
    EXPECT_THAT(error_of(head + "00000020 00000003 69716e2e"), HasSubstr("a multiple of 4"));
    EXPECT_THAT(
        error_of("0001 8002 0008 4c00 0001 0000 00000000 00000020"), HasSubstr("tag and length")
    );
}

TEST(isns_message, whose_pdus_do_not_follow_each_other_is_refused) {
    const std::string first = "0001 8002 0004 4400 0001 0000 00000000";
    EXPECT_THAT(error_of("0001 8002 0004 4800 0001 0000 00000000"), HasSubstr("sequence ID"))
        << "it begins in the middle";
    EXPECT_THAT(error_of(first + "0001 8002 0000 4800 0001 0002"), HasSubstr("expected 1"));
    EXPECT_THAT(error_of(first + first), HasSubstr("first PDU"));
    EXPECT_THAT(error_of(first + "0001 8002 0000 4800 0002 0001"), HasSubstr("transaction"));
    EXPECT_THAT(error_of(first + "0001 8004 0000 4800 0001 0001"), HasSubstr("transaction"));
    EXPECT_EQ(error_of(first + "0001 8002 0000 4800 0001 0001"), "a message");
}

// A peer that never ends its message gets no more memory than that.
TEST(isns_message, without_an_end_is_refused) {
    for (const std::size_t length : {std::size_t{0}, std::size_t{0xfffc}}) {
        assembler reader;
        std::string why;
        for (std::size_t sequence = 0; sequence < 70000 && why.empty(); ++sequence) {
            std::vector<std::byte> pdu(12 + length);
            store_be16(pdu.data(), 1);
            store_be16(pdu.data() + 2, 0x8002);
            store_be16(pdu.data() + 4, static_cast<std::uint16_t>(length));
            store_be16(pdu.data() + 6, sequence == 0 ? 0x4400 : 0x4000);
            store_be16(pdu.data() + 10, static_cast<std::uint16_t>(sequence));
            const auto read = reader.take(pdu);
            if (read.has_error())
                why = read.error().text();
        }
        EXPECT_THAT(why, HasSubstr("too long")) << length;
    }
}

TEST(isns_text, must_end_with_a_nul_and_be_printable) {
    EXPECT_EQ(text_of(text(tag::iscsi_name, "abc")).value(), "abc");
    EXPECT_EQ(text_of(text(tag::iscsi_name, "abcd")).value(), "abcd");
    EXPECT_EQ(text_of(text(tag::iscsi_name, "")).value(), "");
    for (const std::string hex : {"61626364", "61006200", "610a0000", "1b5b0000", ""})
        EXPECT_TRUE(text_of({32, bytes(hex)}).has_error()) << hex;
}

TEST(isns_number, has_four_bytes) {
    EXPECT_EQ(number_of(number(tag::group_tag, 0x01020304)).value(), 0x01020304U);
    EXPECT_TRUE(number_of({51, bytes("0102030405060708")}).has_error());
    EXPECT_TRUE(number_of(nothing(tag::group_tag)).has_error());
}

TEST(isns_status, is_told_by_its_name) {
    EXPECT_EQ(status_text(6), "6 (Source Unknown)");
    EXPECT_EQ(status_text(23), "23 (Registration Feature Not Supported)");
    EXPECT_EQ(status_text(4), "4");
    EXPECT_EQ(status_text(99), "99");
}

} // namespace
} // namespace iscsi::isns
