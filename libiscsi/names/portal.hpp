#pragma once

#include "libiscsi/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace iscsi {

// What a TargetAddress without a port means (RFC 7143 §13.8).
inline constexpr std::uint16_t iscsi_port = 3260;

// A TargetAddress: "host[:port][,tpgt]", with IPv6 in brackets (RFC 7143 §13.8) or, as some targets
// write it, without. The host is kept
// without brackets, with its zone id if it has one ("fe80::1%eth0").
struct portal {
    std::string host;
    std::uint16_t port = iscsi_port;
    std::optional<std::uint16_t> group_tag; // not set: the text had none
    friend bool operator==(const portal&, const portal&) = default;
};

// Reads one address, from a SendTargets answer, a redirection or a user. The host is looked at
// letter by letter and not resolved: it may become part of a path.
// Faults: name_errc::bad_portal, ::bad_port, ::bad_group_tag.
result<portal> parse_target_address(std::string_view text);

} // namespace iscsi
