#pragma once

#include "iscsiadm/ipc/client.hpp"

#include <optional>
#include <vector>

namespace iscsi::cli {

// A daemon that answers what a test wrote down, and remembers what it was asked.
class fake_daemon final : public daemon_client {
  public:
    std::vector<admin::session_info> sessions;
    std::optional<fault> broken; // every call ends with it, after the answers below

    std::vector<admin::login_progress> login_answers;
    std::vector<admin::kept_login> kept;
    std::vector<admin::logout_progress> logout_answers;
    std::vector<admin::rescan_progress> rescan_answers;
    std::vector<admin::fail_io_progress> fail_io_answers;
    std::vector<admin::lun_progress> lun_answers;
    std::vector<admin::luns_progress> luns_answers;
    std::vector<admin::discover_progress> discover_answers;

    std::vector<admin::login_request_message> logins;
    std::vector<admin::logout_request_message> logouts;
    std::vector<admin::rescan_request_message> rescans;
    std::vector<admin::fail_io_request_message> failed_io;
    std::vector<admin::lun_request_message> attached, detached;
    std::vector<admin::describe_luns_request_message> described;
    std::vector<admin::discover_request_message> discoveries;
    std::vector<admin::change_session_request_message> changed_sessions;
    admin::change_session_answer_message change_answer;
    std::vector<admin::reserve_request_message> reservations;
    admin::reserve_answer_message reserve_answer;
    milliseconds patience{};
    int stops = 0;
    std::vector<result<std::vector<admin::session_info>>> looks;
    bool lists = true; // list_sessions works even when the calls are broken

    void not_running() {
        broken = fault{to_error_code(client_errc::not_running), "socket", "111", {}};
        lists = false;
    }

    result<admin::daemon_status> status() override {
        if (broken)
            return *broken;
        return admin::daemon_status{"0.1", "ublk", "io_uring", 1, ""};
    }

    result<std::vector<admin::session_info>> list_sessions() override {
        if (broken && !lists)
            return *broken;
        return sessions;
    }

    // One look after the other, if there are any; then what list_sessions() says.
    result<std::vector<admin::session_info>> list_sessions_with_io() override {
        if (looks.empty())
            return list_sessions();
        const auto first = looks.front();
        looks.erase(looks.begin());
        return first;
    }

    // Without answers of its own, every node is logged in.
    result<void> log_in(
        const admin::login_request_message& request,
        milliseconds longest,
        const listener<admin::login_progress>& listen
    ) override {
        logins.push_back(request);
        patience = longest;
        if (login_answers.empty() && !broken)
            for (std::uint32_t i = 0; i < request.nodes.size(); ++i)
                listen({i, admin::exit_code::success, "", i + 1});
        return answer(login_answers, listen);
    }

    result<std::vector<admin::kept_login>> list_kept_logins() override {
        if (broken)
            return *broken;
        return kept;
    }

    result<std::vector<admin::kept_login>> end_kept_logins(const std::vector<admin::node_id>& nodes
    ) override {
        std::vector<admin::kept_login> gone;
        for (const auto& node : nodes)
            std::erase_if(kept, [&](const auto& each) {
                if (each.node == node)
                    gone.push_back(each);
                return each.node == node;
            });
        return gone;
    }

    result<void> log_out(
        const admin::logout_request_message& request, const listener<admin::logout_progress>& listen
    ) override {
        logouts.push_back(request);
        if (logout_answers.empty() && !broken)
            for (const std::uint32_t sid : request.sids)
                listen({sid, admin::exit_code::success, ""});
        return answer(logout_answers, listen);
    }

    result<void> rescan(
        const admin::rescan_request_message& request, const listener<admin::rescan_progress>& listen
    ) override {
        rescans.push_back(request);
        if (rescan_answers.empty() && !broken)
            for (const std::uint32_t sid : request.sids)
                listen({sid, admin::exit_code::success, ""});
        return answer(rescan_answers, listen);
    }

    result<void> fail_io(
        const admin::fail_io_request_message& request,
        const listener<admin::fail_io_progress>& listen
    ) override {
        failed_io.push_back(request);
        return answer(fail_io_answers, listen);
    }

    result<void> attach_lun(
        const admin::lun_request_message& request, const listener<admin::lun_progress>& listen
    ) override {
        attached.push_back(request);
        return answer(lun_answers, listen);
    }

    result<void> detach_lun(
        const admin::lun_request_message& request, const listener<admin::lun_progress>& listen
    ) override {
        detached.push_back(request);
        return answer(lun_answers, listen);
    }

    result<admin::reserve_answer_message>
    persistent_reserve(const admin::reserve_request_message& request) override {
        reservations.push_back(request);
        if (broken)
            return *broken;
        return reserve_answer;
    }

    result<admin::change_session_answer_message>
    change_session(const admin::change_session_request_message& request) override {
        changed_sessions.push_back(request);
        if (broken)
            return *broken;
        return change_answer;
    }

    result<void> describe_luns(
        const admin::describe_luns_request_message& request,
        const listener<admin::luns_progress>& listen
    ) override {
        described.push_back(request);
        return answer(luns_answers, listen);
    }

    result<void> discover(
        const admin::discover_request_message& request,
        milliseconds longest,
        const listener<admin::discover_progress>& listen
    ) override {
        discoveries.push_back(request);
        patience = longest;
        return answer(discover_answers, listen);
    }

    result<void> stop() override {
        ++stops;
        return answer(std::vector<int>{}, listener<int>{});
    }

  private:
    template <class Message>
    result<void> answer(const std::vector<Message>& all, const listener<Message>& listen) const {
        for (const Message& one : all)
            listen(one);
        if (broken)
            return *broken;
        return boost::system::in_place_value;
    }
};

} // namespace iscsi::cli
