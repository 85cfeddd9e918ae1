#include "iscsid/metrics/request.hpp"

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>

#include <string>

namespace iscsid::metrics {

namespace {

constexpr std::string_view path = "/metrics";

response refusal(http::status status, std::string_view why) {
    constexpr unsigned version = 11;
    response answer(status, version);
    answer.set(http::field::content_type, "text/plain; charset=utf-8");
    answer.body().append(why).append("\n");
    answer.keep_alive(false);
    answer.prepare_payload();
    return answer;
}

// Whoever talks through a proxy names the whole address (RFC 9112 3.2.2).
std::string_view path_of(std::string_view target) {
    constexpr std::string_view scheme = "http://";
    if (!target.starts_with(scheme))
        return target;
    const auto slash = target.find('/', scheme.size());
    return slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
}

} // namespace

iscsi::metrics::form form_for(std::string_view accept) {
    const bool plain = accept.find("text/plain") != std::string_view::npos &&
                       accept.find("application/openmetrics-text") == std::string_view::npos;
    return plain ? iscsi::metrics::form::prometheus : iscsi::metrics::form::openmetrics;
}

std::optional<response> refusal_of(const request& what) {
    const auto target = path_of({what.target().data(), what.target().size()});
    if (target.substr(0, target.find('?')) != path)
        return refusal(http::status::not_found, "The metrics are at /metrics.");
    if (what.method() == http::verb::get || what.method() == http::verb::head)
        return std::nullopt;
    auto answer = refusal(http::status::method_not_allowed, "Use GET or HEAD.");
    answer.set(http::field::allow, "GET, HEAD");
    return answer;
}

std::optional<response> refusal_of(boost::system::error_code error) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
        return refusal(
            http::status::request_header_fields_too_large, "The request has too many headers."
        );
    if (error == http::error::body_limit || error == http::error::unexpected_body)
        return refusal(http::status::payload_too_large, "A request for metrics has no body.");
    // Beast's own category: it was read, and is no HTTP.
    if (error.category() == http::make_error_code(http::error::bad_method).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message)
        return refusal(http::status::bad_request, "Not a request of HTTP/1.1: " + error.message());
    return std::nullopt;
}

response busy(std::string_view why) {
    auto answer = refusal(http::status::service_unavailable, why);
    answer.set(http::field::retry_after, "1");
    return answer;
}

} // namespace iscsid::metrics
