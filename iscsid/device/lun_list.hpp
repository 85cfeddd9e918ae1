#pragma once

#include "iscsid/device/command_runner.hpp"

namespace iscsid::device {

// The LUNs that are to be looked at.
struct listed_luns {
    std::vector<iscsi::lun_field> luns; // without well-known ones
    std::string no_list;                // why the target gave none; then these are guesses
    bool is_silent = false;             // because it did not answer
};

// REPORT LUNS (SPC-4 §6.33), which LUN 0 answers also where it is no unit. A target without that
// command is of SCSI-2 at most and has eight LUNs; so 0 to 7 are guessed whenever there is no list.
// Fault: the session is lost. The runner is one of LUN 0.
boost::asio::awaitable<iscsi::result<listed_luns>>
list_luns(command_runner& runner, iscsi::duration limit);

} // namespace iscsid::device
