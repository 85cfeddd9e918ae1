#pragma once

#include <optional>
#include <string_view>

namespace iscsid::sys {

// What systemd says of the unit whose process this is.
struct own_unit {
    unsigned descriptors = 0;      // FileDescriptorStoreMax=
    bool is_started_again = false; // another process follows when this one ends now
};

// Asks systemd itself, not through a message bus, which need not run when the daemon does. Waits
// some seconds at most. Nothing: no systemd, no unit, no answer.
std::optional<own_unit> ask_own_unit();

// The same by the type of the job that is under way for the unit ("": none) and by its Restart=.
bool is_started_again(std::string_view job, std::string_view restart);

} // namespace iscsid::sys
