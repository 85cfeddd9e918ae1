#include "libiscsi/core/session/task_management.hpp"

#include "libiscsi/core/session/escalation.hpp"
#include "libiscsi/core/session/faults.hpp"

#include <algorithm>

namespace iscsi {
namespace {

// Immediate requests may be refused when there are many of them (§11.17, reason 6).
constexpr std::ptrdiff_t most_at_once = 16;

// Overdue ones included: the outbox has a place for each. A target that leaves more without an
// answer gets a new connection.
constexpr std::size_t most_unanswered = 28;

// §11.6.1
constexpr std::uint8_t function_complete = 0;
constexpr std::uint8_t task_does_not_exist = 1;
constexpr std::uint8_t lun_does_not_exist = 2;

bool is_abort(task_management_function function) {
    return function == task_management_function::abort_task;
}

bool is_target_reset(task_management_function function) {
    return function == task_management_function::target_warm_reset;
}

fault refusal(std::uint8_t response) {
    return session_fault(
        session_errc::rejected,
        "Task Management Response",
        std::to_string(response),
        "function complete [RFC 7143 11.6.1]"
    );
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

void task_management::drain(const lun_field& lun, connection& over, instant now) {
    request what{task_management_function::logical_unit_reset, reserved_tag, lun, 0, 0, now};
    what.drains = true;
    waiting_.push_back(what);
    send_waiting(over, now);
}

void task_management::send_waiting(connection& over, instant now) {
    const auto outstanding = [this] {
        return std::count_if(sent_.begin(), sent_.end(), [](const request& r) {
            return !r.overdue;
        });
    };
    while (!waiting_.empty() && outstanding() < most_at_once && sent_.size() < most_unanswered) {
        const auto next = waiting_.front();
        waiting_.pop_front();
        send(next, over, now);
    }
}

void task_management::send(request what, connection& over, instant now) {
    const bool aborts = is_abort(what.function);
    const auto* target = aborts ? tasks_.find(what.target) : nullptr;
    if (aborts && (target == nullptr || target->phase != task_phase::sent))
        return; // answered meanwhile
    what.tag = context_.tags.next(control_purpose::task_management);
    what.command_sn = context_.window.next();
    what.deadline = now + patience_with(what);
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

duration task_management::patience_with(const request& what) const {
    const auto& timeouts = context_.config.timeouts;
    if (is_abort(what.function))
        return timeouts.abort;
    return is_target_reset(what.function) ? timeouts.target_reset : timeouts.lu_reset;
}

// The tasks that a function is to end: those that went out before it.
bool task_management::covers(const request& what, const task& slot) const {
    if (slot.phase != task_phase::sent)
        return false;
    if (is_abort(what.function))
        return slot.id == what.target;
    const bool there = is_target_reset(what.function) || slot.what.lun == what.lun;
    return there && serial_before(slot.command_sn, what.command_sn);
}

// FastAbort: R2Ts of the tasks that are to end are not answered any more. Some targets wait for the
// data all the same, hence the choice.
void task_management::silence_targets(const request& what) {
    if (!context_.config.fast_abort)
        return;
    for (auto& slot : tasks_.slots())
        if (covers(what, slot) && slot.allegiance != nullptr)
            slot.allegiance->silence(slot);
}

// ---- answers ----------------------------------------------------------------------------------

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
    const auto concluded = conclude(answered, pdu.response);
    if (concluded.has_error())
        return concluded.error();
    if (!*concluded)
        if (auto widened = on_refusal(answered, pdu.response, from, now); widened.has_error())
            return widened;
    send_waiting(from, now);
    return {};
}

result<void> task_management::on_refusal(
    const request& what, std::uint8_t response, connection& from, instant now
) {
    if (what.overdue)
        return {}; // the wider one is on its way
    if (what.drains && context_.config.replay_barrier == barrier_policy::automatic) {
        tasks_.unsettled().settle(what.lun); // a target without resets is believed
        return {};
    }
    return escalate(what, refusal(response), from, now);
}

// False: the target will not do it.
result<bool> task_management::conclude(const request& what, std::uint8_t response) {
    const bool complete = response == function_complete;
    if (is_abort(what.function))
        return complete || response == task_does_not_exist ? conclude_abort(what, response)
                                                           : result<bool>(false);
    if (!complete && (is_target_reset(what.function) || response != lun_does_not_exist))
        return false;
    conclude_reset(what);
    return true;
}

// A task that the target does not know although it never took the command: something was lost.
result<bool> task_management::conclude_abort(const request& what, std::uint8_t response) {
    auto* target = tasks_.find(what.target);
    if (target == nullptr || target->phase != task_phase::sent)
        return true;
    if (response == task_does_not_exist && !context_.window.acknowledged(target->command_sn))
        return session_fault(
            session_errc::rejected,
            "Task Management Response",
            "task does not exist",
            "a command that was acknowledged [RFC 7143 11.6.1]"
        );
    tasks_.finish(*target, task_result::aborted);
    return true;
}

// A reset ends the tasks that went out before it, those of lost connections too (§11.5.1).
void task_management::conclude_reset(const request& what) {
    for (auto& slot : tasks_.slots())
        if (covers(what, slot))
            tasks_.finish(slot, task_result::aborted);
    if (is_target_reset(what.function))
        tasks_.unsettled().settle_all();
    else
        tasks_.unsettled().settle(what.lun);
}

// ---- the ladder -------------------------------------------------------------------------------

result<void> task_management::on_deadline(connection& over, instant now) {
    const auto next_due = [this, now] {
        return std::find_if(sent_.begin(), sent_.end(), [now](const request& r) {
            return !r.overdue && r.deadline <= now;
        });
    };
    for (auto due = next_due(); due != sent_.end(); due = next_due()) {
        due->overdue = true;
        const auto tried = *due; // escalate() may add to sent_
        ++context_.statistics.timeout_err;
        const auto why = session_fault(
            session_errc::task_management_timeout,
            "Task Management",
            std::to_string(static_cast<unsigned>(tried.function)),
            "a response [RFC 7143 11.6]"
        );
        if (auto widened = escalate(tried, why, over, now); widened.has_error())
            return widened;
    }
    send_waiting(over, now); // what is overdue leaves its place to others
    return {};
}

result<void>
task_management::escalate(const request& tried, const fault& why, connection& over, instant now) {
    const auto* target = tasks_.find(tried.target);
    if (is_abort(tried.function) && (target == nullptr || target->phase != task_phase::sent))
        return {}; // answered meanwhile
    const auto next = wider_than(tried.function);
    if (!next || sent_.size() >= most_unanswered)
        return why;
    if (!is_under_way(*next, tried)) {
        const lun_field lun = is_target_reset(*next) ? lun_field{} : tried.lun; // §11.5.5
        std::erase_if(waiting_, [&](const request& r) {
            return is_abort(r.function) && (is_target_reset(*next) || r.lun == lun);
        });
        waiting_.push_front({*next, reserved_tag, lun, 0, 0, now});
        send_waiting(over, now);
    }
    return {};
}

// One that waits will end all that was tried; one that went out ends what went out before it.
bool task_management::is_under_way(task_management_function function, const request& tried) const {
    const auto* target = is_abort(tried.function) ? tasks_.find(tried.target) : nullptr;
    const auto same = [&](const request& r) {
        return r.function == function && !r.overdue &&
               (r.lun == tried.lun || is_target_reset(function));
    };
    const auto same_and_later = [&](const request& r) {
        return same(r) && (target == nullptr || covers(r, *target));
    };
    return std::any_of(waiting_.begin(), waiting_.end(), same) ||
           std::any_of(sent_.begin(), sent_.end(), same_and_later);
}

void task_management::forget() {
    waiting_.clear();
    sent_.clear();
}

std::optional<instant> task_management::deadline() const {
    std::optional<instant> first;
    for (const auto& each : sent_)
        if (!each.overdue)
            first = earlier(first, each.deadline);
    return first;
}

} // namespace iscsi
