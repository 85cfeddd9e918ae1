#include "libiscsi/core/session/task_management.hpp"

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

// One unit's: the others need some of the places.
constexpr std::ptrdiff_t most_aborts_of_a_unit = 4;

// Between resets of a lost unit.
constexpr duration shortest_gap = std::chrono::seconds(30);
constexpr duration longest_gap = std::chrono::minutes(10);

// For a data segment whose command nobody waits for. Other units need the connection.
constexpr duration longest_segment = std::chrono::seconds(2);

task_management_function function_of(rung step) {
    if (step == rung::abort_task)
        return task_management_function::abort_task;
    return step == rung::reset_target ? task_management_function::target_warm_reset
                                      : task_management_function::logical_unit_reset;
}

bool is_unit_reset(rung step) {
    return step == rung::reset_unit || step == rung::reset_unit_again;
}

std::string_view name_of(rung step) {
    return task_management_function_name(function_of(step));
}

void count(rung step, session_statistics& in) {
    ++in.tmfcmd_pdus;
    if (step == rung::abort_task)
        ++in.abort_tasks;
    else if (step == rung::reset_target)
        ++in.target_resets;
    else
        ++in.unit_resets;
}

fault refusal(rung step, std::uint8_t response) {
    return session_fault(
        session_errc::rejected,
        std::string(name_of(step)),
        std::to_string(response).append(" (").append(task_management_response_name(response)) + ")",
        "function complete [RFC 7143 11.6.1]"
    );
}

fault silence(rung step) {
    return session_fault(
        session_errc::task_management_timeout,
        std::string(name_of(step)),
        "no response",
        "one [RFC 7143 11.6]"
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
    waiting_.push_back({.of = what->of, .target = id, .since = now});
    send_waiting(*over, now);
}

void task_management::reset(const lun_field& lun, connection* over, instant now) {
    if (over == nullptr)
        return;
    waiting_.push_back({.step = rung::reset_unit, .of = &tasks_.units().of(lun), .since = now});
    send_waiting(*over, now);
}

void task_management::reset_first(unit& which, connection& over, instant now) {
    waiting_.push_back({.step = rung::reset_unit, .of = &which, .since = now, .comes_first = true});
    if (is_lost(which.state()))
        reset_again_later(which, now);
    send_waiting(over, now);
}

// Until they end they are as tasks whose abort was asked for: no connection outlives them.
void task_management::give_up(unit& which, connection& over, bool may_ask, instant now) {
    if (which.slots == 0 || is_lost(which.state()))
        return;
    for (auto& slot : tasks_.slots()) {
        if (slot.of != &which)
            continue;
        slot.abort_wanted = true;
        if (slot.phase == task_phase::ready)
            tasks_.finish(slot, task_result::lost, loss_reason::unit_given_up);
    }
    std::erase_if(unwanted_, [&which](const auto& each) { return each.of == &which; });
    unwanted_.push_back({&which, now + longest_segment});
    give_up_unwanted(over, may_ask, now);
}

void task_management::give_up_unwanted(connection& over, bool may_ask, instant now) {
    std::erase_if(unwanted_, [&](const unwanted_unit& each) {
        return is_lost(each.of->state()) || lose_as_asked(*each.of, over, may_ask, now);
    });
}

// The reset ends what the target may still do with its writes, and opens the unit when it is
// answered.
bool task_management::lose_as_asked(unit& which, connection& over, bool may_ask, instant now) {
    if (!tasks_.lose(which, over, true))
        return false;
    give_up_requests(which, false);
    if (!may_ask)
        return true;
    reset_again_later(which, now);
    waiting_.push_back({.step = rung::reset_unit, .of = &which, .since = now});
    send_waiting(over, now);
    return true;
}

result<void> task_management::check_unwanted(instant now) const {
    const auto late = std::find_if(unwanted_.begin(), unwanted_.end(), [now](const auto& each) {
        return each.until <= now;
    });
    if (late == unwanted_.end())
        return {};
    return session_fault(
        session_errc::task_management_timeout,
        "Data-In of a unit that was given up",
        "a part of it",
        "all of it within 2 s"
    );
}

// In their order, but no unit's aborts keep those of another one waiting.
void task_management::send_waiting(connection& over, instant now) {
    for (std::size_t i = 0; i < waiting_.size() && sent_.size() < most_unanswered;) {
        if (!has_place(waiting_[i])) {
            ++i;
            continue;
        }
        const auto next = waiting_[i];
        waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
        send(next, over, now);
    }
}

bool task_management::has_place(const request& next) const {
    std::ptrdiff_t all = 0;
    std::ptrdiff_t of_unit = 0;
    for (const auto& each : sent_) {
        all += each.overdue ? 0 : 1;
        of_unit += each.of == next.of && each.step == rung::abort_task ? 1 : 0;
    }
    return all < most_at_once && (next.step != rung::abort_task || of_unit < most_aborts_of_a_unit);
}

void task_management::send(request what, connection& over, instant now) {
    const auto* target = tasks_.find(what.target);
    if (what.step == rung::abort_task && (target == nullptr || target->phase != task_phase::sent))
        return; // answered meanwhile
    what.tag = context_.tags.next(control_purpose::task_management);
    what.command_sn = context_.window.next();
    what.deadline = now + patience_with(what);
    silence_targets(what);
    over.send(pdu_of(what));
    count(what.step, context_.statistics);
    sent_.push_back(what);
}

task_management_request task_management::pdu_of(const request& what) {
    task_management_request pdu;
    pdu.function = function_of(what.step);
    pdu.initiator_task_tag = what.tag;
    pdu.command_sn = what.command_sn;
    pdu.referenced_task_tag = what.target;
    if (what.step != rung::reset_target) // it has none (§11.5.5)
        pdu.lun = what.of->lun();
    if (what.step == rung::abort_task)
        pdu.reference_command_sn = tasks_.find(what.target)->command_sn;
    return pdu;
}

duration task_management::patience_with(const request& what) const {
    const auto& timeouts = context_.config.timeouts;
    if (what.step == rung::abort_task)
        return timeouts.abort;
    return what.step == rung::reset_unit ? timeouts.lu_reset : timeouts.target_reset;
}

// The tasks that a function is to end: those that went out before it.
bool task_management::covers(const request& what, const task& slot) const {
    if (slot.phase != task_phase::sent)
        return false;
    if (what.step == rung::abort_task)
        return slot.id == what.target;
    const bool there = what.step == rung::reset_target || slot.of == what.of;
    return there && serial_before(slot.command_sn, what.command_sn);
}

// FastAbort: R2Ts of the tasks that are to end are not answered any more. Some targets wait for the
// data all the same, hence the choice.
void task_management::silence_targets(const request& what) {
    if (!context_.config.fast_abort)
        return;
    for (auto& slot : tasks_.slots())
        if (covers(what, slot))
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
        return on_unknown(pdu.initiator_task_tag);
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

bool task_management::expects(std::uint32_t tag) const {
    return std::any_of(sent_.begin(), sent_.end(), [tag](const request& r) {
        return r.tag == tag;
    });
}

result<void> task_management::on_unknown(std::uint32_t tag) {
    if (given_up_ > 0 && control_tags::purpose_of(tag) == control_purpose::task_management) {
        --given_up_;
        return {};
    }
    return session_fault(
        session_errc::unknown_task,
        "Task Management Response Initiator Task Tag",
        std::to_string(tag),
        "a request of this session [RFC 7143 11.6]"
    );
}

result<void> task_management::on_refusal(
    const request& what, std::uint8_t response, connection& from, instant now
) {
    if (what.overdue)
        return {}; // the next rung is on its way
    if (what.comes_first && context_.config.replay_barrier == barrier_policy::automatic) {
        reset_over(*what.of, context_.events); // a target without resets is believed
        return {};
    }
    return escalate(what, true, refusal(what.step, response), from, now);
}

// False: the target will not do it.
result<bool> task_management::conclude(const request& what, std::uint8_t response) {
    const bool complete = response == function_complete;
    if (what.step == rung::abort_task)
        return complete || response == task_does_not_exist ? conclude_abort(what, response)
                                                           : result<bool>(false);
    if (!complete && (what.step == rung::reset_target || response != lun_does_not_exist))
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
    for (auto& each : tasks_.units()) {
        if (what.step != rung::reset_target && &each != what.of)
            continue;
        reset_over(each, context_.events);
        give_up_overdue_aborts(each);
    }
}

// What they were to end has ended. They would take the places of others for ever.
void task_management::give_up_overdue_aborts(const unit& of) {
    given_up_ += std::erase_if(sent_, [&](const request& r) {
        return r.of == &of && r.step == rung::abort_task && r.overdue;
    });
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
        const auto tried = *due; // escalate() may change sent_
        ++context_.statistics.timeout_err;
        const auto why = silence(tried.step);
        if (auto widened = escalate(tried, false, why, over, now); widened.has_error())
            return widened;
    }
    reset_lost_units(over, now); // and what is overdue leaves its place to others
    return check_unwanted(now);
}

result<void> task_management::escalate(
    const request& tried, bool refused, const fault& why, connection& over, instant now
) {
    const auto* target = tasks_.find(tried.target);
    const bool answered_meanwhile =
        tried.step == rung::abort_task && (target == nullptr || target->phase != task_phase::sent);
    if (answered_meanwhile || is_lost(tried.of->state()))
        return {};
    if (sent_.size() >= most_unanswered)
        return why;
    const auto next = next_rung(
        tried.step,
        {.refused = refused,
         .others_live = tasks_.units().answering.has_other(*tried.of, tried.since),
         .had_connection = tried.of->had_connection}
    );
    auto climbed = climb(next, tried, why, over, now);
    send_waiting(over, now);
    return climbed;
}

result<void> task_management::climb(
    rung to, const request& tried, const fault& why, connection& over, instant now
) {
    if (to == rung::lose_unit && lose(*tried.of, over, now))
        return {};
    if (to == rung::new_connection || to == rung::lose_unit) {
        tried.of->had_connection = true;
        return why;
    }
    if (!is_under_way(to, tried))
        add_wider(to, tried);
    return {};
}

// It ends what the aborts ask for that still wait.
void task_management::add_wider(rung step, const request& tried) {
    std::erase_if(waiting_, [&](const request& r) {
        return r.step == rung::abort_task && (step == rung::reset_target || r.of == tried.of);
    });
    auto wider = tried;
    wider.step = step;
    wider.target = reserved_tag;
    wider.overdue = false;
    waiting_.push_front(wider);
}

bool task_management::lose(unit& which, connection& over, instant now) {
    if (!tasks_.lose(which, over, false))
        return false;
    give_up_requests(which, false); // the resets may still be answered: it works again then
    reset_again_later(which, now);
    return true;
}

void task_management::give_up_requests(const unit& of, bool resets_too) {
    given_up_ += std::erase_if(sent_, [&](const request& r) {
        return r.of == &of && (resets_too ? is_unit_reset(r.step) : r.step == rung::abort_task);
    });
    std::erase_if(waiting_, [&](const request& r) { return r.of == &of; });
}

void task_management::reset_again_later(unit& which, instant now) {
    later_.push_back({&which, now + shortest_gap, shortest_gap});
}

void task_management::reset_lost_units(connection& over, instant now) {
    std::erase_if(later_, [](const later_reset& each) { return !is_lost(each.of->state()); });
    for (auto& each : later_) {
        if (each.at > now)
            continue;
        each.gap = std::min(2 * each.gap, longest_gap);
        each.at = now + each.gap;
        give_up_requests(*each.of, true);
        waiting_.push_back({.step = rung::reset_unit, .of = each.of, .since = now});
    }
    send_waiting(over, now);
}

// One that waits will end all that was tried; one that went out ends what went out before it.
bool task_management::is_under_way(rung step, const request& tried) {
    const auto* target = tried.step == rung::abort_task ? tasks_.find(tried.target) : nullptr;
    const auto same = [&](const request& r) {
        const bool as_wide = r.step == step || (is_unit_reset(step) && is_unit_reset(r.step));
        return as_wide && !r.overdue && (r.of == tried.of || step == rung::reset_target);
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
    later_.clear();
    unwanted_.clear();
    given_up_ = 0;
}

std::optional<instant> task_management::deadline() const {
    std::optional<instant> first;
    for (const auto& each : sent_)
        if (!each.overdue)
            first = earlier(first, each.deadline);
    for (const auto& each : later_)
        first = earlier(first, each.at);
    for (const auto& each : unwanted_)
        first = earlier(first, each.until);
    return first;
}

} // namespace iscsi
