#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace iscsi::admin {

// "10.0.0.1:3260", "[fe80::1%eth0]:3260": an address and its port as programs write them.
inline std::string portal_text(std::string_view address, std::string_view port) {
    const bool is_ipv6 = address.find(':') != std::string_view::npos;
    std::string text = is_ipv6 ? "[" : "";
    return text.append(address).append(is_ipv6 ? "]:" : ":").append(port);
}

inline std::string portal_text(std::string_view address, std::uint16_t port) {
    return portal_text(address, std::string_view(std::to_string(port)));
}

} // namespace iscsi::admin
