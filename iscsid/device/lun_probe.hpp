#pragma once

#include "iscsid/device/command_runner.hpp"

namespace iscsid::device {

enum class unit_kind : std::uint8_t {
    disk,      // usable; while a look goes on: nothing speaks against it
    no_disk,   // by its type: a controller, a tape, nothing at all
    unusable,  // a disk that we cannot use, or an answer that makes no sense
    no_answer, // it cannot say now
};

// What a look, or a step of it, has come to.
struct finding {
    unit_kind is = unit_kind::disk;
    std::string why; // in words, unless it is a disk
};

struct probed_lun {
    finding what;
    bool is_there = false; // it has answered INQUIRY as a unit that is connected
    std::string kind;      // its device type in the words of SPC-4, once it has
    scsi::logical_unit properties;
    iscsi::instant looked_at{}; // the properties are not older than this
};

// Looks at one unit: INQUIRY → TEST UNIT READY → VPD pages → READ CAPACITY → MODE SENSE. A unit
// attention after it was ready (its capacity has changed, say) starts the look again, so that no
// property is older than the last one. Fills `probed` as it goes, for a look may be cut off. Fault:
// the session is lost. Runner and `probed` must outlive the coroutine.
boost::asio::awaitable<iscsi::result<void>> probe_lun(command_runner& runner, probed_lun& probed);

// The same for one LUN, whatever the list of the target says, and within limits.per_unit: no_answer
// when that was too short. `clock` must outlive the coroutine.
boost::asio::awaitable<iscsi::result<probed_lun>> probe_one(
    execute_function execute,
    iscsi::lun_field lun,
    scan_limits limits = {},
    const scan_clock& clock = system_clock()
);

} // namespace iscsid::device
