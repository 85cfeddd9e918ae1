#pragma once

#include "iscsid/daemon.hpp"

namespace iscsid {

// `iscsid --check`: looks at iscsid.conf, the name of the initiator and every record, needs no
// daemon and changes nothing. Prints a line for each finding, notes of what the system does not
// give root here, and one that sums them up; gives the exit code of the process: 0 without a
// finding, 1 with warnings alone, 6 with errors.
int check_configuration(const daemon_options& options);

} // namespace iscsid
