#include "iscsiadm/modes/metrics.hpp"

#include "libiscsi/metrics/session_metrics.hpp"

#include <utility>

namespace iscsi::cli {

// All of it or nothing: half a file would look like the end of what is missing.
exit_code print_metrics(context& at) {
    auto status = at.daemon.status();
    if (!status)
        return report_call(status.error(), at.screen);
    auto sessions = at.daemon.list_sessions_with_io();
    if (!sessions)
        return report_call(sessions.error(), at.screen);
    auto kept = at.daemon.list_kept_logins();
    if (!kept)
        return report_call(kept.error(), at.screen);
    const metrics::observation seen{*std::move(status), *std::move(sessions), *std::move(kept)};
    at.screen.print(metrics_text(seen, metrics::form::prometheus));
    return exit_code::success;
}

} // namespace iscsi::cli
