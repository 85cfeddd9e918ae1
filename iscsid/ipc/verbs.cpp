#include "iscsid/ipc/verbs.hpp"

#include "iscsid/ipc/describe.hpp"
#include "iscsid/ipc/gathering.hpp"
#include "iscsid/ipc/login_calls.hpp"
#include "iscsid/ipc/progress.hpp"

#include "libiscsi/admin/messages.hpp"
#include "libiscsi/admin/version.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/json/array.hpp>
#include <spdlog/spdlog.h>

#include <array>
#include <bit>
#include <chrono>
#include <set>
#include <type_traits>

namespace iscsid::ipc {

namespace admin = iscsi::admin;
namespace asio = boost::asio;
namespace json = boost::json;
using admin::exit_code;

namespace {

constexpr std::string_view varlink_interface = "org.varlink.service";
constexpr std::size_t most_notes = 4096;

std::string own_error(std::string_view name) {
    return std::string(admin::interface_name) + "." + std::string(name);
}

std::string varlink_error(std::string_view name) {
    return std::string(varlink_interface) + "." + std::string(name);
}

asio::awaitable<void> refuse_parameter(reply_sink& to, std::string_view name) {
    json::object which;
    which["parameter"] = name;
    co_await to.fail(varlink_error("InvalidParameter"), std::move(which));
}

asio::awaitable<void> refuse_method(reply_sink& to, const std::string& method) {
    const std::string interface = method.substr(0, method.rfind('.'));
    const bool known = interface == admin::interface_name || interface == varlink_interface;
    json::object which;
    which[known ? "method" : "interface"] = known ? method : interface;
    auto error = varlink_error(known ? "MethodNotFound" : "InterfaceNotFound");
    co_await to.fail(std::move(error), std::move(which));
}

// Sends what the jobs say. With `more` each as it comes; else one: the first failure, or the first
// of all, with the warnings of all.
template <class Progress>
asio::awaitable<void> send_all(gathering<Progress>& jobs, bool more, reply_sink& to) {
    Progress worst;
    std::vector<std::string> warnings;
    while (jobs.left() > 0) {
        Progress each = co_await jobs.next();
        const bool is_last = jobs.left() == 0;
        warnings.insert(warnings.end(), each.warnings.begin(), each.warnings.end());
        if (worst.code == exit_code::success)
            worst = each;
        worst.warnings = warnings;
        if (!more && !is_last)
            continue;
        auto answer = admin::to_json(more ? each : worst);
        if (!co_await to.reply(std::move(answer), more && !is_last))
            co_return;
    }
}

// The end of a login that is kept, as a message.
asio::awaitable<admin::login_progress> kept_end(
    session::login_keeper& keeper,
    session::login_keeper::handle login,
    admin::node_id node,
    std::chrono::seconds limit,
    std::uint32_t index
) {
    const auto end = co_await keeper.wait_for(std::move(login), std::move(node), limit);
    auto message = message_of(index, end.how);
    message.needless = end.is_needless;
    if (message.code != exit_code::success && !keeper.unnoted().empty())
        message.detail += "; " + keeper.unnoted();
    co_return message;
}

// Whoever logs out does not want it to be tried again.
asio::awaitable<admin::logout_progress>
log_out(session::manager& sessions, session::login_keeper& keeper, lane::session_key sid) {
    if (const auto session = sessions.find(sid))
        keeper.end(session->node());
    const auto how = co_await sessions.logout(sid);
    co_return message_of(sid, how);
}

// What one session is asked. It may not be there any more.
template <class Result, class... Arguments>
using session_job =
    asio::awaitable<session::outcome<Result>> (session::live_session::*)(Arguments...);

template <class Result, class... Arguments>
asio::awaitable<session::outcome<Result>>
ask(session::manager& sessions,
    lane::session_key sid,
    session_job<Result, Arguments...> job,
    Arguments... of) {
    const auto session = sessions.find(sid);
    if (!session)
        co_return session::failure{exit_code::session_not_found, "no such session"};
    co_return co_await (*session.*job)(of...);
}

asio::awaitable<admin::rescan_progress>
look_again(session::manager& sessions, lane::session_key sid) {
    using asked = session::live_session;
    const auto how = co_await ask(sessions, sid, &asked::rescan, asked::rescan_of::luns);
    co_return message_of(sid, how);
}

asio::awaitable<admin::fail_io_progress>
stop_waiting(session::manager& sessions, lane::session_key sid) {
    const auto how = co_await ask(sessions, sid, &session::live_session::fail_io);
    co_return message_of(sid, how);
}

asio::awaitable<session::outcome<session::change_result>>
change(const session::manager& sessions, lane::session_key sid, std::vector<std::string> keys) {
    const auto session = sessions.find(sid);
    if (!session)
        co_return session::failure{exit_code::session_not_found, "no such session"};
    const auto record = co_await sessions.records().read(session->node());
    co_return session->change(sessions.plans(), record, keys);
}

asio::awaitable<admin::luns_progress> describe(session::manager& sessions, lane::session_key sid) {
    const auto how = co_await ask(sessions, sid, &session::live_session::describe_luns);
    co_return message_of(sid, how);
}

using lun_job = session_job<session::lun_result, std::uint64_t>;

asio::awaitable<admin::lun_progress>
order_lun(session::manager& sessions, lane::session_key sid, lun_job job, std::uint64_t lun) {
    const auto how = co_await ask(sessions, sid, job, lun);
    co_return message_of(sid, how);
}

asio::awaitable<admin::reserve_answer_message>
reserve(session::manager& sessions, lane::session_key sid, session::reservation_request what) {
    const auto how = co_await ask(sessions, sid, &session::live_session::reserve, what);
    co_return message_of(how);
}

} // namespace

verbs::verbs(
    session::manager& sessions,
    session::login_keeper& keeper,
    asio::any_io_executor control,
    hooks calls
)
    : sessions_(sessions)
    , keeper_(keeper)
    , control_(std::move(control))
    , hooks_(std::move(calls)) {}

const verbs::method* verbs::find(std::string_view name) {
    static constexpr std::array methods{
        method{"org.varlink.service.GetInfo", false, &verbs::get_info},
        method{
            "org.varlink.service.GetInterfaceDescription",
            false,
            &verbs::get_interface_description},
        method{"org.iscsi-userland.iscsid.Login", true, &verbs::login},
        method{"org.iscsi-userland.iscsid.ListKeptLogins", false, &verbs::list_kept_logins},
        method{"org.iscsi-userland.iscsid.EndKeptLogins", true, &verbs::end_kept_logins},
        method{"org.iscsi-userland.iscsid.Logout", true, &verbs::logout},
        method{"org.iscsi-userland.iscsid.Rescan", true, &verbs::rescan},
        method{"org.iscsi-userland.iscsid.FailIo", true, &verbs::fail_io},
        method{"org.iscsi-userland.iscsid.ChangeSession", true, &verbs::change_session},
        method{"org.iscsi-userland.iscsid.AttachLun", true, &verbs::attach_lun},
        method{"org.iscsi-userland.iscsid.DetachLun", true, &verbs::detach_lun},
        method{"org.iscsi-userland.iscsid.PersistentReserve", true, &verbs::persistent_reserve},
        method{"org.iscsi-userland.iscsid.DescribeLuns", true, &verbs::describe_luns},
        method{"org.iscsi-userland.iscsid.ListSessions", false, &verbs::list_sessions},
        method{"org.iscsi-userland.iscsid.Discover", true, &verbs::discover},
        method{"org.iscsi-userland.iscsid.Status", false, &verbs::status},
        method{"org.iscsi-userland.iscsid.Stop", true, &verbs::stop},
    };
    const auto* const found = std::find_if(methods.begin(), methods.end(), [&](const auto& each) {
        return each.name == name;
    });
    return found == methods.end() ? nullptr : found;
}

asio::awaitable<void> verbs::serve(admin::varlink_call call, peer who, reply_sink& to) {
    const method* const wanted = find(call.method);
    if (wanted == nullptr) {
        co_await refuse_method(to, call.method);
        co_return;
    }
    if (!(wanted->changes ? who.may_change : who.may_ask)) {
        // The first, and each whose number is a power of two: whoever may ask must not fill the
        // log.
        const auto level =
            std::has_single_bit(++refusals_) ? spdlog::level::warn : spdlog::level::debug;
        spdlog::log(
            level,
            "{} refused to process {} of user {} (refusal {})",
            call.method,
            who.process,
            who.user,
            refusals_
        );
        co_await to.fail(own_error("NotPermitted"), boost::json::object());
        co_return;
    }
    spdlog::debug("{} for process {} of user {}", call.method, who.process, who.user);
    co_await (this->*wanted->run)(call, to);
}

asio::awaitable<void> verbs::get_info(const call_type& /*call*/, reply_sink& to) {
    json::object info;
    info["vendor"] = "iscsi-userland";
    info["product"] = "iscsid";
    info["version"] = admin::own_version;
    info["url"] = "";
    json::array interfaces;
    interfaces.emplace_back(varlink_interface);
    interfaces.emplace_back(admin::interface_name);
    info["interfaces"] = std::move(interfaces);
    co_await to.reply(std::move(info), false);
}

asio::awaitable<void> verbs::get_interface_description(const call_type& call, reply_sink& to) {
    const auto* const wanted = call.parameters.if_contains("interface");
    if (wanted == nullptr || !wanted->is_string()) {
        co_await refuse_parameter(to, "interface");
        co_return;
    }
    json::object answer;
    if (wanted->as_string() != admin::interface_name) {
        answer["interface"] = wanted->as_string();
        co_await to.fail(varlink_error("InterfaceNotFound"), std::move(answer));
        co_return;
    }
    answer["description"] = admin::interface_description();
    co_await to.reply(std::move(answer), false);
}

asio::awaitable<void> verbs::login(const call_type& call, reply_sink& to) {
    auto request = admin::from_json<admin::login_request_message>(call.parameters);
    if (request.has_error() || request->nodes.empty()) {
        auto what = request.has_error() ? request.error().text() : std::string("nodes");
        co_await refuse_parameter(to, std::move(what));
        co_return;
    }
    if (request->keep_trying && request->additional) {
        co_await refuse_parameter(to, "additional");
        co_return;
    }
    if (request->keep_trying)
        co_return co_await keep_logins(*request, call, to);
    using waiting = session::manager::waiting;
    const auto caller = request->wait && !call.oneway ? waiting::yes : waiting::no;
    const auto records = co_await sessions_.records().read(request->nodes);
    login_calls logins(sessions_, control_, request->nodes.size());
    for (std::uint32_t index = 0; index < request->nodes.size(); ++index)
        request->additional ? logins.start_additional(records[index], index, caller)
                            : logins.start(records[index], index, caller);
    if (request->wait)
        co_return co_await send_all(logins.ends(), call.more, to);
    gathering<admin::login_progress> begun(control_, request->nodes.size());
    for (std::uint32_t index = 0; index < request->nodes.size(); ++index)
        begun.add({index, exit_code::success, {}, 0});
    co_await send_all(begun, call.more, to);
}

asio::awaitable<void> verbs::keep_logins(
    const admin::login_request_message& request, const call_type& call, reply_sink& to
) {
    const auto& config = sessions_.settings().config;
    const std::chrono::seconds limit(config.daemon_integer("iscsid.autologin_wait"));
    gathering<admin::login_progress> ends(control_, request.nodes.size());
    const auto records = co_await sessions_.records().read(request.nodes);
    const auto logins = keeper_.keep(records);
    for (std::uint32_t index = 0; index < logins.size(); ++index) {
        if (logins[index].has_error())
            ends.add(
                message_of(index, session::outcome<session::login_result>(logins[index].error()))
            );
        else if (!request.wait || call.oneway)
            ends.add({index, exit_code::success, {}, 0});
        else
            ends.start(
                kept_end(keeper_, *logins[index], request.nodes[index], limit, index),
                {index, exit_code::internal, "internal error", 0}
            );
    }
    co_await send_all(ends, call.more, to);
}

asio::awaitable<void> verbs::list_kept_logins(const call_type& /*call*/, reply_sink& to) {
    admin::kept_logins_message answer;
    for (const auto& each : keeper_.missing())
        answer.logins.push_back(message_of(each));
    co_await to.reply(admin::to_json(answer), false);
}

asio::awaitable<void> verbs::end_kept_logins(const call_type& call, reply_sink& to) {
    const auto request = admin::from_json<admin::end_kept_logins_request_message>(call.parameters);
    if (request.has_error()) {
        co_await refuse_parameter(to, request.error().text());
        co_return;
    }
    admin::kept_logins_message answer;
    for (const auto& node : request->nodes)
        if (const auto ended = keeper_.end(node))
            answer.logins.push_back(message_of(*ended));
    // A logout that comes next must not find what is on its way out.
    co_await keeper_.wait_for_cancelled();
    co_await to.reply(admin::to_json(answer), false);
}

template <class Request, class Job>
asio::awaitable<void> verbs::on_each_session(const call_type& call, Job job, reply_sink& to) {
    const auto request = admin::from_json<Request>(call.parameters);
    if (request.has_error() || request->sids.empty()) {
        auto what = request.has_error() ? request.error().text() : std::string("sids");
        co_await refuse_parameter(to, std::move(what));
        co_return;
    }
    using progress =
        typename std::invoke_result_t<Job&, lane::session_key, const Request&>::value_type;
    gathering<progress> jobs(control_, request->sids.size());
    for (const auto sid : request->sids)
        jobs.start(job(sid, *request), {sid, exit_code::internal, "internal error"});
    co_await send_all(jobs, call.more, to);
}

asio::awaitable<void> verbs::logout(const call_type& call, reply_sink& to) {
    using request = admin::logout_request_message;
    const auto job = [this](auto sid, const request& /*it*/) {
        return log_out(sessions_, keeper_, sid);
    };
    return on_each_session<request>(call, job, to);
}

asio::awaitable<void> verbs::rescan(const call_type& call, reply_sink& to) {
    using request = admin::rescan_request_message;
    const auto job = [this](auto sid, const request& /*it*/) { return look_again(sessions_, sid); };
    return on_each_session<request>(call, job, to);
}

asio::awaitable<void> verbs::fail_io(const call_type& call, reply_sink& to) {
    using request = admin::fail_io_request_message;
    const auto job = [this](auto sid, const request& /*it*/) {
        return stop_waiting(sessions_, sid);
    };
    return on_each_session<request>(call, job, to);
}

asio::awaitable<void> verbs::change_session(const call_type& call, reply_sink& to) {
    const auto asked = admin::from_json<admin::change_session_request_message>(call.parameters);
    if (asked.has_error()) {
        co_await refuse_parameter(to, asked.error().text());
        co_return;
    }
    const auto how = co_await change(sessions_, asked->sid, asked->keys);
    const auto answer = message_of(how);
    co_await to.reply(admin::to_json(answer), false);
}

asio::awaitable<void> verbs::attach_lun(const call_type& call, reply_sink& to) {
    using request = admin::lun_request_message;
    const auto job = [this](auto sid, const request& what) {
        return order_lun(sessions_, sid, &session::live_session::attach_lun, what.lun);
    };
    return on_each_session<request>(call, job, to);
}

asio::awaitable<void> verbs::detach_lun(const call_type& call, reply_sink& to) {
    using request = admin::lun_request_message;
    const auto job = [this](auto sid, const request& what) {
        return order_lun(sessions_, sid, &session::live_session::detach_lun, what.lun);
    };
    return on_each_session<request>(call, job, to);
}

// Goes on when the client hangs up, as every change that has begun.
asio::awaitable<void> verbs::persistent_reserve(const call_type& call, reply_sink& to) {
    const auto asked = admin::from_json<admin::reserve_request_message>(call.parameters);
    if (asked.has_error()) {
        co_await refuse_parameter(to, asked.error().text());
        co_return;
    }
    const auto what = request_of(*asked);
    if (what.has_error()) {
        co_await refuse_parameter(to, what.error().text());
        co_return;
    }
    gathering<admin::reserve_answer_message> job(control_, 1);
    admin::reserve_answer_message otherwise;
    otherwise.code = exit_code::internal;
    otherwise.unknown = true;
    otherwise.detail = "internal error";
    job.start(reserve(sessions_, asked->sid, *what), std::move(otherwise));
    const auto answer = co_await job.next();
    co_await to.reply(admin::to_json(answer), false);
}

asio::awaitable<void> verbs::describe_luns(const call_type& call, reply_sink& to) {
    using request = admin::describe_luns_request_message;
    const auto job = [this](auto sid, const request& /*it*/) { return describe(sessions_, sid); };
    return on_each_session<request>(call, job, to);
}

asio::awaitable<void> verbs::list_sessions(const call_type& call, reply_sink& to) {
    const auto request = admin::from_json<admin::list_sessions_request_message>(call.parameters);
    if (request.has_error()) {
        co_await refuse_parameter(to, request.error().text());
        co_return;
    }
    admin::list_sessions_message answer;
    const auto sessions = co_await sessions_.list(request->sid);
    for (const auto& each : sessions)
        answer.sessions.push_back(
            message_of(each, request->io ? io_detail::told : io_detail::left_out)
        );
    if (request->sid && answer.sessions.empty()) {
        json::object which;
        which["sid"] = *request->sid;
        co_await to.fail(own_error("SessionNotFound"), std::move(which));
        co_return;
    }
    co_await to.reply(admin::to_json(answer), false);
}

namespace {

using progress_channel =
    asio::experimental::channel<void(boost::system::error_code, admin::discover_progress)>;

asio::awaitable<void>
run_discovery(session::manager& sessions, session::discovery_request what, progress_channel& tell) {
    const auto note = [&tell](std::string line) {
        admin::discover_progress progress;
        progress.notes.push_back(std::move(line));
        tell.try_send(boost::system::error_code(), std::move(progress));
    };
    const auto how = co_await sessions.discover(std::move(what), note);
    auto end = message_of(how);
    co_await tell.async_send(boost::system::error_code(), std::move(end), asio::use_awaitable);
}

// Without `more` the notes travel with the answer.
asio::awaitable<void> forward(progress_channel& from, bool more, reply_sink& to) {
    std::vector<std::string> held_back;
    for (;;) {
        auto progress = co_await from.async_receive(asio::use_awaitable);
        if (!more) {
            held_back.insert(held_back.end(), progress.notes.begin(), progress.notes.end());
            progress.notes = held_back;
        }
        const bool finished = progress.finished;
        if (more || finished)
            co_await to.reply(admin::to_json(progress), !finished);
        if (finished)
            co_return;
    }
}

} // namespace

asio::awaitable<void> verbs::discover(const call_type& call, reply_sink& to) {
    using namespace asio::experimental::awaitable_operators;
    auto request = admin::from_json<admin::discover_request_message>(call.parameters);
    if (request.has_error()) {
        co_await refuse_parameter(to, request.error().text());
        co_return;
    }
    const bool is_isns = request->type == "isns";
    if (!is_isns && !request->type.empty() && request->type != "sendtargets") {
        co_await refuse_parameter(to, "type: expected sendtargets or isns, got " + request->type);
        co_return;
    }
    session::discovery_request what{
        request->address, request->port, request->use_record, request->interface};
    if (is_isns)
        what.kind = admin::source_kind::isns;
    progress_channel progress(control_, most_notes);
    co_await (
        run_discovery(sessions_, std::move(what), progress) && forward(progress, call.more, to)
    );
}

asio::awaitable<void> verbs::status(const call_type& /*call*/, reply_sink& to) {
    co_await to.reply(admin::to_json(hooks_.status()), false);
}

asio::awaitable<void> verbs::stop(const call_type& /*call*/, reply_sink& to) {
    co_await to.reply(boost::json::object(), false);
    hooks_.stop();
}

} // namespace iscsid::ipc
