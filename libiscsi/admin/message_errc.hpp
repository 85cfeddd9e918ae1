#pragma once

#include "libiscsi/base/result.hpp"

#include <string_view>

namespace iscsi::admin {

// Limits of one message, in either direction. What goes beyond them is refused before it is parsed:
// a peer can make neither side hold or recurse without end.
// The longest real message is a ListSessions reply: about 1 KiB for each session and 60 bytes for
// each LUN.
inline constexpr std::size_t longest_message = 4U << 20U; // bytes, without its NUL
inline constexpr std::size_t deepest_message = 16;        // objects and arrays inside each other
inline constexpr std::size_t longest_string = 4096;       // bytes of one string
inline constexpr std::size_t longest_array = 65536;       // elements of one array

// Why a message was refused. The fault names the member, with the path to it ("nodes[3].port").
enum class message_errc {
    missing_member = 1,
    wrong_type,
    out_of_range,
    unknown_member, // a newer peer, or a typing error: neither may be ignored silently
    malformed,      // not one JSON object in UTF-8
    too_long,
    too_deep,
    duplicate_member // which of the two is meant, nobody knows
};

const char* category_name(message_errc);
std::string_view message_of(message_errc);

} // namespace iscsi::admin
