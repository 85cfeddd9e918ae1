#pragma once

#include "iscsid/sys/log_fields.hpp"

namespace iscsid::sys {

// In the foreground and under systemd stderr, in the background syslog.
enum class log_place { standard_error, syslog };

// Sets up the log of the process. `debug` is -d: 0 says what an administrator must know, 1 and
// above also what a developer wants. When stderr is a stream to the journal, lines go there with
// `fields`; when somebody has put something between, each line gets a "<N>" priority. Secrets are
// never logged: no function here is given one.
void set_up_log(log_place where, int debug, const field_reader& fields = {});

} // namespace iscsid::sys
