#include "iscsiadm/print/json_text.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <string>

namespace iscsi::cli {
namespace {

namespace json = boost::json;

TEST(json_text, knows_utf8) {
    for (const char* good :
         {"",
          "a\x7f",
          "\xc2\x80",
          "\xdf\xbf",
          "\xe0\xa0\x80",
          "\xed\x9f\xbf",
          "\xee\x80\x80",
          "\xef\xbf\xbf",
          "\xf0\x90\x80\x80",
          "\xf4\x8f\xbf\xbf"})
        EXPECT_TRUE(is_utf8(good)) << good;
    EXPECT_TRUE(is_utf8(std::string(1, '\0')));
}

TEST(json_text, knows_what_is_none) {
    // Lone, overlong, surrogates, beyond U+10FFFF, cut.
    for (const char* bad :
         {"\x80",
          "\xbf",
          "\xc0\x80",
          "\xc1\xbf",
          "\xe0\x9f\xbf",
          "\xed\xa0\x80",
          "\xf0\x8f\xbf\xbf",
          "\xf4\x90\x80\x80",
          "\xf5\x80\x80\x80",
          "\xff",
          "\xc2",
          "\xe2\x82",
          "\xf0\x9f\x98",
          "\xc2g",
          "\xe2\x82g",
          "\xe9t"})
        EXPECT_FALSE(is_utf8(bad)) << bad;
}

// Every byte and every pair: what comes out is what a strict reader takes.
TEST(json_text, makes_of_any_bytes_what_a_strict_reader_takes) {
    for (int first = 0; first < 256; ++first)
        for (int second = 0; second < 256; ++second) {
            const std::string text{static_cast<char>(first), static_cast<char>(second)};
            json::object document{{"x", text}};
            const auto changed = make_utf8(document);
            const auto read = json::parse(json::serialize(document)).as_object();
            EXPECT_EQ(changed.empty(), is_utf8(text));
            EXPECT_EQ(read.at("x").as_string() == text, is_utf8(text));
        }
}

TEST(json_text, names_what_it_has_changed) {
    json::object document{
        {"a/b", json::array{"well", "caf\xe9"}}, {"~\xff", 1}, {"fine", "\xc3\xa9"}};
    const auto changed = make_utf8(document);
    EXPECT_EQ(
        json::serialize(document),
        "{\"a/b\":[\"well\",\"caf\xef\xbf\xbd\"],\"~\xef\xbf\xbd\":1,\"fine\":\"\xc3\xa9\"}"
    );
    EXPECT_EQ(
        json::serialize(changed),
        "[{\"pointer\":\"/a~1b/1\",\"part\":\"value\",\"bytes\":\"636166e9\"},"
        "{\"pointer\":\"/~0\xef\xbf\xbd\",\"part\":\"name\",\"bytes\":\"7eff\"}]"
    );
}

TEST(json_text, loses_no_member_whose_name_becomes_that_of_another) {
    json::object document{{"\xfe", 1}, {"\xff", 2}};
    EXPECT_EQ(make_utf8(document).size(), 2U);
    EXPECT_EQ(document.size(), 2U);
}

} // namespace
} // namespace iscsi::cli
