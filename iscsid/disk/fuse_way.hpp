#pragma once

#include "iscsid/disk/fuse_answers.hpp"

#include <cstdint>
#include <string>

// By which way the requests of a FUSE disk come: io_uring, or reads of /dev/fuse.
namespace iscsid::disk {

// What is wanted (iscsid.disk.fuse_io_uring).
enum class ring_wish : std::uint8_t {
    no,
    automatic, // io_uring, unless the disk is to outlive the daemon
    yes,       // io_uring, and then the disk ends with the daemon
};

// What that depends on.
struct ring_facts {
    ring_wish wish = ring_wish::no;
    bool has_io_uring = true;     // the lanes have
    bool is_kept = false;         // somebody would keep the /dev/fuse of the disk
    std::string enable_uring;     // the parameter of the module fuse: "Y"; empty: there is none
    std::uint32_t processors = 1; // that the machine may have, for each is a queue
    bool was_refused = false;     // for an earlier disk, so that it would not have come up
};

// With what the kernel says of itself.
ring_facts look_for_ring(ring_wish wish, bool has_io_uring, bool is_kept);

// How many processors a list of the kernel names ("0-3,8"); 0: it is no such list.
std::uint32_t processors_in(const std::string& list);

struct ring_choice {
    bool by_ring = false;
    std::string words; // "requests come by io_uring"
};

// Why, in words, when it is not io_uring. Pure.
ring_choice choose_way(const ring_facts& facts);

// The shape with its queues: as many buffers as there are slots, but at least 16 in each queue, for
// the kernel spreads requests by the processor that asks, and one alone is to have many in flight.
fuse_shape with_queues(fuse_shape shape, std::uint32_t processors);

} // namespace iscsid::disk
