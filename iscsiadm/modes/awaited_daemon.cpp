#include "iscsiadm/modes/awaited_daemon.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace iscsi::cli {

void awaited_daemon::still_silent() {
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(clock::now() - since_);
    const std::string missing =
        expected_ == 0
            ? what_
            : fmt::format(
                  "{} of {} {}", expected_ - std::min(answered_, expected_), expected_, what_
              );
    line_.show_wait(missing, waited);
}

void awaited_daemon::begin(std::string what, std::size_t answers) {
    what_ = std::move(what);
    expected_ = answers;
    answered_ = 0;
    since_ = clock::now();
}

template <class Message>
daemon_client::listener<Message> awaited_daemon::counted(const listener<Message>& listen) {
    return [this, &listen](const Message& message) {
        line_.clear();
        ++answered_;
        listen(message);
    };
}

template <class Result>
Result awaited_daemon::ended(Result called) {
    line_.clear();
    return called;
}

result<admin::daemon_status> awaited_daemon::status() {
    begin("iscsid");
    return ended(daemon_.status());
}

result<std::vector<admin::session_info>> awaited_daemon::list_sessions() {
    begin("iscsid");
    return ended(daemon_.list_sessions());
}

result<std::vector<admin::session_info>> awaited_daemon::list_sessions_with_io() {
    begin("iscsid");
    return ended(daemon_.list_sessions_with_io());
}

result<void> awaited_daemon::log_in(
    const admin::login_request_message& request,
    milliseconds patience,
    const listener<admin::login_progress>& listen
) {
    begin("logins", request.nodes.size());
    return ended(daemon_.log_in(request, patience, counted(listen)));
}

result<std::vector<admin::kept_login>> awaited_daemon::list_kept_logins() {
    begin("iscsid");
    return ended(daemon_.list_kept_logins());
}

result<std::vector<admin::kept_login>>
awaited_daemon::end_kept_logins(const std::vector<admin::node_id>& nodes) {
    begin("iscsid");
    return ended(daemon_.end_kept_logins(nodes));
}

result<void> awaited_daemon::log_out(
    const admin::logout_request_message& request, const listener<admin::logout_progress>& listen
) {
    begin("logouts", request.sids.size());
    return ended(daemon_.log_out(request, counted(listen)));
}

result<void> awaited_daemon::rescan(
    const admin::rescan_request_message& request, const listener<admin::rescan_progress>& listen
) {
    begin("rescans", request.sids.size());
    return ended(daemon_.rescan(request, counted(listen)));
}

result<void> awaited_daemon::fail_io(
    const admin::fail_io_request_message& request, const listener<admin::fail_io_progress>& listen
) {
    begin("the end of waiting I/O", request.sids.size());
    return ended(daemon_.fail_io(request, counted(listen)));
}

result<admin::change_session_answer_message>
awaited_daemon::change_session(const admin::change_session_request_message& request) {
    return daemon_.change_session(request);
}

result<void> awaited_daemon::attach_lun(
    const admin::lun_request_message& request, const listener<admin::lun_progress>& listen
) {
    begin("the disk of a LUN", request.sids.size());
    return ended(daemon_.attach_lun(request, counted(listen)));
}

result<void> awaited_daemon::detach_lun(
    const admin::lun_request_message& request, const listener<admin::lun_progress>& listen
) {
    begin("the end of a disk", request.sids.size());
    return ended(daemon_.detach_lun(request, counted(listen)));
}

result<admin::reserve_answer_message>
awaited_daemon::persistent_reserve(const admin::reserve_request_message& request) {
    begin(fmt::format("the answer of LUN {}", request.lun));
    return ended(daemon_.persistent_reserve(request));
}

result<void> awaited_daemon::describe_luns(
    const admin::describe_luns_request_message& request,
    const listener<admin::luns_progress>& listen
) {
    begin("LUNs", request.sids.size());
    return ended(daemon_.describe_luns(request, counted(listen)));
}

result<void> awaited_daemon::discover(
    const admin::discover_request_message& request,
    milliseconds patience,
    const listener<admin::discover_progress>& listen
) {
    begin(fmt::format("the answer of {}, port {}", request.address, request.port));
    return ended(daemon_.discover(request, patience, counted(listen)));
}

result<void> awaited_daemon::stop() {
    begin("iscsid to end");
    return ended(daemon_.stop());
}

} // namespace iscsi::cli
