#pragma once

#include <string>

namespace iscsi::admin {

// The exit codes of iscsiadm and the error numbers of the daemon: open-iscsi's ISCSI_ERR_*.
// The numbers cross the socket as integers and end up in scripts, so they can never be renumbered.
// Those that nothing here returns are kept for their texts.
enum class exit_code : int {
    // Everything that was asked for has been done.
    success = 0,
    error = 1,
    // No such session: clients treat it as "already gone".
    session_not_found = 2,
    no_memory = 3,
    transport = 4,
    login = 5,
    // A record that is damaged, missing where it must be there, or cannot be written.
    database = 6,
    // The command line or a value in it.
    invalid = 7,
    transport_timeout = 8,
    internal = 9,
    logout = 10,
    pdu_timeout = 11,
    transport_not_found = 12,
    access = 13,
    transport_capabilities = 14,
    // Also for records that cannot be removed while a session uses them. Scripts take it for
    // success of a login.
    session_exists = 15,
    invalid_request = 16,
    isns_unavailable = 17,
    daemon_communication = 18,
    fatal_login = 19,
    daemon_not_connected = 20,
    // The selection is empty: no record, no session, no portal.
    no_objects_found = 21,
    sysfs_lookup = 22,
    host_not_found = 23,
    // Status-Class 2, Detail 1 or 2 (RFC 7143 §11.13.5), or a target that could not prove itself.
    // Trying again is no use.
    login_auth_failed = 24,
    isns_query = 25,
    isns_registration = 26,
    not_supported = 27,
    // A disk is in use, and pulling it away was not asked for.
    busy = 28,
    again = 29,
    unknown_discovery_type = 30,
    child_terminated = 31,
    session_not_connected = 32,
    request_timed_out = 33,
};

// open-iscsi's words: "initiator reported error (24 - iSCSI login failed due to …)".
// For a number that is none of the above it says so and shows the number.
std::string to_text(exit_code code);

} // namespace iscsi::admin
