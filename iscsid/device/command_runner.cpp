#include "iscsid/device/command_runner.hpp"

#include "libiscsi/scsi/parameter_data.hpp"
#include "libiscsi/scsi/sense.hpp"
#include "libiscsi/scsi/status.hpp"

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

iscsi::bytes_view data_of(const lane::scsi_outcome& outcome) {
    const auto size = std::min<std::size_t>(outcome.data.size(), outcome.done.transferred);
    return iscsi::bytes_view(outcome.data).first(size);
}

// GOOD with fewer bytes than there was room for, and no residual count for the rest.
bool is_whole_by_itself(const lane::scsi_outcome& outcome, const scsi::cdb_field& cdb) {
    const auto data = data_of(outcome);
    const auto stated = scsi::stated_length(cdb, data);
    return stated && *stated <= data.size();
}

scsi::disposition judge(const lane::scsi_outcome& outcome, const scsi::cdb_field& cdb) {
    const bool is_answered = outcome.done.outcome == iscsi::task_result::answered;
    const bool is_short = outcome.done.outcome == iscsi::task_result::short_data;
    if (is_answered || (is_short && is_whole_by_itself(outcome, cdb)))
        return scsi::judge(answer_of(outcome));
    return no_answer;
}

// And not only the unit.
bool has_lost_session(const lane::scsi_outcome& outcome) {
    return outcome.done.outcome == iscsi::task_result::lost &&
           outcome.done.why_lost != iscsi::loss_reason::unit_given_up;
}

std::string describe(const lane::scsi_outcome& outcome) {
    switch (outcome.done.outcome) {
    case iscsi::task_result::short_data:
        return "data and residual count do not add up";
    case iscsi::task_result::aborted:
        return "no answer, aborted";
    case iscsi::task_result::lost:
        return "no answer, the unit is given up until a reset of it is done";
    case iscsi::task_result::answered:
        break;
    }
    return scsi::describe(answer_of(outcome));
}

std::string describe(const scsi::cdb_field& cdb, const lane::scsi_outcome& outcome) {
    return std::string(scsi::name_of(scsi::operation_of(cdb))) + ": " + describe(outcome);
}

// SPC-4 Annex D: NOT READY, but for 3A (medium not present), is the state of a moment: becoming
// ready, offline, in an ALUA state that the array changes.
bool is_not_ready_for_now(const lane::scsi_outcome& outcome) {
    constexpr std::uint8_t medium_not_present = 0x3a;
    if (outcome.done.status != static_cast<std::uint8_t>(scsi::status::check_condition))
        return false;
    const auto sense = scsi::read_sense(outcome.sense_bytes);
    return sense && sense->key == scsi::sense_key::not_ready &&
           sense->additional_code != medium_not_present;
}

reply good_reply(lane::scsi_outcome outcome) {
    outcome.data.resize(data_of(outcome).size());
    return {
        .good = true,
        .data = std::move(outcome.data),
        .why = {},
        .is_transient = false,
        .judged = {}};
}

reply bad_reply(
    const scsi::cdb_field& cdb, const lane::scsi_outcome& outcome, const scsi::disposition& judged
) {
    return {
        .good = false,
        .data = {},
        .why = describe(cdb, outcome),
        .is_transient = judged.what != scsi::verdict::fail || is_not_ready_for_now(outcome),
        .judged = judged};
}

iscsi::fault lost() {
    return {iscsi::to_error_code(scan_errc::session_lost), "scan", "", ""};
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

command_runner::command_runner(
    execute_function execute,
    const patience& waiting,
    const scan_clock& clock,
    const iscsi::lun_field& lun
)
    : execute_(std::move(execute)), waiting_(waiting), clock_(clock), lun_(lun) {}

awaitable<iscsi::result<reply>> command_runner::run(scsi::cdb_field cdb, std::size_t room) {
    std::vector<std::byte> buffer(room);
    iscsi::command what;
    what.lun = lun_;
    what.cdb = cdb;
    what.data_in = buffer;
    asked_ = scsi::name_of(scsi::operation_of(cdb));
    trouble_.clear();
    retry_budget budget(waiting_);
    while (true) {
        auto outcome = co_await execute_(what);
        if (!outcome)
            co_return outcome.error();
        if (has_lost_session(*outcome))
            co_return lost();
        const auto judged = judge(*outcome, cdb);
        if (judged.news != scsi::attention::none)
            ++attentions_;
        if (judged.what == scsi::verdict::success)
            co_return good_reply(std::move(*outcome));
        const auto pause = budget.pause_before_retry(judged);
        if (!pause)
            co_return bad_reply(cdb, *outcome, judged);
        trouble_ = describe(cdb, *outcome);
        co_await clock_.sleep(*pause);
    }
}

std::string command_runner::describe_wait(iscsi::duration limit) const {
    using std::chrono::duration_cast;
    if (!trouble_.empty())
        return trouble_;
    const auto time = duration_cast<milliseconds>(limit);
    const bool is_whole = time.count() % 1000 == 0;
    return std::string(asked_) + ": no answer within " +
           (is_whole ? std::to_string(time.count() / 1000) + " s"
                     : std::to_string(time.count()) + " ms");
}

} // namespace iscsid::device
