#pragma once

#include "iscsid/sys/log_fields.hpp"

// Lines that programs look for: their MESSAGE_ID in the journal. The numbers never change;
// iscsid(8) tells them.
namespace iscsid::session::events {

inline constexpr auto session_up = sys::event("bf4eb769701c4c2b96912c0ba004636e");
inline constexpr auto login_failed = sys::event("ab66f1d37f4c4b0e8df7a5e605ac8908");
inline constexpr auto connection_lost = sys::event("2d99f4b4e50440f788f3240959376054");
inline constexpr auto session_back = sys::event("8cdf90b4776341d2b02179803f2fe0fe");
inline constexpr auto replacement_timeout = sys::event("c53d4f5fe0f24b05ad18f0fec1b0407c");
inline constexpr auto session_over = sys::event("16b47cf1690b443bb793d9e2e2fec95e");
inline constexpr auto logged_out = sys::event("326434405cbd47669412594d743acd26");
inline constexpr auto name_is_shared = sys::event("66b4792a01754c4eba34e9ed3522f4f0");
inline constexpr auto io_error = sys::event("95d31034234b4b0389b9ca0ac3b0fe75");
inline constexpr auto io_aborted = sys::event("0e07c0a3dfe54bf0a139c1a18eb26e81");
inline constexpr auto write_lost = sys::event("3c7eb3f3e50645f0aae672cc2b7ceb7a");
inline constexpr auto unit_given_up = sys::event("8474daf0ca7e4a4ca5739e6d1349bb1a");
inline constexpr auto unit_is_other = sys::event("84b9c49e827d4aa4acbb3400e646b049");
inline constexpr auto unit_is_back = sys::event("6fde9ec8bf1d4c2b9192cb592d75e8e3");

} // namespace iscsid::session::events
