#include "iscsiadm/cli/options.hpp"
#include "iscsiadm/modes/modes.hpp"
#include "iscsiadm/print/progress.hpp"

#include "libiscsi/admin/version.hpp"

namespace iscsi::cli {

namespace {

// One call operator per mode, for std::visit.
struct dispatcher {
    context& at;

    exit_code operator()(const discovery_mode& mode) const { return run_discovery(mode, at); }

    exit_code operator()(const node_mode& mode) const {
        at.dry_run = mode.dry_run;
        return run_node(mode, at);
    }

    exit_code operator()(const session_mode& mode) const {
        at.dry_run = mode.dry_run;
        return run_session(mode, at);
    }

    exit_code operator()(const iface_mode& mode) const { return run_iface(mode, at); }

    exit_code operator()(const host_mode& mode) const { return run_host(mode, at); }

    exit_code operator()(const fw_mode& mode) const { return run_fw(mode, at); }

    // Whether sessions stay is for the daemon and iscsid.conf to decide
    // (iscsid.keep_disks_on_stop).
    exit_code operator()(const stop_daemon&) const {
        const auto stopped = at.daemon.stop();
        if (stopped)
            return exit_code::success;
        const exit_code code = report_call(stopped.error(), at.screen);
        at.screen.complain(reported_error(code));
        at.screen.complain("Could not stop iscsid. Trying sending iscsid SIGTERM or SIGKILL "
                           "signals manually");
        return code;
    }

    exit_code operator()(const show_usage&) const {
        at.out.show(usage_answer{usage()});
        return exit_code::success;
    }

    exit_code operator()(const show_version&) const {
        // The version whose words we speak, for scripts compare it; our own stands in the daemon's
        // log.
        at.out.show(version_answer{std::string(admin::compatible_version)});
        return exit_code::success;
    }
};

} // namespace

exit_code run(const command_line& line, context& at) {
    for (const std::string& warning : line.warnings)
        at.screen.complain(warning);
    at.screen.advise(line.advice);
    const exit_code code = std::visit(dispatcher{at}, line.what);
    at.out.finish(code);
    if (at.screen.all_printed())
        return code;
    at.screen.complain("could not write all of the output");
    return code == exit_code::success ? exit_code::error : code;
}

} // namespace iscsi::cli
