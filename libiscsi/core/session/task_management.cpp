#include "libiscsi/core/session/task_management.hpp"

#include "libiscsi/core/session/faults.hpp"

#include <algorithm>

namespace iscsi {
namespace {

// Immediate requests may be refused when there are many of them (§11.17, reason 6).
constexpr std::size_t most_at_once = 16;

// §11.6.1
constexpr std::uint8_t function_complete = 0;
constexpr std::uint8_t task_does_not_exist = 1;
constexpr std::uint8_t lun_does_not_exist = 2;

bool is_at(const task& what, const lun_field& lun) {
    return what.phase == task_phase::sent && what.what.lun == lun;
}

} // namespace

void task_management::abort(task_id id, connection* over, instant now) {
    auto* what = tasks_.find(id);
    if (what == nullptr || what->abort_wanted)
        return;
    if (what->phase == task_phase::ready)
        return tasks_.finish(*what, task_result::aborted);
    if (what->phase != task_phase::sent)
        return;
    what->abort_wanted = true;
    if (over == nullptr)
        return; // the transport is about to go, and the task ends with it
    waiting_.push_back({task_management_function::abort_task, id, what->what.lun, 0, 0, now});
    send_waiting(*over, now);
}

void task_management::reset(const lun_field& lun, connection* over, instant now) {
    if (over == nullptr)
        return;
    waiting_.push_back({task_management_function::logical_unit_reset, reserved_tag, lun, 0, 0, now}
    );
    send_waiting(*over, now);
}

void task_management::send_waiting(connection& over, instant now) {
    while (!waiting_.empty() && sent_.size() < most_at_once) {
        send(waiting_.front(), over, now);
        waiting_.pop_front();
    }
}

void task_management::send(request what, connection& over, instant now) {
    const bool aborts = what.function == task_management_function::abort_task;
    const auto* target = aborts ? tasks_.find(what.target) : nullptr;
    if (aborts && (target == nullptr || target->phase != task_phase::sent))
        return; // answered meanwhile
    const auto& timeouts = context_.config.timeouts;
    what.tag = context_.tags.next(control_purpose::task_management);
    what.command_sn = context_.window.next();
    what.deadline = now + (aborts ? timeouts.abort : timeouts.lu_reset);
    silence_targets(what);

    task_management_request pdu;
    pdu.function = what.function;
    pdu.lun = what.lun;
    pdu.initiator_task_tag = what.tag;
    pdu.command_sn = what.command_sn;
    pdu.referenced_task_tag = what.target;
    pdu.reference_command_sn = aborts ? target->command_sn : 0;
    over.send(pdu);
    ++context_.statistics.tmfcmd_pdus;
    sent_.push_back(what);
}

// FastAbort: R2Ts of the tasks that are to end are not answered any more. Some targets wait for the
// data all the same, hence the choice.
void task_management::silence_targets(const request& what) {
    if (!context_.config.fast_abort)
        return;
    for (auto& slot : tasks_.slots()) {
        const bool meant =
            what.target == reserved_tag ? is_at(slot, what.lun) : slot.id == what.target;
        if (meant && slot.allegiance != nullptr)
            slot.allegiance->silence(slot);
    }
}

result<void>
task_management::on_response(const task_management_response& pdu, connection& from, instant now) {
    ++context_.statistics.tmfrsp_pdus;
    const auto found = std::find_if(sent_.begin(), sent_.end(), [&](const request& r) {
        return r.tag == pdu.initiator_task_tag;
    });
    if (found == sent_.end())
        return session_fault(
            session_errc::unknown_task,
            "Task Management Response Initiator Task Tag",
            std::to_string(pdu.initiator_task_tag),
            "a request of this session [RFC 7143 11.6]"
        );
    const auto answered = *found;
    sent_.erase(found);
    if (auto concluded = conclude(answered, pdu.response); concluded.has_error())
        return concluded;
    send_waiting(from, now);
    return {};
}

result<void> task_management::conclude(const request& what, std::uint8_t response) {
    const bool aborts = what.function == task_management_function::abort_task;
    if (aborts && (response == function_complete || response == task_does_not_exist))
        return conclude_abort(what, response);
    if (!aborts && (response == function_complete || response == lun_does_not_exist)) {
        conclude_reset(what);
        return {};
    }
    return session_fault(
        session_errc::rejected,
        "Task Management Response",
        std::to_string(response),
        "function complete [RFC 7143 11.6.1]"
    );
}

// A task that the target does not know although it never took the command: something was lost.
result<void> task_management::conclude_abort(const request& what, std::uint8_t response) {
    auto* target = tasks_.find(what.target);
    if (target == nullptr || target->phase != task_phase::sent)
        return {};
    if (response == task_does_not_exist && !context_.window.acknowledged(target->command_sn))
        return session_fault(
            session_errc::rejected,
            "Task Management Response",
            "task does not exist",
            "a command that was acknowledged [RFC 7143 11.6.1]"
        );
    tasks_.finish(*target, task_result::aborted);
    return {};
}

// The reset ends the tasks that went out before it (§11.5.1).
void task_management::conclude_reset(const request& what) {
    for (auto& slot : tasks_.slots())
        if (is_at(slot, what.lun) && serial_before(slot.command_sn, what.command_sn))
            tasks_.finish(slot, task_result::aborted);
}

void task_management::forget() {
    waiting_.clear();
    sent_.clear();
}

std::optional<instant> task_management::deadline() const {
    std::optional<instant> first;
    for (const auto& each : sent_)
        first = earlier(first, each.deadline);
    return first;
}

} // namespace iscsi
