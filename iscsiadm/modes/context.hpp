#pragma once

#include "iscsiadm/ipc/client.hpp"
#include "iscsiadm/print/console.hpp"
#include "iscsiadm/print/live_display.hpp"
#include "iscsiadm/print/presenter.hpp"

#include "libiscsi/admin/config.hpp"
#include "libiscsi/admin/exit_code.hpp"
#include "libiscsi/admin/record_store.hpp"

#include <filesystem>
#include <optional>
#include <vector>

namespace iscsi::cli {

using admin::exit_code;

// What a mode works with.
// None of them is owned, all of them outlive the mode; tests put in a daemon without a socket and
// streams of strings. What a mode has to show it gives to `out`, what it complains of to `screen`,
// each at once: the order of lines on the two streams is part of the interface.
struct context {
    const admin::locations& where;
    admin::record_store& store;
    daemon_client& daemon;
    console& screen;
    presenter& out;
    live_display& live;                       // for what is shown again and again
    std::optional<admin::config> config = {}; // once it was needed
    // Logins, logouts and removals are printed instead of done. What would refuse them refuses them
    // all the same, with the same exit code, as far as it can be known before.
    bool dry_run = false;
    // Lines on stderr of a command that succeeds are welcome: people read them, or they go into a
    // document. Programs take any line there for a failure.
    bool hints = false;
    std::filesystem::path sysfs = "/sys"; // for what the boot firmware tells
};

// Keeps the first failure of many: that is the exit code of the whole.
// open-iscsi does the same with most lists: one node that fails does not stop the others, and the
// first one that failed is what $? says.
class first_failure {
  public:
    void add(exit_code code) {
        if (code_ == exit_code::success)
            code_ = code;
    }

    exit_code code() const { return code_; }

  private:
    exit_code code_ = exit_code::success;
};

// Each says on stderr what went wrong and gives the exit code for it.
// A fault of the socket; "can not connect" is open-iscsi's line, which scripts look for, with the
// errno.
exit_code report_call(const fault& of_call, console& screen);
// A fault of the record tree: 7 when a value or a name was wrong, 6 when the file was.
exit_code report_database(const fault& of_store, console& screen);
// Ends with 27, which open-iscsi has for what a transport cannot do.
exit_code report_not_supported(std::string_view what, console& screen);
// Ends with 7: the command line asks for what cannot be.
exit_code report_invalid(std::string_view why, console& screen);
// `range` in open-iscsi's words for the mode: "0 or 1", "0 - 3".
exit_code report_bad_level(int level, std::string_view range, console& screen);
exit_code report_no_records(console& screen);

// iscsid.conf; what is not right in it is said on stderr, once a run, and stops nothing.
const admin::config& load_config(context& at);

enum class io_detail : bool { left_out, told }; // attached_lun::io

// The sessions of iscsid; without a running iscsid there are none, unless an earlier one has left
// disks: those wait for the next, and that there is none is the answer. So it is when one runs
// whose socket is gone. For commands about sessions.
result<std::vector<admin::session_info>>
known_sessions(context& at, io_detail detail = io_detail::left_out);

// The sessions of iscsid; without a running iscsid there are none, but one whose socket is gone may
// have some. For commands that need the daemon only to protect what a session uses.
result<std::vector<admin::session_info>> sessions_if_running(context& at);

// Does the session use this record? A portal group tag is not compared: it may have become known
// after the login.
bool uses(const admin::session_info& session, const admin::node_id& node);

} // namespace iscsi::cli
