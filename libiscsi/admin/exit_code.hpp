#pragma once

#include <string>

namespace iscsi::admin {

// The exit codes of iscsiadm and the error numbers of the daemon: open-iscsi's ISCSI_ERR_*.
enum class exit_code : int {
    success = 0,
    error = 1,
    session_not_found = 2,
    no_memory = 3,
    transport = 4,
    login = 5,
    database = 6,
    invalid = 7,
    transport_timeout = 8,
    internal = 9,
    logout = 10,
    pdu_timeout = 11,
    transport_not_found = 12,
    access = 13,
    transport_capabilities = 14,
    session_exists = 15,
    invalid_request = 16,
    isns_unavailable = 17,
    daemon_communication = 18,
    fatal_login = 19,
    daemon_not_connected = 20,
    no_objects_found = 21,
    sysfs_lookup = 22,
    host_not_found = 23,
    login_auth_failed = 24,
    isns_query = 25,
    isns_registration = 26,
    not_supported = 27,
    busy = 28,
    again = 29,
    unknown_discovery_type = 30,
    child_terminated = 31,
    session_not_connected = 32,
    request_timed_out = 33,
};

// open-iscsi's words: "initiator reported error (24 - iSCSI login failed due to …)".
std::string to_text(exit_code code);

} // namespace iscsi::admin
