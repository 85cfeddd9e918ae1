#pragma once

#include "libiscsi/isns/message.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

// What an initiator asks of an iSNS server. The transaction ID is the caller's to set. `name` is
// its iSCSI name, which is also the identifier of its entity: a machine may have targets, too, and
// those have an entity of their own.
namespace iscsi::isns {

// An address of 16 bytes (§6.3.1): IPv4 is mapped, ::ffff:a.b.c.d.
using address_bytes = std::array<std::byte, 16>;

// Where state change notifications are to go.
struct notified_portal {
    address_bytes address{};
    std::uint16_t port = 0;
    bool is_udp = true;
};

// All targets that the initiator may see, with their portals and the group tags of these.
message query_targets(std::string_view name);

// The portals of one of them, for servers that know no portal groups.
message query_portals(std::string_view name, std::string_view target);

// As an entity with one storage node, an initiator. With a portal the entity replaces what the
// server has of it; without one it is for a query alone.
message registration(std::string_view name, const notified_portal* at);

// "Tell me of targets that come, go and change, and of myself" (§6.4.4).
message change_registration(std::string_view name);

message deregistration(std::string_view name);

} // namespace iscsi::isns
