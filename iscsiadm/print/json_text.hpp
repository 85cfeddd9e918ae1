#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <string_view>

namespace iscsi::cli {

// Whether it is UTF-8 as RFC 3629 has it: nothing overlong, no surrogate.
bool is_utf8(std::string_view text);

// Puts U+FFFD in the place of each byte of `document` that is no UTF-8, in texts and in names of
// members. What it has changed it names: "pointer" (RFC 6901), "part" ("value" or "name") and
// "bytes", the text as it was, in hexadecimal digits. Empty when nothing was changed.
boost::json::array make_utf8(boost::json::object& document);

} // namespace iscsi::cli
