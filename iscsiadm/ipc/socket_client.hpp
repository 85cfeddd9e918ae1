#pragma once

#include "iscsiadm/ipc/client.hpp"

#include "libiscsi/admin/varlink.hpp"

#include <boost/json/object.hpp>

#include <filesystem>
#include <functional>
#include <optional>
#include <utility>

namespace iscsi::cli {

// The daemon behind a Unix socket, in Varlink.
class socket_client final : public daemon_client {
  public:
    // `limit`, when set, shortens every patience: the environment's ISCSIADM_TIMEOUT_MS.
    explicit socket_client(
        std::filesystem::path socket, std::optional<milliseconds> limit = std::nullopt
    );

    // Called every few seconds of a call in which nothing has come. It must not call back.
    void on_silence(std::function<void()> tell) { tell_silence_ = std::move(tell); }

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
    // A fault of the listener ends the call with that fault.
    using on_reply = std::function<result<void>(const boost::json::object&)>;

    result<std::vector<admin::session_info>>
    list(const admin::list_sessions_request_message& request) const;

    // One call: connect, send, take replies until one that does not continue.
    result<void>
    call(const admin::varlink_call& what, milliseconds patience, const on_reply& take) const;

    template <class Message>
    result<Message> ask(const admin::varlink_call& what, std::chrono::milliseconds patience) const;
    template <class Message>
    result<void>
    stream(admin::varlink_call what, milliseconds patience, const listener<Message>& listen) const;

    std::filesystem::path socket_;
    std::optional<milliseconds> limit_;
    std::function<void()> tell_silence_ = [] {};
};

} // namespace iscsi::cli
