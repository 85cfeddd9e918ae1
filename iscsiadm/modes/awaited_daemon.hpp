#pragma once

#include "iscsiadm/ipc/client.hpp"
#include "iscsiadm/print/waiting_line.hpp"

#include <string>

namespace iscsi::cli {

// A daemon for whose answers people wait: while none comes, the terminal says what is missing and
// for how long. Whoever waits for the socket calls still_silent() now and then.
class awaited_daemon final : public daemon_client {
  public:
    // Both outlive this.
    awaited_daemon(daemon_client& daemon, waiting_line& line) : daemon_(daemon), line_(line) {}

    // During a call: nothing has come for some seconds.
    void still_silent();

    result<admin::daemon_status> status() override;
    result<std::vector<admin::session_info>> list_sessions() override;
    result<std::vector<admin::session_info>> list_sessions_with_io() override;
    result<void> log_in(
        const admin::login_request_message& request,
        milliseconds patience,
        const listener<admin::login_progress>& listen
    ) override;
    result<std::vector<admin::kept_login>> list_kept_logins() override;
    result<std::vector<admin::kept_login>> end_kept_logins(const std::vector<admin::node_id>& nodes
    ) override;
    result<void> log_out(
        const admin::logout_request_message& request, const listener<admin::logout_progress>& listen
    ) override;
    result<void> rescan(
        const admin::rescan_request_message& request, const listener<admin::rescan_progress>& listen
    ) override;
    result<void> fail_io(
        const admin::fail_io_request_message& request,
        const listener<admin::fail_io_progress>& listen
    ) override;
    result<admin::change_session_answer_message>
    change_session(const admin::change_session_request_message& request) override;
    result<void> attach_lun(
        const admin::lun_request_message& request, const listener<admin::lun_progress>& listen
    ) override;
    result<void> detach_lun(
        const admin::lun_request_message& request, const listener<admin::lun_progress>& listen
    ) override;
    result<admin::reserve_answer_message>
    persistent_reserve(const admin::reserve_request_message& request) override;
    result<void> describe_luns(
        const admin::describe_luns_request_message& request,
        const listener<admin::luns_progress>& listen
    ) override;
    result<void> discover(
        const admin::discover_request_message& request,
        milliseconds patience,
        const listener<admin::discover_progress>& listen
    ) override;
    result<void> stop() override;

  private:
    using clock = std::chrono::steady_clock;

    void begin(std::string what, std::size_t answers = 0);

    // The line is gone before anything that the answer brings is printed.
    template <class Message>
    listener<Message> counted(const listener<Message>& listen);

    template <class Result>
    Result ended(Result called);

    daemon_client& daemon_;
    waiting_line& line_;
    std::string what_;         // "logins"
    std::size_t expected_ = 0; // answers; 0: one that is not counted
    std::size_t answered_ = 0;
    clock::time_point since_{};
};

} // namespace iscsi::cli
