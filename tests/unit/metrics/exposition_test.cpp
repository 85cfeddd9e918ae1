#include "libiscsi/metrics/exposition.hpp"

#include <gtest/gtest.h>

namespace iscsi::metrics {
namespace {

constexpr family bytes{"x_bytes", family_type::counter, "bytes", "Bytes of x."};

TEST(exposition, names_a_counter_and_its_unit) {
    exposition to(form::openmetrics);
    to.begin(bytes);
    to.sample({{"a", "1"}, {"b", "two"}}, 18446744073709551615U);
    to.sample({}, 0);
    EXPECT_EQ(
        to.finish(),
        "# TYPE x_bytes counter\n# UNIT x_bytes bytes\n# HELP x_bytes Bytes of x.\n"
        "x_bytes_total{a=\"1\",b=\"two\"} 18446744073709551615\nx_bytes_total 0\n# EOF\n"
    );
}

TEST(exposition, is_old_text_where_that_is_wanted) {
    exposition to(form::prometheus);
    to.begin(bytes);
    to.sample({}, 7);
    to.begin({"y", family_type::info, "", "Y."});
    to.sample({{"v", "1"}}, 1);
    to.begin({"z", family_type::stateset, "", "Z."});
    EXPECT_EQ(
        to.finish(),
        "# TYPE x_bytes_total counter\n# HELP x_bytes_total Bytes of x.\nx_bytes_total 7\n"
        "# TYPE y_info gauge\n# HELP y_info Y.\ny_info{v=\"1\"} 1\n"
        "# TYPE z gauge\n# HELP z Z.\n"
    );
}

TEST(exposition, adds_the_buckets_of_a_histogram_up) {
    exposition to(form::openmetrics);
    to.begin({"h_seconds", family_type::histogram, "seconds", "H."});
    to.histogram({{"a", "b"}}, {0.000016, 0.5}, {3, 0, 4}, 2.25);
    EXPECT_EQ(
        to.finish(),
        "# TYPE h_seconds histogram\n# UNIT h_seconds seconds\n# HELP h_seconds H.\n"
        "h_seconds_bucket{a=\"b\",le=\"1.6e-05\"} 3\nh_seconds_bucket{a=\"b\",le=\"0.5\"} 3\n"
        "h_seconds_bucket{a=\"b\",le=\"+Inf\"} 7\nh_seconds_count{a=\"b\"} 7\n"
        "h_seconds_sum{a=\"b\"} 2.25\n# EOF\n"
    );
}

TEST(labels, are_escaped) {
    EXPECT_EQ(labels({{"n", "a\"b\\c\nd"}}).text(), R"(n="a\"b\\c\nd")");
    EXPECT_EQ(labels({{"n", "} 1\n# EOF"}}).with("m", "").text(), "n=\"} 1\\n# EOF\",m=\"\"");
}

struct text_case {
    std::string_view given, told;
};

class label_text : public testing::TestWithParam<text_case> {};

TEST_P(label_text, is_utf8) {
    EXPECT_EQ(
        labels({{"n", GetParam().given}}).text(), "n=\"" + std::string(GetParam().told) + "\""
    );
}

INSTANTIATE_TEST_SUITE_P(
    all,
    label_text,
    testing::Values(
        text_case{"plain \x7f", "plain \x7f"},
        text_case{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        text_case{"\xff", "\xef\xbf\xbd"},
        text_case{"a\xc3", "a\xef\xbf\xbd"},                               // cut
        text_case{"\xc3\x28", "\xef\xbf\xbd\x28"},                         // not continued
        text_case{"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                 // overlong
        text_case{"\xe0\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, // the same
        text_case{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, // a surrogate
        text_case{"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        text_case{"\xe2\x82\"", "\xef\xbf\xbd\xef\xbf\xbd\\\""}
    )
);

} // namespace
} // namespace iscsi::metrics
