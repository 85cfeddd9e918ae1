#include "iscsid/device/command_runner.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>

namespace iscsid::device {

namespace {

using boost::asio::awaitable;
using std::chrono::milliseconds;

// Not answered by the target: aborted, or with bytes that do not add up.
constexpr scsi::disposition no_answer{
    .what = scsi::verdict::retry_limited, .error = EIO, .retries = 1};

scsi::answer answer_of(const lane::scsi_outcome& outcome) {
    return {
        .response = outcome.done.response,
        .status = outcome.done.status,
        .sense = outcome.sense_bytes};
}

scsi::disposition judge(const lane::scsi_outcome& outcome) {
    return outcome.done.outcome == iscsi::task_result::answered ? scsi::judge(answer_of(outcome))
                                                                : no_answer;
}

std::string describe(const lane::scsi_outcome& outcome) {
    switch (outcome.done.outcome) {
    case iscsi::task_result::short_data:
        return "data and residual count do not add up";
    case iscsi::task_result::aborted:
        return "aborted";
    case iscsi::task_result::answered:
    case iscsi::task_result::lost:
        break;
    }
    return scsi::describe(answer_of(outcome));
}

reply good_reply(lane::scsi_outcome outcome) {
    outcome.data.resize(std::min<std::size_t>(outcome.data.size(), outcome.done.transferred));
    return {.good = true, .data = std::move(outcome.data), .why = {}, .is_transient = false};
}

reply bad_reply(
    const scsi::cdb_field& cdb, const lane::scsi_outcome& outcome, const scsi::disposition& judged
) {
    const std::string name(scsi::name_of(scsi::operation_of(cdb)));
    return {
        .good = false,
        .data = {},
        .why = name + ": " + describe(outcome),
        .is_transient = judged.what != scsi::verdict::fail};
}

awaitable<iscsi::result<void>> wait(milliseconds pause) {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, pause);
    const auto [error] =
        co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    if (error)
        co_return iscsi::fault{error, "scan", "", ""};
    co_return iscsi::result<void>();
}

} // namespace

const char* category_name(scan_errc /*any*/) {
    return "iscsid.scan";
}

std::string_view message_of(scan_errc /*only one*/) {
    return "session lost";
}

std::optional<milliseconds> retry_budget::pause_before_retry(const scsi::disposition& judged) {
    switch (judged.what) {
    case scsi::verdict::retry_now:
    case scsi::verdict::retry_limited:
        if (immediate_retries_++ < judged.retries)
            return milliseconds(0);
        return std::nullopt;
    case scsi::verdict::retry_after_delay:
        return pause();
    case scsi::verdict::success:
    case scsi::verdict::fail:
        break;
    }
    return std::nullopt;
}

std::optional<milliseconds> retry_budget::pause() {
    if (pauses_++ >= waiting_.pauses)
        return std::nullopt;
    const auto chosen = next_pause_;
    next_pause_ = std::min(2 * next_pause_, waiting_.longest_pause);
    return chosen;
}

command_runner::command_runner(execute_function execute, const patience& waiting)
    : execute_(std::move(execute)), waiting_(waiting) {}

awaitable<iscsi::result<reply>>
command_runner::run(iscsi::lun_field lun, scsi::cdb_field cdb, std::size_t room) const {
    std::vector<std::byte> buffer(room);
    iscsi::command what;
    what.lun = lun;
    what.cdb = cdb;
    what.data_in = buffer;
    retry_budget budget(waiting_);
    while (true) {
        auto outcome = co_await execute_(what);
        if (!outcome)
            co_return outcome.error();
        if (outcome->done.outcome == iscsi::task_result::lost)
            co_return iscsi::fault{iscsi::to_error_code(scan_errc::session_lost), "scan", "", ""};
        const auto judged = judge(*outcome);
        if (judged.what == scsi::verdict::success)
            co_return good_reply(std::move(*outcome));
        const auto pause = budget.pause_before_retry(judged);
        if (!pause)
            co_return bad_reply(cdb, *outcome, judged);
        if (const auto waited = co_await wait(*pause); !waited)
            co_return waited.error();
    }
}

} // namespace iscsid::device
