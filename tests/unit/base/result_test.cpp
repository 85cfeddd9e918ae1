#include "libiscsi/base/result.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace weather {

enum class sky_errc { rain = 1, hail };

const char* category_name(sky_errc /*any*/) {
    return "weather.sky";
}

std::string_view message_of(sky_errc value) {
    return value == sky_errc::rain ? "it rains" : "it hails";
}

} // namespace weather

namespace iscsi {
namespace {

using weather::sky_errc;

TEST(result, makes_a_code_of_an_enum) {
    const auto code = to_error_code(sky_errc::hail);
    EXPECT_TRUE(code);
    EXPECT_EQ(code.message(), "it hails");
    EXPECT_STREQ(code.category().name(), "weather.sky");
    EXPECT_EQ(code, to_error_code(sky_errc::hail));
    EXPECT_NE(code, to_error_code(sky_errc::rain));
}

TEST(result, fault_says_field_code_got_and_expected) {
    const fault full{to_error_code(sky_errc::rain), "forecast", "water", "sun"};
    EXPECT_EQ(full.text(), "forecast: it rains, got water, expected sun");
}

TEST(result, fault_leaves_out_what_is_empty) {
    EXPECT_EQ((fault{to_error_code(sky_errc::rain), "", "", ""}).text(), "it rains");
    EXPECT_EQ((fault{{}, "forecast", "", "sun"}).text(), "forecast, expected sun");
    EXPECT_EQ(fault{}.text(), "");
}

TEST(result, holds_a_value_or_a_fault) {
    const result<int> good = 7;
    const result<int> bad = fault{to_error_code(sky_errc::rain), "forecast", "", ""};
    EXPECT_EQ(good.value(), 7);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().field, "forecast");
}

TEST(result, value_of_a_fault_throws_its_text) {
    const result<int> bad = fault{to_error_code(sky_errc::rain), "forecast", "", ""};
    try {
        static_cast<void>(bad.value());
        FAIL() << "value() of a fault came back";
    } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "forecast: it rains");
    }
}

} // namespace
} // namespace iscsi
