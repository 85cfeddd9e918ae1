#include "libiscsi/net/execute.hpp"

#include "libiscsi/net/drive.hpp"

namespace iscsi::net {

namespace asio = boost::asio;

namespace {

// Events after which an answer can no longer be waited for on this stream.
bool ends_the_session(const event& told) {
    return std::holds_alternative<want_transport>(told) ||
           std::holds_alternative<login_failed>(told) || std::holds_alternative<logged_out>(told) ||
           std::holds_alternative<gave_up>(told);
}

scsi_answer take(const task_done& done, std::vector<std::byte> room) {
    scsi_answer answer{done, {done.sense.begin(), done.sense.end()}, std::move(room)};
    answer.done.sense = {};
    answer.data.resize(std::min<std::size_t>(answer.data.size(), done.transferred));
    return answer;
}

} // namespace

asio::awaitable<result<scsi_answer>> execute(session& what, stream& over, command wanted) {
    std::vector<std::byte> room(wanted.data_in.size());
    wanted.data_in = room;
    const auto task = what.submit(wanted, std::chrono::steady_clock::now());
    if (task.has_error())
        co_return task.error();
    for (;;) {
        const event told = co_await next_event(what, over);
        if (const auto* done = std::get_if<task_done>(&told); done && done->task == *task)
            co_return take(*done, std::move(room));
        if (ends_the_session(told))
            co_return fault{to_error_code(session_errc::not_usable), "SCSI command", {}, {}};
    }
}

} // namespace iscsi::net
