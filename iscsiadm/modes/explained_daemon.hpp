#pragma once

#include "iscsiadm/ipc/client.hpp"
#include "iscsiadm/print/console.hpp"

namespace iscsi::cli {

// A daemon that says on stderr what it is asked and what it answers: from -d 1 each call and its
// end, from -d 2 the nodes, sessions and addresses, from -d 4 how many PDUs of each kind the
// sessions have sent and received. No secret is in any of them: none crosses the socket.
class explained_daemon final : public daemon_client {
  public:
    // Both outlive this.
    explained_daemon(daemon_client& daemon, console& screen) : daemon_(daemon), screen_(screen) {}

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
    void explain_lun(std::string_view what, const admin::lun_request_message& request) const;

    result<void> ended(result<void> called);
    result<std::vector<admin::session_info>>
    explained_list(result<std::vector<admin::session_info>> sessions);
    void explain_session(const admin::session_info& session);

    daemon_client& daemon_;
    console& screen_;
};

} // namespace iscsi::cli
