#pragma once

#include "iscsid/disk/flush_relay.hpp"
#include "iscsid/lane/note.hpp"

#include "libiscsi/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace iscsid::disk {

// nullptr: the disk is of one session.
using relay_pointer = std::shared_ptr<flush_relay>;

// A device, and whose its queues are.
struct queue_owners {
    std::string node;        // its name, for messages
    std::uint64_t nonce = 0; // of the disk
    std::size_t queues = 0;
    std::vector<lane::session_key> sessions; // of the disk; the first ones have the queues
};

// For a new disk, which must be able to note what its next daemon has to know. Faults:
// attach_failed.
iscsi::result<relay_pointer> make_relay(const std::string& runtime_folder, const queue_owners& of);

// For a disk that an earlier daemon has left. It goes on also where nothing is noted, or can be:
// then each session holds up the others until its first proof, which `warn` hears once. Faults:
// attach_failed when a queue was another session's, whose writes could land late.
iscsi::result<relay_pointer> find_relay(
    const std::string& runtime_folder,
    const queue_owners& of,
    const std::function<void(const std::string& words)>& warn
);

} // namespace iscsid::disk
