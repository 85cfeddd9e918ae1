#pragma once

#include "libiscsi/base/bytes.hpp"
#include "libiscsi/core/parameters.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace iscsi {

// What the initiator asks a logical unit to do. The buffer belongs to the caller and must stay in
// place until the task_done event of this command; it is written for reads, read for writes.
struct command {
    lun_field lun{};
    std::array<std::byte, 16> cdb{};
    mutable_bytes data_in; // room for a READ-type command, else empty
    bytes_view data_out;   // data of a WRITE-type command, else empty
    task_attribute attribute = task_attribute::simple;
    std::uint64_t cookie = 0; // handed back in task_done

    // It changes nothing and asks what the unit is: it passes hold() and the order of replays, and
    // a few slots are kept for such commands.
    bool goes_ahead = false;

    // It may not be done twice, and whether it was done cannot be seen: it goes out on the
    // connection that there is now. Without one, and when that one ends, it ends as lost;
    // task_done::may_have_run says whether the target had it.
    bool goes_once = false;

    // How long the unit may leave it without progress; 0: for ever. It runs from the moment when
    // the command has left, and begins anew while this command or an older one of its unit moves
    // data. It does not run behind a closed window, in the queues, or without a connection. When it
    // is over the session aborts the command (see session::abort), which then ends in
    // task_done{aborted, timed_out}. A command that newer ones of its unit overtake may take four
    // times as long.
    duration timeout{};
};

// Initiator task tag: slot index in the low 16 bits, generation in the high 16.
using task_id = std::uint32_t;

} // namespace iscsi
