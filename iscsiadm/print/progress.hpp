#pragma once

#include "libiscsi/admin/exit_code.hpp"
#include "libiscsi/admin/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// The words of login, logout and rescan. Names that end in `_line` are for stdout, the others for
// stderr.
namespace iscsi::cli {

// `several`: more than one session of this record was asked for.
// Programs look for "Login to [" and "successful"; not one blank may change.
std::string logging_in_line(const admin::node_id& node, bool several);
// --dry-run
std::string would_log_in_line(const admin::node_id& node, bool several);
std::string logged_in_line(const admin::node_id& node);
// For stderr, followed by reported_error().
std::string could_not_log_in(const admin::node_id& node);

// "sid: 5, target: iqn.…, portal: 10.9.9.1,3260"
std::string session_words(const admin::session_info& session);

std::string logging_out_line(const admin::session_info& session);
std::string would_log_out_line(const admin::session_info& session);
std::string logged_out_line(const admin::session_info& session);
std::string could_not_log_out(const admin::session_info& session);

// --dry-run -o delete, which says nothing of its own
std::string would_delete_line(const admin::node_id& node);

std::string rescanning_line(const admin::session_info& session);
std::string could_not_rescan(const admin::session_info& session);

// --fail-io
std::string failing_io_line(const admin::session_info& session);
std::string failed_io_line(const admin::session_info& session, std::uint64_t commands);
std::string could_not_fail_io(const admin::session_info& session);

// --attach and --detach. LUNs are named as the listings name them; without `changed` it was so
// already; a disk without a node is served on a socket.
std::string attached_line(
    const admin::session_info& session, std::uint64_t lun, const std::string& disk, bool changed
);
std::string could_not_attach(const admin::session_info& session, std::uint64_t lun);
std::string detached_line(
    const admin::session_info& session, std::uint64_t lun, const std::string& disk, bool changed
);
std::string could_not_detach(const admin::session_info& session, std::uint64_t lun);

// --luns
std::string could_not_describe(const admin::session_info& session);

// What is not well although the call succeeded.
std::string login_warning(const admin::node_id& node, std::string_view what);
std::string session_warning(const admin::session_info& session, std::string_view what);

// A login that iscsid keeps trying.
std::string not_logged_in_yet(const admin::kept_login& login);

// "initiator reported error (24 - iSCSI login failed due to authorization failure)"
std::string reported_error(admin::exit_code code);

// "default: 1 session requested, but 1 already present."
// The plural follows the number that was asked for, not the one that is there.
std::string already_present(const admin::node_id& node, std::size_t requested, std::size_t present);

} // namespace iscsi::cli
