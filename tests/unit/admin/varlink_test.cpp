#include "libiscsi/admin/messages.hpp"
#include "libiscsi/admin/varlink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iscsi::admin {
namespace {

using testing::HasSubstr;

std::string_view without_end(const std::string& message) {
    EXPECT_EQ(message.back(), '\0');
    return std::string_view(message).substr(0, message.size() - 1);
}

message_errc why_not(std::string_view text) {
    const auto parsed = parse_call(text);
    EXPECT_FALSE(parsed) << text;
    return parsed ? message_errc{} : static_cast<message_errc>(parsed.error().code.value());
}

TEST(varlink_call, is_read_as_it_was_written) {
    const varlink_call call{"org.example.Do", {{"a", 1}}, true, false};
    const auto read = parse_call(without_end(format(call)));
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->method, call.method);
    EXPECT_EQ(read->parameters, call.parameters);
    EXPECT_TRUE(read->more);
    EXPECT_FALSE(read->oneway);
}

TEST(varlink_call, needs_no_parameters) {
    const auto read = parse_call(R"({"method":"org.example.Do"})");
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->parameters.empty());
    EXPECT_TRUE(parse_call(R"({"method":"org.example.Do","parameters":null})"));
}

TEST(varlink_call, leaves_out_what_is_false) {
    EXPECT_EQ(
        without_end(format(varlink_call{"a.B", {}, false, false})),
        R"({"method":"a.B","parameters":{}})"
    );
}

TEST(varlink_reply, is_read_as_it_was_written) {
    for (const auto& reply :
         {varlink_reply{{{"a", 1}}, true, ""}, varlink_reply{{}, false, "org.example.Broken"}}) {
        const auto read = parse_reply(without_end(format(reply)));
        ASSERT_TRUE(read) << read.error().text();
        EXPECT_EQ(read->parameters, reply.parameters);
        EXPECT_EQ(read->continues, reply.continues);
        EXPECT_EQ(read->error, reply.error);
    }
}

TEST(varlink_call, refuses_what_is_no_json) {
    for (const auto* const text :
         {"",
          " ",
          "{",
          "{}x",
          "{\"method\":\"a\"} {}",
          "{'method':'a'}",
          "{\"method\":\"\xff\"}",
          "{\"method\":\"a\",}",
          "// c\n{\"method\":\"a\"}",
          "nul",
          "{\"method\":\"a\nb\"}"})
        EXPECT_EQ(why_not(text), message_errc::malformed) << text;
    EXPECT_EQ(why_not(std::string_view("{\"method\":\"a\"}\0", 15)), message_errc::malformed);
}

TEST(varlink_call, refuses_other_shapes) {
    EXPECT_EQ(why_not("[]"), message_errc::wrong_type);
    EXPECT_EQ(why_not("null"), message_errc::wrong_type);
    EXPECT_EQ(why_not("{}"), message_errc::missing_member);
    EXPECT_EQ(why_not(R"({"method":1})"), message_errc::wrong_type);
    EXPECT_EQ(why_not(R"({"method":"a","parameters":[]})"), message_errc::wrong_type);
    EXPECT_EQ(why_not(R"({"method":"a","more":"yes"})"), message_errc::wrong_type);
    EXPECT_EQ(why_not(R"({"method":"a","upgrade":true})"), message_errc::unknown_member);
}

TEST(varlink_call, refuses_members_given_twice) {
    EXPECT_EQ(why_not(R"({"method":"a","method":"b"})"), message_errc::duplicate_member);
    EXPECT_EQ(
        why_not(R"({"method":"a","parameters":{"x":{"y":1,"\u0079":2}}})"),
        message_errc::duplicate_member
    );
    EXPECT_TRUE(parse_call(R"({"method":"a","parameters":{"x":{"y":1},"y":[{"y":1},{"y":2}]}})"));
}

std::string nested(std::size_t depth) {
    return R"({"method":"a","parameters":{"x":)" + std::string(depth, '[') +
           std::string(depth, ']') + "}}";
}

TEST(varlink_call, refuses_depth) {
    constexpr std::size_t around = 2; // the message and its parameters
    EXPECT_TRUE(parse_call(nested(deepest_message - around)));
    EXPECT_EQ(why_not(nested(deepest_message - around + 1)), message_errc::too_deep);
    EXPECT_EQ(why_not(nested(1'000'000)), message_errc::too_deep);
}

TEST(varlink_call, refuses_every_beginning_of_a_call) {
    const auto whole =
        format(varlink_call{"a.B", {{"x", boost::json::array{1, "y", nullptr}}}, true});
    for (std::size_t length = 0; length + 1 < whole.size(); ++length)
        EXPECT_FALSE(parse_call(std::string_view(whole).substr(0, length))) << length;
}

TEST(varlink_splitter, gives_the_same_messages_however_they_arrive) {
    const std::string stream("one\0\0three\0fo", 13);
    for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
        varlink_splitter splitter;
        for (std::size_t at = 0; at < stream.size(); at += piece)
            ASSERT_TRUE(splitter.feed(std::string_view(stream).substr(at, piece)));
        EXPECT_EQ(splitter.next(), "one");
        EXPECT_EQ(splitter.next(), "");
        EXPECT_EQ(splitter.next(), "three");
        EXPECT_EQ(splitter.next(), std::nullopt);
        EXPECT_TRUE(splitter.holds_part());
    }
}

TEST(varlink_splitter, holds_no_part_after_whole_messages) {
    varlink_splitter splitter;
    EXPECT_FALSE(splitter.holds_part());
    ASSERT_TRUE(splitter.feed(std::string_view("one\0", 4)));
    EXPECT_FALSE(splitter.holds_part());
}

TEST(varlink_splitter, takes_no_message_without_end) {
    varlink_splitter splitter;
    EXPECT_TRUE(splitter.feed(std::string(longest_message, 'x')));
    const auto refused = splitter.feed("x");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, to_error_code(message_errc::too_long));
}

TEST(varlink_splitter, takes_many_messages_at_once) {
    varlink_splitter splitter;
    auto message = std::string(longest_message / 2, 'x');
    message.push_back('\0');
    EXPECT_TRUE(splitter.feed(message + message + message));
}

} // namespace
} // namespace iscsi::admin
