#pragma once

#include <string>
#include <vector>

namespace iscsid::sys {

// Keeps the process alive and its memory present while the kernel is short of it: memory reclaim
// may wait for a disk that only we can serve. PR_SET_IO_FLUSHER (inherited by threads that start
// later, so call this first), mlockall on fault, oom_score_adj -1000. What the system refuses, as
// containers do, is given back as one warning each.
std::vector<std::string> protect_process();

} // namespace iscsid::sys
