#pragma once

#include "iscsid/lane/lane.hpp"

#include "libiscsi/base/result.hpp"
#include "libiscsi/core/session/session.hpp"
#include "libiscsi/scsi/logical_unit.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace iscsid::device {

// Runs one SCSI command of the session that is scanned and gives back how it ended. A fault means
// that the session is lost. `data_in.size()` is the room for what the command returns.
using execute_function = std::function<
    boost::asio::awaitable<iscsi::result<lane::scsi_outcome>>(const iscsi::command& what)>;

struct found_lun {
    iscsi::lun_field lun{};
    std::uint64_t number = 0; // as Linux and by-path links count
    scsi::logical_unit properties;
};

struct skipped_lun {
    std::uint64_t number = 0;
    std::string why; // "storage array controller"
};

struct scan_result {
    std::vector<found_lun> disks;
    std::vector<skipped_lun> skipped;
    std::string no_list; // why there is no list of LUNs and only LUN 0 was looked at, "" mostly
};

// How long a logical unit that is busy or becoming ready is waited for, per command: pauses that
// start with `first_pause` and double up to `longest_pause`.
struct patience {
    std::chrono::milliseconds first_pause{100};
    std::chrono::milliseconds longest_pause{1000};
    unsigned pauses = 20;
};

// Looks at every LUN of the target that a session is logged in to. What is not a usable disk is
// skipped with the reason; one bad LUN never spoils the rest. Fault: the session is lost.
boost::asio::awaitable<iscsi::result<scan_result>>
scan(execute_function execute, patience waiting = {});

} // namespace iscsid::device
