#pragma once

#include "libiscsi/metrics/exposition.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <optional>
#include <string_view>

// What a request is answered with, without a socket.
namespace iscsid::metrics {

namespace http = boost::beast::http;

using request = http::request<http::empty_body>;
using response = http::response<http::string_body>;

// OpenMetrics, unless the client names text/plain and not OpenMetrics.
iscsi::metrics::form form_for(std::string_view accept);

// Why it is not the metrics: 404, 405 or 400. Nothing: they are asked for, by GET or HEAD.
std::optional<response> refusal_of(const request& what);

// What the text of a client could not be read for: 400, 413 or 431; the connection ends with it.
// Nothing: there is nobody to answer.
std::optional<response> refusal_of(boost::system::error_code error);

// 503, for the time being.
response busy(std::string_view why);

} // namespace iscsid::metrics
