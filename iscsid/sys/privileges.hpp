#pragma once

#include <string>
#include <vector>

namespace iscsid::sys {

// Something that the system does not give this process, as containers do not.
struct missing_privilege {
    std::string words;          // what it is, and what follows
    bool is_told_later = false; // by whatever is refused for it, at the start of the daemon
};

// What is missing of all that the daemon can use. Changes nothing.
std::vector<missing_privilege> missing_privileges();

} // namespace iscsid::sys
