#pragma once

namespace iscsid::sys {

// In the foreground and under systemd stderr, in the background syslog.
enum class log_place { standard_error, syslog };

// Sets up the log of the process. `debug` is -d: 0 says what an administrator must know, 1 and
// above also what a developer wants. On stderr each line gets a "<N>" priority when journald
// reads it. Secrets are never logged: no function here is given one.
void set_up_log(log_place where, int debug);

} // namespace iscsid::sys
