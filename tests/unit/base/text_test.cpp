#include "libiscsi/base/text.hpp"

#include <gtest/gtest.h>

namespace iscsi {
namespace {

using namespace std::string_literals;

result<text_pairs> parse(const std::string& text, std::size_t longest_value = 8192) {
    return parse_text(std::as_bytes(std::span(text)), longest_value);
}

boost::system::error_code error_of(const std::string& text, std::size_t longest_value = 8192) {
    const auto parsed = parse(text, longest_value);
    return parsed ? boost::system::error_code{} : parsed.error().code;
}

TEST(text, reads_pairs_in_order) {
    const auto pairs = parse("HeaderDigest=CRC32C,None\0MaxBurstLength=262144\0"s).value();
    EXPECT_EQ(pairs, (text_pairs{{"HeaderDigest", "CRC32C,None"}, {"MaxBurstLength", "262144"}}));
}

TEST(text, reads_nothing_from_nothing) {
    EXPECT_TRUE(parse("").value().empty());
}

TEST(text, keeps_equals_signs_and_blanks_in_values) {
    EXPECT_EQ(parse("TargetAlias=a=b c\0"s).value(), (text_pairs{{"TargetAlias", "a=b c"}}));
}

TEST(text, takes_empty_values) {
    EXPECT_EQ(parse("TargetAlias=\0"s).value(), (text_pairs{{"TargetAlias", ""}}));
}

TEST(text, keeps_repeated_keys) {
    EXPECT_EQ(parse("A=1\0A=2\0"s).value(), (text_pairs{{"A", "1"}, {"A", "2"}}));
}

TEST(text, skips_padding_that_was_counted_as_text) {
    EXPECT_EQ(parse("A=1\0\0\0B=2\0\0"s).value(), (text_pairs{{"A", "1"}, {"B", "2"}}));
}

TEST(text, takes_extension_keys) {
    EXPECT_EQ(parse("X-com.example.@_+k=v\0"s).value().front().key, "X-com.example.@_+k");
    EXPECT_EQ(parse("X#NodeArchitecture=v\0"s).value().front().key, "X#NodeArchitecture");
}

TEST(text, refuses_entries_without_equals_sign) {
    EXPECT_EQ(error_of("HeaderDigest\0"s), to_error_code(text_errc::no_equals_sign));
}

TEST(text, refuses_bad_key_names) {
    for (const auto& bad : {"=v\0"s, "a b=v\0"s, "a/b=v\0"s, "a\nb=v\0"s, "k\xc3\xa9=v\0"s})
        EXPECT_EQ(error_of(bad), to_error_code(text_errc::bad_key_name)) << bad;
}

TEST(text, bounds_the_key) {
    EXPECT_TRUE(parse(std::string(63, 'k') + "=v\0"s));
    EXPECT_EQ(error_of(std::string(64, 'k') + "=v\0"s), to_error_code(text_errc::key_too_long));
}

TEST(text, bounds_the_value) {
    EXPECT_TRUE(parse("k=1234\0"s, 4));
    EXPECT_EQ(error_of("k=12345\0"s, 4), to_error_code(text_errc::value_too_long));
}

TEST(text, refuses_a_missing_last_nul) {
    EXPECT_EQ(error_of("A=1"s), to_error_code(text_errc::not_terminated));
    EXPECT_EQ(error_of("A=1\0B=2"s), to_error_code(text_errc::not_terminated));
}

TEST(text, is_read_on_behind_a_bad_entry) {
    const auto raw = "A=1\0\0no pair\0B=2\0C=3"s;
    text_reader entries(std::as_bytes(std::span(raw)));
    EXPECT_EQ(entries.next()->value().key, "A");
    EXPECT_EQ(entries.next()->error().code, to_error_code(text_errc::no_equals_sign));
    EXPECT_EQ(entries.raw(), "no pair");
    EXPECT_EQ(entries.next()->value().key, "B");
    EXPECT_EQ(entries.next()->error().code, to_error_code(text_errc::not_terminated));
    EXPECT_EQ(entries.raw(), "C=3");
    EXPECT_FALSE(entries.next());
}

TEST(text, faults_carry_no_control_characters) {
    const auto refused = parse("a\n\x1b[2Jb=v\0"s).error();
    EXPECT_EQ(refused.got, "a??[2Jb");
    EXPECT_EQ(refused.code.message(), "bad key name");
    EXPECT_STREQ(refused.code.category().name(), "iscsi.text");
}

TEST(text, every_error_has_its_own_words) {
    EXPECT_EQ(message_of(text_errc::no_equals_sign), "no equals sign");
    EXPECT_EQ(message_of(text_errc::key_too_long), "key name too long");
    EXPECT_EQ(message_of(text_errc::value_too_long), "value too long");
    EXPECT_EQ(message_of(text_errc::not_terminated), "not terminated");
}

TEST(text, formats_what_it_reads) {
    const text_pairs pairs{{"AuthMethod", "CHAP,None"}, {"TargetAlias", ""}};
    const std::string text = format_text(pairs);
    EXPECT_EQ(text, "AuthMethod=CHAP,None\0TargetAlias=\0"s);
    EXPECT_EQ(parse(text).value(), pairs);
    EXPECT_EQ(format_text({}), "");
}

TEST(text, finds_the_first_value) {
    const text_pairs pairs{{"A", "1"}, {"B", "2"}, {"A", "3"}};
    ASSERT_NE(find_value(pairs, "A"), nullptr);
    EXPECT_EQ(*find_value(pairs, "A"), "1");
    EXPECT_EQ(find_value(pairs, "a"), nullptr);
    EXPECT_EQ(find_value({}, "A"), nullptr);
}

} // namespace
} // namespace iscsi
