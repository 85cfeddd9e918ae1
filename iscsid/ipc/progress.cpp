#include "iscsid/ipc/progress.hpp"

#include "iscsid/ipc/describe.hpp"

namespace iscsid::ipc {

namespace admin = iscsi::admin;
using admin::exit_code;
using session::outcome;

namespace {

template <class Progress, class Result>
Progress about_session(lane::session_key sid, const outcome<Result>& how) {
    if (how.has_error())
        return {sid, how.error().code, how.error().reason};
    return {sid, exit_code::success, {}, how->of};
}

} // namespace

admin::login_progress message_of(std::uint32_t index, const outcome<session::login_result>& how) {
    if (how.has_error())
        return {index, how.error().code, how.error().reason, 0};
    return {index, exit_code::success, {}, how->sid, how->of, false, how->notes};
}

admin::kept_login message_of(const session::missing_login& login) {
    return {login.node, static_cast<std::uint64_t>(login.age.count()), login.tries, login.reason};
}

admin::logout_progress
message_of(lane::session_key sid, const outcome<session::logout_result>& how) {
    return about_session<admin::logout_progress>(sid, how);
}

admin::rescan_progress
message_of(lane::session_key sid, const outcome<session::rescan_result>& how) {
    return about_session<admin::rescan_progress>(sid, how);
}

admin::fail_io_progress
message_of(lane::session_key sid, const outcome<session::fail_io_result>& how) {
    auto message = about_session<admin::fail_io_progress>(sid, how);
    if (how.has_value())
        message.commands = how->commands;
    return message;
}

admin::change_session_answer_message message_of(const outcome<session::change_result>& how) {
    if (how.has_error())
        return {how.error().code, how.error().reason};
    return {exit_code::success, {}, how->now, how->at_login, how->later};
}

admin::lun_progress message_of(lane::session_key sid, const outcome<session::lun_result>& how) {
    auto message = about_session<admin::lun_progress>(sid, how);
    if (how.has_value()) {
        message.disk = how->disk;
        message.changed = how->has_changed;
    }
    return message;
}

admin::luns_progress message_of(lane::session_key sid, const outcome<session::luns_result>& how) {
    auto message = about_session<admin::luns_progress>(sid, how);
    if (how.has_value())
        for (const auto& each : how->luns)
            message.luns.push_back(message_of(each));
    return message;
}

admin::discover_progress message_of(const outcome<std::vector<session::discovered_portal>>& how) {
    admin::discover_progress end;
    end.finished = true;
    if (how.has_error()) {
        end.code = how.error().code;
        return end;
    }
    for (const auto& each : *how)
        end.portals.push_back({each.target, each.address, each.port, each.group_tag});
    return end;
}

} // namespace iscsid::ipc
