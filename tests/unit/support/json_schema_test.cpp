#include "tests/support/json_schema.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iscsi {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<std::string> complaints(const char* schema, const char* value) {
    return json_schema(boost::json::parse(schema)).complaints_of(boost::json::parse(value));
}

TEST(json_schema, takes_what_is_valid) {
    EXPECT_THAT(complaints(R"({"type": "integer", "minimum": 0, "maximum": 3})", "3"), IsEmpty());
    EXPECT_THAT(complaints(R"({"type": ["string", "null"]})", "null"), IsEmpty());
    EXPECT_THAT(complaints(R"({"enum": ["a", 1]})", "1"), IsEmpty());
    EXPECT_THAT(complaints(R"({"oneOf": [{"const": 1}, {"const": 2}]})", "2"), IsEmpty());
    EXPECT_THAT(
        complaints(
            R"({"type": "object", "additionalProperties": {"type": "boolean"}})", R"({"x": true})"
        ),
        IsEmpty()
    );
}

TEST(json_schema, names_what_is_not) {
    EXPECT_THAT(complaints(R"({"type": "integer"})", R"("1")"), SizeIs(1));
    EXPECT_THAT(complaints(R"({"type": "integer"})", "1.5"), SizeIs(1));
    EXPECT_THAT(complaints(R"({"minimum": 0})", "-1"), SizeIs(1));
    EXPECT_THAT(complaints(R"({"maximum": 3})", "4"), SizeIs(1));
    EXPECT_THAT(complaints(R"({"maximum": 3})", "18446744073709551615"), SizeIs(1));
    EXPECT_THAT(complaints(R"({"const": 1})", "2"), SizeIs(1));
    EXPECT_THAT(complaints(R"({"enum": ["a"]})", R"("b")"), SizeIs(1));
    EXPECT_THAT(complaints(R"({"required": ["x"]})", "{}"), ElementsAre("/: no member \"x\""));
    EXPECT_THAT(
        complaints(
            R"({"properties": {"x": {}}, "additionalProperties": false})", R"({"x": 1, "y": 2})"
        ),
        ElementsAre("/y: unknown member")
    );
    EXPECT_THAT(
        complaints(R"({"items": {"type": "null"}})", "[null, 1]"),
        ElementsAre("/1: 1 is not of type \"null\"")
    );
}

TEST(json_schema, follows_references) {
    const char* schema =
        R"({"items": {"$ref": "#/$defs/word"}, "$defs": {"word": {"type": "string"}}})";
    EXPECT_THAT(complaints(schema, R"(["a"])"), IsEmpty());
    EXPECT_THAT(complaints(schema, "[1]"), SizeIs(1));
    EXPECT_THAT(complaints(R"({"$ref": "#/$defs/none"})", "1"), SizeIs(1));
}

TEST(json_schema, refuses_what_fits_none_or_two) {
    const char* schema = R"({"oneOf": [{"type": "integer"}, {"minimum": 5}]})";
    EXPECT_THAT(complaints(schema, "4"), IsEmpty());
    EXPECT_THAT(complaints(schema, "6"), SizeIs(1));
    EXPECT_THAT(complaints(R"({"oneOf": [{"const": 1}]})", "2"), SizeIs(2));
}

TEST(json_schema, does_not_pass_over_a_keyword_that_it_does_not_know) {
    EXPECT_THAT(complaints(R"({"pattern": "a"})", R"("a")"), SizeIs(1));
}

} // namespace
} // namespace iscsi
