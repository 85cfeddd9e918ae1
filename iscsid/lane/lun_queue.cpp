#include "iscsid/lane/lun_queue.hpp"

#include "libiscsi/scsi/status.hpp"

#include <algorithm>
#include <cerrno>

namespace iscsid::lane {

namespace {

constexpr std::size_t usual_depth = 128;
constexpr std::size_t growth = 64;

// BUSY and TASK SET FULL: the load of the target goes away, sooner or later.
constexpr iscsi::duration first_delay = std::chrono::milliseconds(1);
constexpr iscsi::duration longest_delay = std::chrono::milliseconds(1000);

// Linux gives a command its timeout for the first try and for each of five retries.
constexpr int timeouts_until_give_up = 6;

} // namespace

lun_queue::lun_queue(
    session_port* session, const iscsi::lun_field& lun, const scsi::logical_unit& properties
)
    : session_(session), lun_(lun), translator_(properties) {
    grow(usual_depth);
}

void lun_queue::submit(const block_request& request, request_owner& owner) {
    if (retired_ && request.op == operation::flush) {
        owner.complete(request.tag, 0);
        return;
    }
    const int error = session_ == nullptr ? ENOLINK
                      : refusal() != 0    ? refusal()
                                          : translator_.check(request);
    if (error != 0) {
        enter(request, 0, error);
        owner.complete(request.tag, error);
        return;
    }
    const std::uint32_t slot = take();
    entry& what = entries_[slot];
    what.request = request;
    what.owner = &owner;
    what.progress = {};
    what.ledger_mark = ledger_->mark();
    plan(slot);
}

// What the end of a request means for the unit's volatile cache.
void lun_queue::enter(const block_request& request, std::uint64_t mark, int error) {
    if (request.op == operation::flush)
        ledger_->flush_ended(mark, error);
    else if (request.op == operation::write || request.op == operation::write_zeroes)
        ledger_->write_ended(
            request.length,
            request.force_unit_access || !translator_.unit().write_cache_enabled,
            error
        );
}

void lun_queue::retire() {
    bar(ENODEV);
    retired_ = true;
}

void lun_queue::bar(int error) {
    barred_ = error;
    retired_ = false;
    if (error != 0)
        end_unsent(error);
}

void lun_queue::distrust(bool is_other) {
    is_other_ = is_other;
    if (!is_other) // what was held could not be answered
        return session_ == nullptr ? void() : restart_timeouts(session_->now());
    end_unsent(EIO);
    for (entry& what : entries_) {
        if (what.is != state::sent)
            continue;
        what.is = state::aborting; // ends in command_done()
        session_->abort(what.task);
    }
}

void lun_queue::end_unsent(int error) {
    first_waiting_ = no_slot;
    for (std::uint32_t slot = 0; slot < entries_.size(); ++slot)
        if (entries_[slot].is == state::waiting || entries_[slot].is == state::delayed)
            finish(slot, error);
}

void lun_queue::command_done(std::uint32_t slot, const iscsi::task_done& done) {
    --in_flight_;
    note_load(done);
    const scsi::disposition judged = judge_outcome(done, entries_[slot].command);
    if (judged.news != scsi::attention::none)
        session_->attention(lun_, judged.news);
    switch (judged.what) {
    case scsi::verdict::success:
        advance(slot);
        break;
    case scsi::verdict::retry_now:
    case scsi::verdict::retry_limited:
        repeat(slot, judged);
        break;
    case scsi::verdict::retry_after_delay:
        delay(slot, judged);
        break;
    case scsi::verdict::fail:
        another_way(slot, judged);
        break;
    }
}

void lun_queue::note_load(const iscsi::task_done& done) {
    if (done.outcome != iscsi::task_result::answered || done.response != 0)
        return;
    if (done.status == static_cast<std::uint8_t>(scsi::status::task_set_full))
        depth_.refused(in_flight_);
    else if (done.status == static_cast<std::uint8_t>(scsi::status::good))
        depth_.succeeded();
}

bool lun_queue::send_waiting() {
    const std::uint32_t slot = first_waiting_;
    if (slot == no_slot)
        return false;
    first_waiting_ = entries_[slot].next; // first, for a failed send completes a request
    if (try_send(slot))
        return true;
    entries_[slot].next = first_waiting_;
    first_waiting_ = slot;
    return false;
}

void lun_queue::handle_deadline(iscsi::instant now) {
    if (!next_check_ || now < *next_check_)
        return;
    next_check_.reset();
    for (std::uint32_t slot = 0; slot < entries_.size(); ++slot) {
        const entry& what = entries_[slot];
        if (what.is != state::sent && what.is != state::delayed)
            continue;
        if (what.due <= now)
            now_due(slot, now);
        else
            check_at(what.due);
    }
}

void lun_queue::restart_timeouts(iscsi::instant now) {
    for (entry& what : entries_) {
        if (what.is == state::free)
            continue;
        what.give_up.reset();
        if (what.is != state::sent)
            continue;
        what.due = now + timeout_of(what.command.cdb);
        check_at(what.due);
    }
}

void lun_queue::session_gone() {
    session_ = nullptr;
    first_waiting_ = no_slot;
    in_flight_ = 0;
    next_check_.reset();
    for (std::uint32_t slot = 0; slot < entries_.size(); ++slot)
        if (entries_[slot].is != state::free)
            finish(slot, ENOLINK);
}

// The next command of the request, or its end.
void lun_queue::plan(std::uint32_t slot) {
    entry& what = entries_[slot];
    if (refusal() != 0)
        return finish(slot, refusal());
    const next_step step = translator_.next(what.request, what.progress, what.list);
    if (const auto* end = std::get_if<request_end>(&step)) {
        finish(slot, end->error);
        return;
    }
    what.command = std::get<planned_command>(step);
    what.failed_tries = 0;
    what.next_delay = first_delay;
    what.give_up.reset();
    send_in_turn(slot);
}

// Those that wait already go first.
void lun_queue::send_in_turn(std::uint32_t slot) {
    if (first_waiting_ == no_slot && try_send(slot))
        return;
    entry& what = entries_[slot];
    what.is = state::waiting;
    what.next = no_slot;
    if (first_waiting_ == no_slot)
        first_waiting_ = slot;
    else
        entries_[last_waiting_].next = slot;
    last_waiting_ = slot;
}

// False: the session has no free slot, or the unit has enough. A session that takes no commands any
// more ends the request.
bool lun_queue::try_send(std::uint32_t slot) {
    if (!depth_.allows(in_flight_))
        return false;
    entry& what = entries_[slot];
    iscsi::command command;
    command.lun = lun_;
    command.cdb = what.command.cdb;
    command.data_in = what.command.data_in;
    command.data_out = what.command.data_out;
    command.cookie = slot;
    const auto task = session_->submit(command, *this);
    if (task.has_error()) {
        if (task.error().code == iscsi::to_error_code(iscsi::session_errc::no_free_slot))
            return false;
        finish(slot, ENOLINK);
        return true;
    }
    const auto timeout = timeout_of(what.command.cdb);
    ++in_flight_;
    what.is = state::sent;
    what.task = task.value();
    what.due = session_->now() + timeout;
    if (!what.give_up)
        what.give_up = session_->now() + timeouts_until_give_up * timeout;
    check_at(what.due);
    return true;
}

void lun_queue::advance(std::uint32_t slot) {
    entry& what = entries_[slot];
    what.progress.blocks += what.command.blocks;
    what.progress.synchronized |= what.command.synchronizes;
    plan(slot);
}

void lun_queue::repeat(std::uint32_t slot, const scsi::disposition& why) {
    entry& what = entries_[slot];
    if (refusal() != 0)
        return finish(slot, refusal());
    const bool in_time = !what.give_up || session_->now() < *what.give_up;
    if (what.failed_tries >= why.retries || !in_time) {
        finish(slot, why.error);
        return;
    }
    ++what.failed_tries;
    send_in_turn(slot);
}

void lun_queue::delay(std::uint32_t slot, const scsi::disposition& why) {
    entry& what = entries_[slot];
    const iscsi::instant then = session_->now() + what.next_delay;
    if (refusal() != 0 || (what.give_up && then >= *what.give_up)) {
        finish(slot, refusal() != 0 ? refusal() : why.error);
        return;
    }
    what.is = state::delayed;
    what.due = then;
    what.next_delay = std::min(2 * what.next_delay, longest_delay);
    check_at(then);
}

// A refused optional feature is not used again, and this same request goes on without it.
void lun_queue::another_way(std::uint32_t slot, const scsi::disposition& why) {
    const optional_feature uses = entries_[slot].command.uses;
    if (!why.unsupported || uses == optional_feature::none) {
        finish(slot, why.error);
        return;
    }
    translator_.refuse(uses);
    plan(slot);
}

// The owner may submit again from within complete(), so the slot is free before.
void lun_queue::finish(std::uint32_t slot, int error) {
    entry& what = entries_[slot];
    request_owner& owner = *what.owner;
    const std::uint64_t tag = what.request.tag;
    enter(what.request, what.ledger_mark, error);
    what.is = state::free;
    what.next = first_free_;
    first_free_ = slot;
    --unfinished_;
    owner.complete(tag, error);
}

void lun_queue::now_due(std::uint32_t slot, iscsi::instant now) {
    entry& what = entries_[slot];
    if (what.is == state::delayed) {
        send_in_turn(slot);
    } else if (session_->logged_in()) {
        what.is = state::aborting; // ends in command_done()
        session_->abort(what.task);
    } else { // no connection, so no answer: the session's own timer bounds that
        what.due = now + timeout_of(what.command.cdb);
        check_at(what.due);
    }
}

void lun_queue::check_at(iscsi::instant when) {
    next_check_ = next_check_ ? std::min(*next_check_, when) : when;
}

std::uint32_t lun_queue::take() {
    if (first_free_ == no_slot)
        grow(growth);
    const std::uint32_t slot = first_free_;
    first_free_ = entries_[slot].next;
    ++unfinished_;
    return slot;
}

void lun_queue::grow(std::size_t by) {
    for (std::size_t i = 0; i < by; ++i) {
        entries_.emplace_back().next = first_free_;
        first_free_ = static_cast<std::uint32_t>(entries_.size() - 1);
    }
}

} // namespace iscsid::lane
