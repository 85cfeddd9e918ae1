#pragma once

#include "iscsid/device/survey.hpp"
#include "iscsid/session/disks.hpp"
#include "iscsid/session/results.hpp"

#include <set>
#include <vector>

namespace iscsid::session {

// What a session has, as far as its LUNs are concerned.
struct known_luns {
    const std::vector<attached_disk>& disks;
    const std::vector<device::disk_state>& left; // by an earlier daemon
    const std::set<std::uint64_t>& detached;
};

// One line for each LUN that a survey has found, and for each disk whose LUN it has not; by number.
// What a LUN did not tell now is what its disk was made of. Pure.
std::vector<lun_details> details_of(const device::survey_result& seen, const known_luns& known);

// The same without a survey, for a session that is not connected: the disks alone.
std::vector<lun_details> details_of(const known_luns& known);

} // namespace iscsid::session
