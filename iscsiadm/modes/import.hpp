#pragma once

#include "iscsiadm/modes/context.hpp"

namespace iscsi::cli {

// `-m node -o import`: copies the records that Debian's open-iscsi keeps in the configuration
// folder to the database, where those that are there stay as they are. Then the old folders get the
// suffix
// ".imported", and links to the new ones take their place: who looks there finds the records.
// Exit codes: 21 without such records; 6 when one cannot be read or written: then nothing is moved.
exit_code import_records(context& at);

// That records of the configuration folder are used, and how to import them; empty if they are not.
std::string import_hint(const admin::locations& where);

} // namespace iscsi::cli
