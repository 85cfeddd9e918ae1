#pragma once

#include "iscsid/session/results.hpp"

#include "libiscsi/core/session/event.hpp"
#include "libiscsi/net/resolver.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace iscsid::session {

// Where a discovery was made: some of what a target answers means nothing without it.
struct discovery_place {
    std::string host; // as it was asked for
    std::uint16_t port = iscsi::iscsi_port;
    std::string zone; // of link-local addresses; empty: not known
};

// The zone id of a connection: that of its peer, or the network device that it is bound to.
std::string zone_of(const iscsi::net::endpoint& peer, const std::string& device);

// One for each target and portal, in the order of the answer. No address, or one that stands for
// all addresses of a machine (0.0.0.0, ::), is the host that was asked; a link-local address
// without a zone gets the zone of the place.
std::vector<discovered_portal>
portals_of(const iscsi::targets_found& answer, const discovery_place& place);

// A line for each entry that was left out, with the reason. Of a great many the first are named,
// the others counted.
std::vector<std::string>
lines_of_refused(const iscsi::targets_found& answer, const discovery_place& place);

// Why no target is known, when what should have named them is no text: an answer without any target
// is another thing. Takes it out of what was refused.
std::optional<iscsi::fault> take_unreadable(iscsi::targets_found& answer);

// The targets of the entries that were left out, as far as they are known: a bad address has one.
// A name that is none, or what is no text, says nothing of whom it means; then there is an empty
// one among them.
std::set<std::string> targets_of_refused(const iscsi::targets_found& answer);

} // namespace iscsid::session
