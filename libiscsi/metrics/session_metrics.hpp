#pragma once

#include "libiscsi/admin/messages.hpp"
#include "libiscsi/metrics/exposition.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace iscsi::metrics {

// What there is to tell at one time.
struct observation {
    admin::daemon_status daemon;
    std::vector<admin::session_info> sessions; // with attached_lun::io
    std::vector<admin::kept_login> kept_logins;
};

// The whole text in that form. `man/iscsid.8` lists the families.
std::string metrics_text(const observation& seen, form how);

// What HTTP calls it.
std::string_view content_type_of(form how);

} // namespace iscsi::metrics
