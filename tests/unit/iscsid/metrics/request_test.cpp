#include "iscsid/metrics/request.hpp"

#include <gtest/gtest.h>

namespace iscsid::metrics {
namespace {

using iscsi::metrics::form;

TEST(form_for, is_the_old_one_only_where_it_is_asked_for) {
    EXPECT_EQ(form_for(""), form::openmetrics);
    EXPECT_EQ(form_for("*/*"), form::openmetrics);
    EXPECT_EQ(form_for("text/plain;version=0.0.4"), form::prometheus);
    EXPECT_EQ(
        form_for("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"),
        form::openmetrics
    );
}

http::status refused(http::verb method, const char* target) {
    const auto answer = refusal_of(request(method, target, 11));
    return answer ? answer->result() : http::status::ok;
}

TEST(refusal_of, lets_get_and_head_of_metrics_pass) {
    EXPECT_EQ(refused(http::verb::get, "/metrics"), http::status::ok);
    EXPECT_EQ(refused(http::verb::head, "/metrics"), http::status::ok);
    EXPECT_EQ(refused(http::verb::get, "/metrics?name[]=x"), http::status::ok);
    EXPECT_EQ(refused(http::verb::get, "/"), http::status::not_found);
    EXPECT_EQ(refused(http::verb::get, "/metricsx"), http::status::not_found);
    EXPECT_EQ(refused(http::verb::delete_, "/metrics"), http::status::method_not_allowed);
}

TEST(refusal_of, answers_what_was_read_and_nobody_who_is_gone) {
    const auto answer_to = [](boost::system::error_code error) { return refusal_of(error); };
    EXPECT_EQ(answer_to(http::error::bad_version)->result(), http::status::bad_request);
    EXPECT_EQ(answer_to(http::error::unexpected_body)->result(), http::status::payload_too_large);
    EXPECT_EQ(
        answer_to(http::error::header_limit)->result(),
        http::status::request_header_fields_too_large
    );
    EXPECT_FALSE(answer_to(http::error::end_of_stream));
    EXPECT_FALSE(answer_to(http::error::partial_message));
    EXPECT_FALSE(answer_to(boost::system::errc::make_error_code(boost::system::errc::broken_pipe)));
}

} // namespace
} // namespace iscsid::metrics
