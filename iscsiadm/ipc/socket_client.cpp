#include "iscsiadm/ipc/socket_client.hpp"

#include "iscsiadm/ipc/connection.hpp"

#include <sys/types.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>

namespace iscsi::cli {

namespace {

using std::chrono::milliseconds;

// For what the daemon answers from memory: its control thread never waits for a disk. But the
// machine may be short of memory or processors, and slow is not dead.
constexpr milliseconds quick{30'000};
// How often a silent daemon is looked at: one that is stopped will not answer, however long.
constexpr milliseconds between_looks{3'000};
// A unit that does not answer is given up by the daemon in time.
constexpr milliseconds while_a_unit_thinks{120'000};
// A disk that is removed, by a logout or a rescan, writes back everything first.
constexpr milliseconds while_disks_flush{600'000};
// The daemon gives LUNs that hang half of that.
constexpr milliseconds while_luns_answer{60'000};

std::string method(std::string_view verb) {
    return std::string(admin::interface_name) + "." + std::string(verb);
}

// A reply that is no message of our interface: the daemon is of another version, or something else
// listens there.
fault malformed(const std::string& method, std::string why) {
    return {to_error_code(client_errc::malformed), method, std::move(why), {}};
}

// Of proc_pid_stat(5); '?' when there is no such process.
char state_of(pid_t process) {
    std::ifstream from("/proc/" + std::to_string(process) + "/stat");
    std::string line;
    std::getline(from, line);
    const auto name_end = line.rfind(") ");
    return name_end == std::string::npos || name_end + 2 >= line.size() ? '?' : line[name_end + 2];
}

// Stopped by SIGSTOP or a debugger.
bool is_stopped(pid_t process) {
    const char state = state_of(process);
    return process > 0 && (state == 'T' || state == 't');
}

fault silence_of_stopped(fault silence, pid_t daemon) {
    const auto process = std::to_string(daemon);
    silence.got =
        "iscsid (process " + process + ") is stopped; kill -CONT " + process + " lets it go on";
    return silence;
}

// Systemd listens until it has started the daemon.
fault silence_at_the_end(fault silence, pid_t daemon) {
    constexpr pid_t first_process = 1;
    if (daemon == first_process)
        silence.got = "no answer in time: systemd has not started iscsid yet; systemctl status "
                      "iscsid.service says why";
    return silence;
}

// The next message, or a fault as soon as the daemon is seen to be stopped. `patience` in all.
result<std::string>
receive_from(connection& wire, milliseconds patience, const std::function<void()>& tell_silence) {
    const auto end = connection::clock::now() + patience;
    for (;;) {
        const auto look = std::min(end, connection::clock::now() + between_looks);
        auto text = wire.receive(look);
        if (text || text.error().code != to_error_code(client_errc::timed_out))
            return text;
        const pid_t daemon = wire.peer_process();
        if (is_stopped(daemon))
            return silence_of_stopped(text.error(), daemon);
        if (look == end)
            return silence_at_the_end(text.error(), daemon);
        tell_silence();
    }
}

// The errors of Varlink itself and those of our interface, by the last part of their name.
// By the last part only: "org.varlink.service.PermissionDenied" and our own "NotPermitted" mean the
// same to a caller.
client_errc kind_of(std::string_view error) {
    const std::string_view name = error.substr(error.rfind('.') + 1);
    if (name == "NotPermitted" || name == "PermissionDenied")
        return client_errc::access_denied;
    if (name == "MethodNotFound" || name == "MethodNotImplemented" || name == "InterfaceNotFound")
        return client_errc::unsupported;
    return client_errc::refused;
}

} // namespace

socket_client::socket_client(std::filesystem::path socket, std::optional<milliseconds> limit)
    : socket_(std::move(socket)), limit_(limit) {}

result<admin::daemon_status> socket_client::status() {
    return ask<admin::daemon_status>({.method = method("Status"), .parameters = {}}, quick);
}

result<std::vector<admin::session_info>> socket_client::list_sessions() {
    return list({});
}

result<std::vector<admin::session_info>> socket_client::list_sessions_with_io() {
    return list({.sid = {}, .io = true});
}

result<std::vector<admin::session_info>>
socket_client::list(const admin::list_sessions_request_message& request) const {
    auto answer =
        ask<admin::list_sessions_message>({method("ListSessions"), to_json(request)}, quick);
    if (!answer)
        return answer.error();
    return std::move(answer->sessions);
}

result<admin::reserve_answer_message>
socket_client::persistent_reserve(const admin::reserve_request_message& request) {
    return ask<admin::reserve_answer_message>(
        {method("PersistentReserve"), to_json(request)}, while_a_unit_thinks
    );
}

result<admin::change_session_answer_message>
socket_client::change_session(const admin::change_session_request_message& request) {
    return ask<admin::change_session_answer_message>(
        {method("ChangeSession"), to_json(request)}, quick
    );
}

result<void> socket_client::log_in(
    const admin::login_request_message& request,
    milliseconds patience,
    const listener<admin::login_progress>& listen
) {
    return stream({method("Login"), to_json(request)}, patience, listen);
}

result<std::vector<admin::kept_login>> socket_client::list_kept_logins() {
    auto answer = ask<admin::kept_logins_message>(
        {.method = method("ListKeptLogins"), .parameters = {}}, quick
    );
    if (!answer)
        return answer.error();
    return std::move(answer->logins);
}

result<std::vector<admin::kept_login>>
socket_client::end_kept_logins(const std::vector<admin::node_id>& nodes) {
    const admin::end_kept_logins_request_message request{nodes};
    auto answer =
        ask<admin::kept_logins_message>({method("EndKeptLogins"), to_json(request)}, quick);
    if (!answer)
        return answer.error();
    return std::move(answer->logins);
}

result<void> socket_client::log_out(
    const admin::logout_request_message& request, const listener<admin::logout_progress>& listen
) {
    return stream({method("Logout"), to_json(request)}, while_disks_flush, listen);
}

result<void> socket_client::rescan(
    const admin::rescan_request_message& request, const listener<admin::rescan_progress>& listen
) {
    return stream({method("Rescan"), to_json(request)}, while_disks_flush, listen);
}

result<void> socket_client::fail_io(
    const admin::fail_io_request_message& request, const listener<admin::fail_io_progress>& listen
) {
    return stream({method("FailIo"), to_json(request)}, quick, listen);
}

result<void> socket_client::attach_lun(
    const admin::lun_request_message& request, const listener<admin::lun_progress>& listen
) {
    return stream({method("AttachLun"), to_json(request)}, while_disks_flush, listen);
}

result<void> socket_client::detach_lun(
    const admin::lun_request_message& request, const listener<admin::lun_progress>& listen
) {
    return stream({method("DetachLun"), to_json(request)}, while_disks_flush, listen);
}

result<void> socket_client::describe_luns(
    const admin::describe_luns_request_message& request,
    const listener<admin::luns_progress>& listen
) {
    return stream({method("DescribeLuns"), to_json(request)}, while_luns_answer, listen);
}

result<void> socket_client::discover(
    const admin::discover_request_message& request,
    milliseconds patience,
    const listener<admin::discover_progress>& listen
) {
    return stream({method("Discover"), to_json(request)}, patience, listen);
}

// The reply has no members; that it came is the answer.
result<void> socket_client::stop() {
    const auto ignore = [](const boost::json::object&) -> result<void> {
        return boost::system::in_place_value;
    };
    return call({.method = method("Stop"), .parameters = {}}, while_disks_flush, ignore);
}

// A call with one reply.
template <class Message>
result<Message> socket_client::ask(const admin::varlink_call& what, milliseconds patience) const {
    Message answer;
    const auto called = call(what, patience, [&](const boost::json::object& reply) -> result<void> {
        auto message = admin::from_json<Message>(reply);
        if (!message)
            return malformed(what.method, message.error().text());
        answer = *std::move(message);
        return boost::system::in_place_value;
    });
    if (!called)
        return called.error();
    return answer;
}

// A call whose replies are Messages; an empty last reply says only that there are no more.
template <class Message>
result<void> socket_client::stream(
    admin::varlink_call what, milliseconds patience, const listener<Message>& listen
) const {
    what.more = true;
    return call(what, patience, [&](const boost::json::object& reply) -> result<void> {
        if (reply.empty())
            return boost::system::in_place_value;
        const auto message = admin::from_json<Message>(reply);
        if (!message)
            return malformed(what.method, message.error().text());
        listen(*message);
        return boost::system::in_place_value;
    });
}

result<void> socket_client::call(
    const admin::varlink_call& what, milliseconds patience, const on_reply& take
) const {
    // The limit of the environment only shortens: it exists for scripts that must not hang, not to
    // extend what a record allows.
    const milliseconds longest = limit_ ? std::min(*limit_, patience) : patience;
    const auto deadline = [&] { return connection::clock::now() + longest; };
    auto wire = connection::open(socket_, deadline());
    if (!wire)
        return wire.error();
    if (const auto sent = wire->send(admin::format(what), deadline()); !sent)
        return sent.error();
    while (true) {
        const auto text = receive_from(*wire, longest, tell_silence_);
        if (!text)
            return text.error();
        const auto reply = admin::parse_reply(*text);
        if (!reply)
            return malformed(what.method, reply.error().text());
        if (!reply->error.empty())
            return fault{to_error_code(kind_of(reply->error)), what.method, reply->error, {}};
        if (const auto taken = take(reply->parameters); !taken)
            return taken.error();
        if (!reply->continues)
            return boost::system::in_place_value;
    }
}

} // namespace iscsi::cli
