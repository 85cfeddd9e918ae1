#pragma once

#include "libiscsi/base/result.hpp"
#include "libiscsi/base/text.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace iscsi {

inline constexpr std::uint16_t iscsi_port = 3260;

// A TargetAddress: "host[:port][,tpgt]", with IPv6 in brackets (RFC 7143 §13.8). The host is kept
// without brackets, with its zone id if it has one ("fe80::1%eth0").
struct portal {
    std::string host;
    std::uint16_t port = iscsi_port;
    std::optional<std::uint16_t> group_tag;
    friend bool operator==(const portal&, const portal&) = default;
};

struct discovered_target {
    std::string name;
    std::vector<portal> portals; // empty: the portal of the discovery session itself
    friend bool operator==(const discovered_target&, const discovered_target&) = default;
};

struct discovery_answer {
    std::vector<discovered_target> targets;
    std::vector<fault> refused; // bad names and addresses; they spoil nothing but themselves
};

enum class name_errc {
    empty_name = 1,
    name_too_long,     // > 223 bytes, RFC 7143 §4.2.7.1
    bad_character,     // '/', control characters, blanks: nothing that may reach a path
    unknown_name_type, // not iqn., eui. or naa.
    bad_portal,
    bad_port,
    bad_group_tag,
    address_without_target,
};

const char* category_name(name_errc);
std::string_view message_of(name_errc);

// Faults: name_errc. Names from the network, the command line and files all pass through here.
result<void> check_iscsi_name(std::string_view name);
result<portal> parse_target_address(std::string_view text);

// Reads the answer to SendTargets (Appendix C).
discovery_answer read_send_targets(const text_pairs& pairs);

} // namespace iscsi
