#pragma once

#include "iscsid/device/scan_limits.hpp"
#include "iscsid/lane/lane.hpp"

#include "libiscsi/base/result.hpp"
#include "libiscsi/core/session/session.hpp"
#include "libiscsi/scsi/logical_unit.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace iscsid::device {

// Runs one SCSI command of the session that is scanned and gives back how it ended. A fault means
// that the session is lost. `data_in.size()` is the room for what the command returns. Is called
// for several units at the same time, never twice for one. Must end soon when it is cancelled; what
// the target answers later is thrown away.
using execute_function = std::function<
    boost::asio::awaitable<iscsi::result<lane::scsi_outcome>>(const iscsi::command& what)>;

// A usable disk.
struct found_lun {
    iscsi::lun_field lun{};
    std::uint64_t number = 0; // as Linux and by-path links count
    scsi::logical_unit properties;
    iscsi::instant looked_at{}; // the properties are not older than this
};

// What is there and is no usable disk.
struct skipped_lun {
    std::uint64_t number = 0;
    std::string why;              // "storage array controller"
    bool deserves_warning = true; // false: no disk by its type, as many targets have one
};

// What did not say in time what it is, or said that it cannot for the moment (NOT READY, BUSY, one
// unit attention after the other): it may be a disk.
struct unanswered_lun {
    std::uint64_t number = 0;
    std::string why; // "TEST UNIT READY: CHECK CONDITION, NOT READY 04/0B"
};

// Each in the order of the target's list. A LUN is in one of the three, or not there.
struct scan_result {
    std::vector<found_lun> disks;
    std::vector<skipped_lun> skipped;

    // Why there is no list of LUNs, so that only the first few were looked at; "" mostly. What is
    // not found then may still be there.
    std::string no_list;

    // To be looked at again, by whoever scans: they will not call when they are ready.
    std::vector<unanswered_lun> unanswered{};

    // Not one LUN has answered, and there is no list: the connection is there, and nobody at its
    // end.
    bool is_silent = false;
};

// One line for each LUN that a user would miss: those that deserve a warning and those without an
// answer. "LUN 3 is not usable: INQUIRY: no answer within 10 s".
std::vector<std::string> warnings_of(const scan_result& seen);

// Looks at every LUN of the target that a session is logged in to, several at a time. One bad LUN
// never spoils or delays the rest beyond the limits. Fault: the session is lost. On the executor of
// the caller, which must not run on several threads; `clock` must outlive the coroutine.
boost::asio::awaitable<iscsi::result<scan_result>>
scan(execute_function execute, scan_limits limits = {}, const scan_clock& clock = system_clock());

} // namespace iscsid::device
