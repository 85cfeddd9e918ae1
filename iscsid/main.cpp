#include "iscsid/check.hpp"
#include "iscsid/daemon.hpp"

#include "libiscsi/admin/exit_code.hpp"
#include "libiscsi/admin/version.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <cstdio>
#include <exception>
#include <iostream>

namespace {

constexpr int invalid = static_cast<int>(iscsi::admin::exit_code::invalid);

// Short letters, and -u, -g, -n and -p, are those of open-iscsi's iscsid; the long ones without a
// letter are ours.
void add_options(CLI::App& program, iscsid::daemon_options& to) {
    program.add_option("-c,--config", to.config_file, "settings file (/etc/iscsi/iscsid.conf)");
    program.add_option(
        "-i,--initiatorname", to.initiator_name_file, "file with the initiator name"
    );
    program.add_flag("-f,--foreground", to.foreground, "stay in the foreground, log to stderr");
    program.add_flag("--check", to.check, "check the settings and all records, and end");
    program.add_option("-d,--debug", to.debug, "log more")->check(CLI::Range(0, 8));
    program.add_option("-u,--uid", to.user, "run as this user ID");
    program.add_option("-g,--gid", to.group, "run as this group ID");
    program.add_flag("-n,--no-pid-file", to.no_pid_file, "write no PID file");
    program.add_option("-p,--pid", to.pid_file, "PID file (/run/iscsid.pid)");
    program.add_option("--database", to.where.database, "record tree (/var/lib/iscsi)");
    program.add_option("--socket", to.where.socket, "socket for iscsiadm");
    program.add_option("--runtime", to.where.runtime, "folder for mounts and the socket");
    program.set_version_flag(
        "-v,--version",
        "iscsid version " + std::string(iscsi::admin::compatible_version),
        "print the version"
    );
}

// Empty: the options go together.
const char* conflict_in(const iscsid::daemon_options& options) {
    if (options.pid_file && options.no_pid_file)
        return "Conflicting PID-file options requested";
    if (options.pid_file && options.foreground)
        return "PID file specified but unused in foreground mode";
    return nullptr;
}

// The environment first, then the options: what is typed wins.
int run(int count, char** words) {
    iscsid::daemon_options options;
    options.where = iscsi::admin::locations_from_environment();
    const auto usual_socket = options.where.socket;
    const auto usual_runtime = options.where.runtime;
    CLI::App program("iscsid: the iSCSI session daemon", "iscsid");
    add_options(program, options);
    try {
        program.parse(count, words);
    } catch (const CLI::ParseError& wrong) {
        return program.exit(wrong) == 0 ? 0 : invalid;
    }
    if (const char* conflict = conflict_in(options)) {
        std::cerr << "iscsid: " << conflict << '\n';
        return invalid;
    }
    // A runtime folder of one's own takes the socket with it, unless that is named too.
    if (options.where.runtime != usual_runtime && options.where.socket == usual_socket)
        options.where.socket = options.where.runtime / "iscsid.sock";
    return options.check ? iscsid::check_configuration(options) : iscsid::run_daemon(options);
}

} // namespace

int main(int count, char** words) {
    try {
        return run(count, words);
    } catch (const std::exception& broken) { // out of memory, threads or file descriptors at start
        static_cast<void>(std::fprintf(stderr, "iscsid: %s\n", broken.what()));
        return static_cast<int>(iscsi::admin::exit_code::internal);
    }
}
