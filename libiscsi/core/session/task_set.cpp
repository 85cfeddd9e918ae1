#include "libiscsi/core/session/task_set.hpp"

#include "libiscsi/core/session/faults.hpp"
#include "libiscsi/core/session/transfer.hpp"
#include "libiscsi/scsi/disposition.hpp"

#include <algorithm>
#include <limits>

namespace iscsi {
namespace {

// In a row: whoever takes part in a connection that another task has ended begins anew, for a link
// or a target that breaks everybody's PDUs says nothing about one task.
constexpr std::uint8_t tolerated_offences = 3;
constexpr unsigned tolerated_losses = 8;

// For commands that go ahead: parked ones may have taken all others.
constexpr std::size_t slots_kept = 16;

// Reads that are also writes need an additional header that targets rarely know (§11.3.3).
result<void> check_length(const command& what) {
    constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
    const auto size = what.data_in.size() + what.data_out.size();
    if (size > most)
        return session_fault(
            session_errc::command_too_long,
            "data",
            std::to_string(size),
            "32 bits [RFC 7143 11.3.4]"
        );
    if (!what.data_in.empty() && !what.data_out.empty())
        return session_fault(
            session_errc::command_too_long, "data", "both directions", "one [RFC 7143 11.3.3]"
        );
    return {};
}

// Its connection has ended while the target had it.
void note_loss(task& what, instant now) {
    if (may_change_medium(what.what))
        what.of->apply(unit_event::writes_lost);
    if (what.losses++ == 0)
        what.first_lost = now;
}

// A unit attention that is told with the next command, whoever has reset the unit: it may have
// ended all commands of before without a word (TAS = 0).
bool tells_of_cleared_commands(const task& what) {
    const auto news =
        scsi::judge({what.answer.response, what.answer.status, what.answer.sense}).news;
    return news == scsi::attention::reset || news == scsi::attention::commands_cleared;
}

// The oldest goes out first, so it is the one to suspect; the others get their chance without it.
bool is_hopeless(const task& what, instant now, duration patience) {
    return patience >= duration::zero() && what.losses >= tolerated_losses &&
           now - what.first_lost >= patience;
}

} // namespace

task_set::task_set(session_context& context)
    : context_(context)
    , table_(context.config.commands_max + slots_kept, room_for_r2ts(context.config))
    , timer_(units_, context.config.commands_max + slots_kept, context.config.timeouts)
    , scheduler_(units_, timer_.probe(), context.config.timeouts)
    , sender_(context, scheduler_) {
    parked_.reserve(context.config.commands_max + slots_kept);
}

// ---- work -------------------------------------------------------------------------------------

result<task_id> task_set::submit(const command& what) {
    if (auto checked = check_length(what); checked.has_error())
        return checked.error();
    const bool has_room = what.goes_ahead || free_slots() > 0;
    auto* opened = has_room ? table_.open(what) : nullptr;
    if (opened == nullptr)
        return session_fault(session_errc::no_free_slot, "command");
    ++unfinished_;
    opened->of = &units_.of(what.lun);
    ++opened->of->slots;
    if (is_lost(opened->of->state())) {
        finish(*opened, task_result::lost, loss_reason::unit_given_up);
        return opened->id;
    }
    opened->of->wait(*opened);
    scheduler_.add(*opened->of);
    return opened->id;
}

std::size_t task_set::free_slots() const {
    const auto all = table_.free_slots();
    return all > slots_kept ? all - slots_kept : 0;
}

std::size_t task_set::free_slots(const lun_field& lun) {
    constexpr std::size_t one_of = 8;
    const std::size_t all = context_.config.commands_max;
    const auto for_others = units_.size() > 1 ? std::min(slots_kept, all / one_of) : 0;
    const auto most = all - for_others;
    const auto used = units_.of(lun).slots;
    return used >= most ? 0 : std::min(free_slots(), most - used);
}

void task_set::on_left(std::span<const task_id> whose) {
    for (const auto id : whose)
        if (auto* found = table_.find(id); found != nullptr && found->phase == task_phase::sent)
            on_left(*found);
}

void task_set::on_left(task& what) {
    timer_.left(what, context_.now);
    if (what.is_write())
        scheduler_.moved(
            what, what.ledger.sent - (what.expected_length() - what.to_move), context_.now
        );
}

bool task_set::is_running(task_id id) {
    const auto* found = table_.find(id);
    return found != nullptr && found->phase == task_phase::sent;
}

// ---- what the target says ---------------------------------------------------------------------

// A task that the target knows and has not answered; nullptr for one that is over on our side.
result<task*> task_set::running(task_id id, std::string_view pdu_name) {
    auto* found = table_.find(id);
    const bool over =
        found == nullptr ? table_.was_closed(id)
                         : found->phase == task_phase::answered || found->phase == task_phase::done;
    if (over)
        return nullptr;
    if (found == nullptr || found->phase != task_phase::sent)
        return session_fault(
            session_errc::unknown_task,
            std::string(pdu_name) + " Initiator Task Tag",
            std::to_string(id),
            "a task of this session [RFC 7143 11.2.1.8]"
        );
    return found;
}

// Data of a task that is over must not touch its buffer: that has gone back to its owner.
result<void> task_set::on_data_header(connection& from, const data_in& pdu, std::uint32_t length) {
    const auto found = running(pdu.initiator_task_tag, "Data-In");
    if (found.has_error())
        return found.error();
    if (*found == nullptr) {
        from.input().discard();
        return {};
    }
    (*found)->of->moved(**found, context_.now);
    scheduler_.moved(**found, length, context_.now);
    return place(from, **found, pdu, length);
}

result<void>
task_set::place(connection& from, task& what, const data_in& pdu, std::uint32_t length) {
    const auto to = accept_data_in(what, pdu, length, context_.parameters);
    if (to.has_error())
        return to.error();
    from.input().place(*to);
    return {};
}

result<void> task_set::on_data_in(const data_in& pdu) {
    ++context_.statistics.datain_pdus;
    if (!pdu.has_status)
        return {};
    auto* found = table_.find(pdu.initiator_task_tag);
    if (found == nullptr ||
        found->phase != task_phase::sent) // on_data_header() knew it: it is over
        return answered_twice("Data-In Initiator Task Tag", pdu.initiator_task_tag);
    if (auto noted = accept_status(*found, pdu); noted.has_error())
        return noted;
    finish(*found, task_result::answered);
    return {};
}

result<void> task_set::on_r2t(const r2t& pdu) {
    ++context_.statistics.r2t_pdus;
    const auto found = running(pdu.initiator_task_tag, "R2T");
    if (found.has_error())
        return found.error();
    if (*found == nullptr)
        return {};
    auto& what = **found;
    what.of->moved(what, context_.now);
    if (what.silenced) {
        ++what.next_data_sn; // ExpDataSN of the answer counts it all the same
        return {};
    }
    const bool was_idle = what.bursts.empty();
    if (was_idle)
        what.allegiance->confirm(what);
    if (auto accepted = accept_r2t(what, pdu, context_.parameters); accepted.has_error())
        return accepted;
    if (was_idle)
        what.allegiance->owe(what);
    return {};
}

result<void> task_set::on_response(const scsi_response& pdu, bytes_view data) {
    ++context_.statistics.scsirsp_pdus;
    const auto found = running(pdu.initiator_task_tag, "SCSI Response");
    if (found.has_error())
        return found.error();
    if (*found == nullptr)
        return answered_twice("SCSI Response Initiator Task Tag", pdu.initiator_task_tag);
    if (auto noted = accept_response(**found, pdu, data); noted.has_error())
        return noted;
    if (tells_of_cleared_commands(**found)) {
        (*found)->of->commands_were_cleared(**found, context_.now);
        timer_.look_again(context_.now);
    }
    finish(**found, task_result::answered);
    return {};
}

// Only a task of a lost unit, which has ended here, may still be answered there.
result<void> task_set::answered_twice(std::string_view field, task_id id) {
    if (abandoned_ == 0)
        return session_fault(
            session_errc::unknown_task,
            field,
            std::to_string(id),
            "one response for each task [RFC 7143 11.4]"
        );
    --abandoned_;
    return {};
}

void task_set::on_command_rejected(task& what) {
    constexpr std::uint8_t target_failure = 0x01; // §11.4.3
    what.answer.response = target_failure;
    finish(what, task_result::answered);
}

// ---- ends -------------------------------------------------------------------------------------

void task_set::finish(task& what, task_result outcome, loss_reason why_lost) {
    if (what.phase != task_phase::ready && what.phase != task_phase::sent)
        return;
    what.answer.outcome = outcome;
    what.answer.why_lost = why_lost;
    what.answer.connections = what.losses;
    what.answer.may_have_run = what.phase == task_phase::sent || what.losses > 0;
    what.answer.timed_out = what.timed_out && outcome == task_result::aborted;
    note_end(what);
    if (what.allegiance != nullptr)
        what.allegiance->silence(what);
    what.unlink();
    what.phase = task_phase::answered;
    if (what.ledger.held > 0)
        answered_.push_back(what);
    else
        complete(what);
}

void task_set::note_end(task& what) {
    auto& of = *what.of;
    const bool is_answered =
        what.answer.outcome == task_result::answered && what.phase == task_phase::sent;
    if (is_answered) {
        units_.answering.note(of, context_.now);
        of.had_connection = of.had_connection && what.what.goes_ahead;
        scheduler_.answered(what, context_.now);
        if (what.bursts.empty())
            what.allegiance->confirm(what);
    }
    of.ended(what, is_answered, context_.now);
    scheduler_.over(what);
}

bool task_set::lose(unit& which, connection& over, bool was_asked) {
    const auto* arriving =
        over.input().is_placing() ? std::get_if<data_in>(&over.current()) : nullptr;
    const auto* into = arriving != nullptr ? find(arriving->initiator_task_tag) : nullptr;
    if (into != nullptr && into->of == &which)
        return false;
    which.apply(unit_event::unanswered);
    context_.events.push(unit_given_up{which.lun(), was_asked});
    for (auto& slot : table_.slots()) {
        if (slot.of != &which)
            continue;
        abandoned_ += slot.phase == task_phase::sent ? 1U : 0U;
        finish(slot, task_result::lost, loss_reason::unit_given_up);
    }
    return true;
}

void task_set::lose_all(loss_reason why) {
    for (auto& slot : table_.slots())
        finish(slot, task_result::lost, why);
}

void task_set::complete_released() {
    for (auto next = answered_.begin(); next != answered_.end();) {
        auto& what = *next++;
        if (what.ledger.held == 0)
            complete(what);
    }
}

void task_set::complete(task& what) {
    what.unlink();
    count_bytes(what);
    what.phase = task_phase::done;
    --unfinished_;
    what.of->over(what);
    context_.events.push(what.answer);
}

// A command that the message does not acknowledge has come too late to be ended: it runs.
void task_set::on_unit_cleared(const lun_field& lun) {
    for (auto& slot : table_.slots())
        if (slot.phase == task_phase::sent && slot.what.lun == lun &&
            context_.window.acknowledged(slot.command_sn))
            finish(slot, task_result::aborted);
}

void task_set::park(instant now) {
    parked_.clear();
    timer_.forget();
    scheduler_.connection_lost();
    sender_.restart();
    units_.answering.clear();
    abandoned_ = 0;
    for (auto& slot : table_.slots())
        if (slot.phase == task_phase::sent || (slot.phase == task_phase::ready && slot.reissued))
            park(slot, now);
        else if (slot.phase == task_phase::ready && slot.what.goes_once)
            finish(slot, task_result::lost, loss_reason::goes_once);
    std::sort(parked_.begin(), parked_.end(), [](const task* a, const task* b) {
        return a->order > b->order;
    });
    if (!parked_.empty() &&
        is_hopeless(*parked_.back(), now, context_.config.timeouts.replacement)) {
        finish(*parked_.back(), task_result::lost, loss_reason::ends_connections);
        parked_.pop_back();
    }
    blamed_.reset();
    for (auto* newest_first : parked_) {
        newest_first->of->wait_again(*newest_first);
        scheduler_.add(*newest_first->of);
    }
    for (auto& each : units_)
        each.begin_replays();
}

void task_set::park(task& what, instant now) {
    if (what.phase == task_phase::sent) {
        note_loss(what, now);
        if (blamed_ != what.id)
            what.offences = 0;
    }
    what.unlink();
    what.of->forget(what);
    scheduler_.over(what);
    what.forget_transfer();
    what.reissued = false;
    if (what.abort_wanted)
        return finish(what, task_result::aborted);
    if (what.what.goes_once)
        return finish(what, task_result::lost, loss_reason::goes_once);
    if (what.offences >= tolerated_offences)
        return finish(what, task_result::lost, loss_reason::ends_connections);
    what.phase = task_phase::ready;
    what.reissued = true;
    what.of->count_replay(what);
    parked_.push_back(&what);
}

void task_set::blame(task_id id) {
    if (auto* found = table_.find(id); found != nullptr) {
        ++found->offences;
        blamed_ = id;
    }
}

void task_set::release(task_id id) {
    if (auto* found = table_.find(id); found != nullptr && found->phase == task_phase::done) {
        --found->of->slots;
        table_.close(*found);
    }
}

void reset_over(unit& which, event_queue& events) {
    const bool was_given_up = is_lost(which.state());
    which.apply(unit_event::reset_over);
    if (was_given_up)
        events.push(unit_is_back{which.lun()});
}

} // namespace iscsi
