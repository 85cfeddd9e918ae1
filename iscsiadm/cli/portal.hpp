#pragma once

#include "iscsiadm/cli/modes.hpp"
#include "iscsiadm/cli/refusal.hpp"

#include <string_view>

namespace iscsi::cli {

// The text of -p.
// "10.0.0.1", "10.0.0.1:3260,1", "[fe80::1%eth0]:3260", "fe80::1", "san.example.com:860". The port
// defaults to 3260 (RFC 7143 §13.8). Faults: a refusal that shows the text and says what is wrong
// with it.
parsed<portal> parse_portal(std::string_view text);

// Can this be an IP address or a host name? It becomes part of a path in the database.
// At most 255 bytes, none of them a slash, bracket, comma, blank or control character, and neither
// "." nor "..". It does not promise that the name resolves.
bool is_address(std::string_view text);

} // namespace iscsi::cli
