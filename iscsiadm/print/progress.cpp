#include "iscsiadm/print/progress.hpp"

#include "iscsiadm/print/portals.hpp"

#include <fmt/core.h>

namespace iscsi::cli {

std::string session_words(const admin::session_info& session) {
    return fmt::format(
        "sid: {}, target: {}, portal: {},{}",
        session.sid,
        session.node.target,
        session.node.address,
        session.node.port
    );
}

std::string logging_in_line(const admin::node_id& node, bool several) {
    return fmt::format("Logging in to [{}]{}\n", record_words(node), several ? " (multiple)" : "");
}

std::string would_log_in_line(const admin::node_id& node, bool several) {
    return fmt::format(
        "Would log in to [{}]{}\n", record_words(node), several ? " (multiple)" : ""
    );
}

std::string logged_in_line(const admin::node_id& node) {
    return fmt::format("Login to [{}] successful.\n", record_words(node));
}

std::string could_not_log_in(const admin::node_id& node) {
    return fmt::format("Could not login to [{}].", record_words(node));
}

std::string logging_out_line(const admin::session_info& session) {
    return fmt::format("Logging out of session [{}]\n", session_words(session));
}

std::string would_log_out_line(const admin::session_info& session) {
    return fmt::format("Would log out of session [{}]\n", session_words(session));
}

std::string logged_out_line(const admin::session_info& session) {
    return fmt::format("Logout of [{}] successful.\n", session_words(session));
}

std::string could_not_log_out(const admin::session_info& session) {
    return fmt::format("Could not logout of [{}].", session_words(session));
}

std::string would_delete_line(const admin::node_id& node) {
    return fmt::format("Would delete the record of [{}]\n", record_words(node));
}

std::string rescanning_line(const admin::session_info& session) {
    return fmt::format("Rescanning session [{}]\n", session_words(session));
}

std::string could_not_rescan(const admin::session_info& session) {
    return fmt::format("Could not rescan session sid {}.", session.sid);
}

std::string failing_io_line(const admin::session_info& session) {
    return fmt::format("Ending the waiting I/O of session [{}]\n", session_words(session));
}

std::string failed_io_line(const admin::session_info& session, std::uint64_t commands) {
    return fmt::format(
        "Session [{}]: {} commands have failed.\n", session_words(session), commands
    );
}

std::string could_not_fail_io(const admin::session_info& session) {
    return fmt::format("Could not end the waiting I/O of session [{}].", session_words(session));
}

std::string attached_line(
    const admin::session_info& session, std::uint64_t lun, const std::string& disk, bool changed
) {
    return fmt::format(
        "LUN {} of session [{}]: attached{}{}.\n",
        lun,
        session_words(session),
        changed ? "" : " already",
        disk.empty() ? "" : " as " + disk
    );
}

std::string could_not_attach(const admin::session_info& session, std::uint64_t lun) {
    return fmt::format("Could not attach LUN {} of session [{}].", lun, session_words(session));
}

std::string detached_line(
    const admin::session_info& session, std::uint64_t lun, const std::string& disk, bool changed
) {
    const auto words = session_words(session);
    if (!changed)
        return fmt::format("LUN {} of session [{}]: has no disk already.\n", lun, words);
    const std::string from = disk.empty() ? "" : " from " + disk;
    return fmt::format("LUN {} of session [{}]: detached{}.\n", lun, words, from);
}

std::string could_not_detach(const admin::session_info& session, std::uint64_t lun) {
    return fmt::format("Could not detach LUN {} of session [{}].", lun, session_words(session));
}

std::string could_not_describe(const admin::session_info& session) {
    return fmt::format("Could not ask for the LUNs of session [{}].", session_words(session));
}

std::string login_warning(const admin::node_id& node, std::string_view what) {
    return fmt::format("[{}]: {}", record_words(node), what);
}

std::string session_warning(const admin::session_info& session, std::string_view what) {
    return fmt::format("[{}]: {}", session_words(session), what);
}

std::string not_logged_in_yet(const admin::kept_login& login) {
    return fmt::format(
        "[{}]: not logged in, iscsid has tried for {} s: {}",
        record_words(login.node),
        login.age,
        login.reason.empty() ? "no try has ended yet" : login.reason
    );
}

std::string reported_error(admin::exit_code code) {
    return fmt::format("initiator reported error ({} - {})", static_cast<int>(code), to_text(code));
}

std::string
already_present(const admin::node_id& node, std::size_t requested, std::size_t present) {
    return fmt::format(
        "{}: {} session{} requested, but {} already present.",
        node.interface,
        requested,
        requested == 1 ? "" : "s",
        present
    );
}

} // namespace iscsi::cli
