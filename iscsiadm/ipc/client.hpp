#pragma once

#include "libiscsi/admin/exit_code.hpp"
#include "libiscsi/admin/messages.hpp"
#include "libiscsi/base/result.hpp"

#include <chrono>
#include <functional>
#include <string_view>
#include <vector>

namespace iscsi::cli {

// Why a call failed. The distinctions are those that the exit codes make: is there no daemon, may
// we not ask, or did it not answer as it should?
enum class client_errc {
    not_running = 1, // no socket, or nobody listens; `got` is the errno
    access_denied,
    cut,       // the connection ended inside a message or before the last reply
    timed_out, // no reply within the deadline
    refused,   // a Varlink error; `got` is its name
    unsupported,
    malformed, // a reply that does not hold what it should
};

const char* category_name(client_errc);
std::string_view message_of(client_errc);

// The exit code of iscsiadm for a fault of a call.
// not_running is 20 and cut is 18: clients start the daemon after the one and retry after the
// other. A fault of anything else counts as 18.
admin::exit_code exit_code_of(const fault& of_call);

// What iscsiadm asks of iscsid. Each call is one connection; `patience` is the longest time without
// a reply. Every fault is a client_errc.
// A listener is called for each reply, in the order in which the daemon sends them, and never after
// the call has returned. Calls do not run beside each other: iscsiadm has one thread.
class daemon_client {
  public:
    using milliseconds = std::chrono::milliseconds;
    template <class Message>
    using listener = std::function<void(const Message&)>;

    virtual ~daemon_client() = default;

    // What is running.
    virtual result<admin::daemon_status> status() = 0;
    // All sessions of the daemon, also those that reconnect just now or log in for the first time.
    virtual result<std::vector<admin::session_info>> list_sessions() = 0;
    // The same with attached_lun::io.
    virtual result<std::vector<admin::session_info>> list_sessions_with_io() = 0;
    // One progress for each node of the request and session of it; the call returns when all are
    // there. The daemon cancels logins whose caller has gone, unless it did not want to wait.
    virtual result<void> log_in(
        const admin::login_request_message& request,
        milliseconds patience,
        const listener<admin::login_progress>& listen
    ) = 0;
    // What it tries until it succeeds and has not reached yet.
    virtual result<std::vector<admin::kept_login>> list_kept_logins() = 0;
    // It tries these no more; gives back those that it did.
    virtual result<std::vector<admin::kept_login>>
    end_kept_logins(const std::vector<admin::node_id>& nodes) = 0;
    // Waits for as long as disks may flush; so does rescan(), which may remove disks.
    virtual result<void> log_out(
        const admin::logout_request_message& request, const listener<admin::logout_progress>& listen
    ) = 0;
    virtual result<void> rescan(
        const admin::rescan_request_message& request, const listener<admin::rescan_progress>& listen
    ) = 0;
    // Ends the I/O that waits for the connections of these sessions.
    virtual result<void> fail_io(
        const admin::fail_io_request_message& request,
        const listener<admin::fail_io_progress>& listen
    ) = 0;
    // A session takes over what its node record says of some keys.
    virtual result<admin::change_session_answer_message>
    change_session(const admin::change_session_request_message& request) = 0;
    // A disk for one LUN of these sessions, or its end.
    virtual result<void> attach_lun(
        const admin::lun_request_message& request, const listener<admin::lun_progress>& listen
    ) = 0;
    virtual result<void> detach_lun(
        const admin::lun_request_message& request, const listener<admin::lun_progress>& listen
    ) = 0;
    // About the persistent reservations of one LUN. After a fault of a call that was sent nobody
    // knows whether a change was done.
    virtual result<admin::reserve_answer_message>
    persistent_reserve(const admin::reserve_request_message& request) = 0;
    // What the LUNs of these sessions are.
    virtual result<void> describe_luns(
        const admin::describe_luns_request_message& request,
        const listener<admin::luns_progress>& listen
    ) = 0;
    // Notes come as they arise; the last progress is `finished` and has the portals, or the code.
    virtual result<void> discover(
        const admin::discover_request_message& request,
        milliseconds patience,
        const listener<admin::discover_progress>& listen
    ) = 0;
    // Returns when the daemon has taken the order, or when it has ended: disks of drivers that do
    // not outlive it are flushed before that.
    virtual result<void> stop() = 0;
};

} // namespace iscsi::cli
