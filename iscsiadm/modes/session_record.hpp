#pragma once

#include "iscsiadm/modes/context.hpp"
#include "iscsiadm/print/sessions.hpp"

#include <vector>

namespace iscsi::cli {

// The sessions with what their node records say beside: the binding of the interface and, with
// `reveal`, the secrets. From the record as it is now: a secret that was changed since the login is
// shown, not the one that was used. A session without a record has none to show.
std::vector<shown_session>
with_records(const std::vector<admin::session_info>& sessions, bool reveal, const context& at);

// The same for -P LEVEL: at level 0 nothing of the records is shown, and none is read.
std::vector<shown_session> shown_at(
    int level, const std::vector<admin::session_info>& sessions, bool reveal, const context& at
);

} // namespace iscsi::cli
