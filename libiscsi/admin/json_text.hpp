#pragma once

#include "libiscsi/base/result.hpp"

#include <boost/json/object.hpp>

#include <string_view>

namespace iscsi::admin {

// Reads one JSON object and nothing behind it, strictly: UTF-8, depth at most deepest_message, no
// member twice in one object. Faults: message_errc.
result<boost::json::object> parse_object(std::string_view text);

} // namespace iscsi::admin
