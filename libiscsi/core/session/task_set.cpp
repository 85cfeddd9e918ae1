#include "libiscsi/core/session/task_set.hpp"

#include "libiscsi/core/session/faults.hpp"
#include "libiscsi/core/session/transfer.hpp"

#include <algorithm>
#include <limits>

namespace iscsi {
namespace {

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

} // namespace

task_set::task_set(session_context& context)
    : context_(context)
    , table_(context.config.commands_max + slots_kept, context.config.offer.max_outstanding_r2t)
    , timer_(
          units_,
          context.config.commands_max + slots_kept,
          context.config.timeouts.noop_out_interval > duration::zero()
      ) {
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
    opened->of = &units_.of(what.lun);
    ready_.push_back(*opened);
    ++unfinished_;
    return opened->id;
}

void task_set::emit(connection& to) {
    while (to.output().has_room() && emit_one(to)) {
    }
}

// Commands and data take turns, so that neither starves the other.
bool task_set::emit_one(connection& to) {
    commands_turn_ = !commands_turn_;
    if (commands_turn_ && emit_command(to))
        return true;
    if (to.send_data_out()) {
        ++context_.statistics.dataout_pdus;
        return true;
    }
    return !commands_turn_ && emit_command(to);
}

bool task_set::emit_command(connection& to) {
    if (holds_commands_ || ready_.empty() || !context_.window.open() || !unsettled_.empty())
        return false;
    auto* next = next_to_go();
    if (next == nullptr)
        return false;
    next->unlink();
    send_command(to, *next);
    return true;
}

// The oldest, but units do not wait for each other.
task* task_set::next_to_go() {
    const auto next = std::find_if(ready_.begin(), ready_.end(), [this](const task& what) {
        return may_go(what);
    });
    return next == ready_.end() ? nullptr : &*next;
}

bool task_set::may_go(const task& what) const {
    if (what.what.goes_ahead)
        return true;
    return std::find(held_.begin(), held_.end(), what.what.lun) == held_.end() &&
           !replay_.holds(what);
}

void task_set::hold(const lun_field& lun) {
    if (std::find(held_.begin(), held_.end(), lun) == held_.end())
        held_.push_back(lun);
}

void task_set::let_go(const lun_field& lun) {
    held_.erase(std::remove(held_.begin(), held_.end(), lun), held_.end());
}

std::size_t task_set::free_slots() const {
    const auto all = table_.free_slots();
    return all > slots_kept ? all - slots_kept : 0;
}

void task_set::send_command(connection& to, task& what) {
    const auto unasked = unasked_data_of(what, context_.parameters);
    what.phase = task_phase::sent;
    what.allegiance = &to;
    what.command_sn = context_.window.take();

    scsi_command pdu;
    pdu.final = unasked.burst == 0;
    pdu.read = what.is_read();
    pdu.write = what.is_write();
    pdu.attribute = what.what.attribute;
    pdu.lun = what.what.lun;
    pdu.initiator_task_tag = what.id;
    pdu.expected_data_transfer_length = what.expected_length();
    pdu.command_sn = what.command_sn;
    pdu.cdb = what.what.cdb;
    const auto immediate = what.what.data_out.first(unasked.immediate);
    to.send(pdu, {immediate, immediate.empty() ? nullptr : &what.ledger, false, what.id});
    what.of->sent(what);
    ++context_.statistics.scsicmd_pdus;

    if (what.is_write())
        what.moved.add(0, unasked.immediate + unasked.burst);
    if (unasked.burst == 0)
        return;
    what.bursts.push({reserved_tag, what.what.lun, unasked.immediate, unasked.burst, 0});
    to.owe(what);
}

void task_set::on_left(std::span<const task_id> whose) {
    for (const auto id : whose)
        if (auto* found = table_.find(id); found != nullptr && found->phase == task_phase::sent)
            timer_.left(*found, context_.now);
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
    const auto found = running(pdu.initiator_task_tag, "Data-In");
    if (found.has_error())
        return found.error();
    if (*found == nullptr)
        return {};
    if (auto noted = accept_status(**found, pdu); noted.has_error())
        return noted;
    finish(**found, task_result::answered);
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
        return session_fault(
            session_errc::unknown_task,
            "SCSI Response Initiator Task Tag",
            std::to_string(pdu.initiator_task_tag),
            "one response for each task [RFC 7143 11.4]"
        );
    if (auto noted = accept_response(**found, pdu, data); noted.has_error())
        return noted;
    finish(**found, task_result::answered);
    return {};
}

void task_set::on_command_rejected(task& what) {
    constexpr std::uint8_t target_failure = 0x01; // §11.4.3
    what.answer.response = target_failure;
    finish(what, task_result::answered);
}

// ---- ends -------------------------------------------------------------------------------------

void task_set::finish(task& what, task_result outcome) {
    if (what.phase != task_phase::ready && what.phase != task_phase::sent)
        return;
    what.answer.outcome = outcome;
    what.answer.timed_out = what.timed_out && outcome == task_result::aborted;
    what.of->answered(what, context_.now);
    if (what.allegiance != nullptr)
        what.allegiance->silence(what);
    what.unlink();
    what.phase = task_phase::answered;
    if (what.ledger.held > 0)
        answered_.push_back(what);
    else
        complete(what);
}

void task_set::finish_all(task_result outcome) {
    for (auto& slot : table_.slots())
        finish(slot, outcome);
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
    settle(what);
    what.phase = task_phase::done;
    --unfinished_;
    replay_.over(what);
    context_.events.push(what.answer);
}

bool task_set::is_drained() const {
    const auto slots = table_.slots();
    return std::none_of(slots.begin(), slots.end(), [](const task& slot) {
        return slot.phase == task_phase::sent;
    });
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
    holds_commands_ = false;
    replay_.restart();
    for (auto& slot : table_.slots())
        if (slot.phase == task_phase::sent || (slot.phase == task_phase::ready && slot.reissued))
            park(slot, now);
    std::sort(parked_.begin(), parked_.end(), [](const task* a, const task* b) {
        return a->order > b->order;
    });
    if (!parked_.empty() && is_hopeless(*parked_.back(), now)) {
        finish(*parked_.back(), task_result::lost);
        parked_.pop_back();
    }
    for (auto* newest_first : parked_)
        ready_.push_front(*newest_first);
}

void task_set::park(task& what, instant now) {
    if (what.phase == task_phase::sent) {
        unsettled_.lost(what);
        if (what.losses++ == 0)
            what.first_lost = now;
    }
    what.unlink();
    what.of->forget(what);
    what.forget_transfer();
    what.reissued = false;
    if (what.abort_wanted)
        return finish(what, task_result::aborted);
    if (what.offences >= tolerated_offences)
        return finish(what, task_result::lost);
    what.phase = task_phase::ready;
    what.reissued = true;
    replay_.reissued(what);
    parked_.push_back(&what);
}

// The oldest goes out first, so it is the one to suspect; the others get their chance without it.
bool task_set::is_hopeless(const task& what, instant now) const {
    const auto patience = context_.config.timeouts.replacement;
    return patience >= duration::zero() && what.losses >= tolerated_losses &&
           now - what.first_lost >= patience;
}

void task_set::blame(task_id id) {
    if (auto* found = table_.find(id); found != nullptr)
        ++found->offences;
}

void task_set::release(task_id id) {
    if (auto* found = table_.find(id); found != nullptr && found->phase == task_phase::done)
        table_.close(*found);
}

} // namespace iscsi
