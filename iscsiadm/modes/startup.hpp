#pragma once

#include "iscsiadm/cli/modes.hpp"
#include "iscsiadm/modes/context.hpp"
#include "iscsiadm/modes/login.hpp"

namespace iscsi::cli {

// -L: every record whose node.startup or node.conn[0].startup is this word. After them the
// records with node.leading_login: one session per target, the first portal that answers.
exit_code log_in_by_startup(startup which, login_manner how, context& at);

// -U: sessions by the same rule. What the boot or the firmware made stays, and so do sessions
// without a record.
exit_code log_out_by_startup(startup which, context& at);

// Is the record one of these?
// Either of the two settings is enough, because open-iscsi looks at both and old tools write only
// one.
bool starts_as(const admin::record& node, startup which);

} // namespace iscsi::cli
