#include "iscsid/lane/lun_queue.hpp"

#include "libiscsi/scsi/status.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace iscsid::lane {

namespace {

constexpr std::size_t usual_depth = 128;
constexpr std::size_t growth = 64;

// BUSY and TASK SET FULL: the load of the target goes away, sooner or later.
constexpr iscsi::duration first_delay = std::chrono::milliseconds(1);
constexpr iscsi::duration longest_delay = std::chrono::milliseconds(1000);

// Linux gives a command its timeout for the first try and for each of five retries. So long what is
// tried in vain is tried again, from the first try that was: one whose time was over, or BUSY. Time
// in which data move, or behind a closed window, is no try in vain (see iscsi::command::timeout).
constexpr int timeouts_until_give_up = 6;

// A discard that a unit cannot do is no loss.
bool is_trouble(const block_request& request, int error) {
    return error != 0 && !(request.op == operation::discard && error == EOPNOTSUPP);
}

iscsi::instant time_at(unit* which) {
    return which != nullptr ? which->session().now() : std::chrono::steady_clock::now();
}

std::string words_for_lost(const iscsi::task_done& done) {
    switch (done.why_lost) {
    case iscsi::loss_reason::not_back:
        return "the session was not back within replacement_timeout";
    case iscsi::loss_reason::unit_given_up:
        return "the unit was given up: it has not answered its commands, and gets others when it "
               "is reset";
    case iscsi::loss_reason::ends_connections:
        return "each of the " + std::to_string(done.connections) +
               " connections on which it was sent has ended";
    case iscsi::loss_reason::window_shut:
        return "the target took no commands for replacement_timeout";
    case iscsi::loss_reason::goes_once:
        return "there is no connection, or the one that it went out on has ended";
    case iscsi::loss_reason::session_over:
        break;
    }
    return "the session has ended";
}

// Of an answer with GOOD that is not all right.
std::string words_for_good(const iscsi::task_done& done) {
    const auto moved = std::to_string(done.transferred) + " bytes were moved";
    if (done.residual_count == 0)
        return "GOOD, but only " + moved;
    const auto residual = std::to_string(done.residual_count);
    if (done.residual_overflow)
        return "GOOD, but with a residual overflow of " + residual + " bytes; " + moved;
    return "GOOD, but only " + moved + " (residual underflow of " + residual + ")";
}

std::string words_for(const iscsi::task_done& done) {
    switch (done.outcome) {
    case iscsi::task_result::lost:
        return words_for_lost(done);
    case iscsi::task_result::aborted:
        return done.timed_out ? "no answer in time, aborted" : "aborted, or ended by a reset";
    case iscsi::task_result::short_data:
        return "GOOD, but the data are not all there";
    case iscsi::task_result::answered:
        break;
    }
    if (done.response == 0 && done.status == static_cast<std::uint8_t>(scsi::status::good))
        return words_for_good(done);
    return scsi::describe({done.response, done.status, done.sense});
}

io_trouble describe_request(const block_request& request, std::uint32_t block_size) {
    io_trouble what;
    what.op = request.op;
    if (request.op == operation::flush || block_size == 0)
        return what;
    what.lba = request.offset / block_size;
    what.blocks = request.length / block_size;
    what.bytes = request.length;
    return what;
}

constexpr std::string_view words_for_barred =
    "a write of another session of the disk may still be running at the target";

std::string_view words_for_refused(int error) {
    return error == EROFS ? "the unit is read-only" : "not within the unit, or not on its blocks";
}

} // namespace

void fence_teller::fence_moves(bool is_raised) {
    if (unit_ == nullptr)
        return;
    const auto now = unit_->session().now();
    fence_moved news{unit_->lun(), is_raised, {}};
    if (is_raised)
        raised_at_ = now;
    else
        news.lasted = std::chrono::duration_cast<iscsi::duration>(now - raised_at_);
    unit_->session().tell(news);
}

lun_queue::lun_queue(unit* which, const scsi::logical_unit& properties, fence_place at)
    : unit_(which)
    , translator_(properties)
    , ledger_(which != nullptr ? which->ledger() : std::make_shared<write_ledger>())
    , io_(which != nullptr ? which->io() : std::make_shared<io_meter>())
    , teller_(which)
    , fence_(std::move(at), &teller_) {
    if (unit_ != nullptr)
        losses_ = unit_->losses().newcomer();
    if (fence_.is_raised()) // by an earlier daemon
        teller_.fence_moves(true);
    grow(usual_depth);
}

void lun_queue::submit(const block_request& request, request_owner& owner) {
    if (request.op == operation::flush && is_retired())
        return owner.complete(request.tag, 0);
    const auto end_at_once = [&](int error) {
        if (fence_.failed(request.op, false) && unit_ != nullptr) // an earlier daemon may have sent
            unit_->seek_proof();
        enter(request, {}, 0, error);
        owner.complete(request.tag, error);
    };
    if (unit_ == nullptr)
        return end_at_once(ENOLINK);
    if (const int error = translator_.check(request); error != 0 && unit_->refusal() == 0) {
        unit_->trouble(trouble_kind::failed, [&] {
            auto what = describe_request(request, translator_.unit().block_size);
            what.reason = words_for_refused(error);
            what.error = error;
            return what;
        });
        return end_at_once(error);
    }
    const std::uint32_t slot = take();
    entry& what = entries_[slot];
    what.request = request;
    what.owner = &owner;
    what.progress = {};
    what.progress.may_be_cached = translator_.has_write_cache();
    what.command = {};
    what.tries = 0;
    what.may_still_run = false;
    what.ledger_mark = ledger_->mark();
    what.began = unit_->session().now();
    io_->begin(request.op);
    plan(slot);
}

bool lun_queue::is_retired() const {
    return unit_ != nullptr ? unit_->is_retired() : was_retired_;
}

// What the end of a request means for the unit's volatile cache.
void lun_queue::enter(
    const block_request& request, const request_progress& progress, std::uint64_t mark, int error
) {
    if (request.op == operation::flush)
        return ledger_->flush_ended(mark, error);
    if (request.op != operation::write && request.op != operation::write_zeroes)
        return;
    const bool all_forced = progress.blocks > 0 && progress.forced == progress.blocks;
    auto where = write_place::without_cache;
    if (progress.synchronized || all_forced)
        where = write_place::on_medium;
    else if (progress.may_be_cached)
        where = write_place::maybe_cached;
    ledger_->write_ended(request.length, where, error);
}

// Only what was answered before a look or a doubt can be in a cache that these are the first to
// tell of; a write that is under way may be as well, and stays so when the cache is off again.
void lun_queue::note_cache() {
    if (!translator_.has_write_cache())
        return;
    ledger_->doubt_cache();
    for (entry& what : entries_)
        what.progress.may_be_cached = true;
}

void lun_queue::refresh(const scsi::logical_unit& seen, iscsi::instant looked_at) {
    translator_.refresh(seen, looked_at);
    note_cache();
}

void lun_queue::doubt_write_cache(iscsi::instant since) {
    translator_.doubt_write_cache(since);
    note_cache();
}

void lun_queue::abort_sent() {
    for (entry& what : entries_) {
        if (what.is != state::sent)
            continue;
        what.is = state::aborting; // ends in command_done()
        unit_->session().abort(what.task);
    }
}

void lun_queue::end_unsent() {
    first_waiting_ = no_slot;
    for (std::uint32_t slot = 0; slot < entries_.size(); ++slot)
        if (entries_[slot].is == state::waiting || entries_[slot].is == state::delayed)
            refuse(slot);
}

void lun_queue::command_done(std::uint32_t slot, const iscsi::task_done& done) {
    unit_->ended(done);
    entry& what = entries_[slot];
    const bool is_answered = done.outcome == iscsi::task_result::answered;
    // An earlier try may run on when this one has never gone out: its connection may have ended
    // before its abort was answered. An answer has waited for the replay barrier.
    what.may_still_run = !is_answered && (what.may_still_run || done.may_have_run);
    if (is_answered)
        fence_.answered(what.fence_age);
    if (done.outcome == iscsi::task_result::aborted)
        unit_->trouble(trouble_kind::aborted, [&] {
            auto aborted = describe(what);
            aborted.reason = words_for(done);
            return aborted;
        });
    take_verdict(slot, judge(what, done), done);
}

// A flush that tells of lost writes is not repeated: the second one would succeed, and nobody would
// ever hear of the loss (see tells_of_lost_writes()).
scsi::disposition lun_queue::judge(const entry& what, const iscsi::task_done& done) {
    auto judged = judge_outcome(done, what.command);
    const bool is_loss = what.command.synchronizes && tells_of_lost_writes(done);
    if (is_loss || judged.news == scsi::attention::deferred_error)
        unit_->attention(scsi::attention::deferred_error, &done);
    else if (judged.news != scsi::attention::none)
        unit_->attention(judged.news);
    if (!is_loss)
        return judged;
    const int error = judged.what == scsi::verdict::fail && judged.error == ENOSPC ? ENOSPC : EIO;
    return {.what = scsi::verdict::fail, .error = error};
}

void lun_queue::take_verdict(
    std::uint32_t slot, const scsi::disposition& judged, const iscsi::task_done& done
) {
    switch (judged.what) {
    case scsi::verdict::success:
        advance(slot);
        break;
    case scsi::verdict::retry_now:
    case scsi::verdict::retry_limited:
        repeat(slot, judged, done);
        break;
    case scsi::verdict::retry_after_delay:
        delay(slot, judged, done);
        break;
    case scsi::verdict::fail:
        another_way(slot, judged, done);
        break;
    }
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
        if (what.is != state::delayed)
            continue;
        if (what.due <= now)
            wait_in_turn(slot);
        else
            check_at(what.due);
    }
}

void lun_queue::restart_timeouts(iscsi::instant /*now*/) {
    for (entry& what : entries_)
        what.give_up.reset();
}

void lun_queue::session_gone() {
    was_retired_ = is_retired();
    unit_ = nullptr;
    first_waiting_ = no_slot;
    next_check_.reset();
    for (std::uint32_t slot = 0; slot < entries_.size(); ++slot) {
        entry& what = entries_[slot];
        what.may_still_run |= what.is == state::sent || what.is == state::aborting;
        if (what.is != state::free)
            finish(slot, ENOLINK);
    }
    teller_.session_gone();
}

// The next command of the request, or its end.
void lun_queue::plan(std::uint32_t slot) {
    entry& what = entries_[slot];
    if (what.request.is_flush_if_due && !ledger_->is_flush_due() && !fence_.is_raised())
        return finish(slot, 0);
    if (unit_->refusal() != 0)
        return refuse(slot);
    if (fence_.bars(what.request.op))
        return fail(slot, EIO, words_for_barred);
    if (what.request.op == operation::flush)
        what.progress.may_be_cached = ledger_->is_flush_due();
    const next_step step = translator_.next(what.request, what.progress, what.list);
    if (const auto* end = std::get_if<request_end>(&step)) {
        if (is_trouble(what.request, end->error))
            return fail(slot, end->error, "the unit cannot do it");
        return finish(slot, end->error);
    }
    what.command = std::get<planned_command>(step);
    what.failed_tries = 0;
    what.tries = 0;
    what.next_delay = first_delay;
    what.give_up.reset();
    send_in_turn(slot);
}

// Those that wait already go first.
void lun_queue::send_in_turn(std::uint32_t slot) {
    if (first_waiting_ != no_slot || !try_send(slot))
        wait_in_turn(slot);
}

void lun_queue::wait_in_turn(std::uint32_t slot) {
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
    if (!unit_->admits())
        return false;
    entry& what = entries_[slot];
    iscsi::command command;
    command.lun = unit_->lun();
    command.cdb = what.command.cdb;
    command.data_in = what.command.data_in;
    command.data_out = what.command.data_out;
    command.cookie = slot;
    command.timeout = timeout_of(what.command.cdb);
    const auto task = unit_->session().submit(command, *this);
    if (task.has_error()) {
        if (task.error().code == iscsi::to_error_code(iscsi::session_errc::no_free_slot))
            return false;
        fail(slot, ENOLINK, "the session has ended");
        return true;
    }
    unit_->sent();
    ++what.tries;
    what.is = state::sent;
    what.fence_age = fence_.age();
    what.task = task.value();
    return true;
}

void lun_queue::advance(std::uint32_t slot) {
    entry& what = entries_[slot];
    what.progress.add(what.command);
    plan(slot);
}

void lun_queue::repeat(
    std::uint32_t slot, const scsi::disposition& why, const iscsi::task_done& done
) {
    entry& what = entries_[slot];
    if (unit_->refusal() != 0)
        return refuse(slot);
    const auto now = unit_->session().now();
    if (done.timed_out && !what.give_up)
        what.give_up = now + (timeouts_until_give_up - 1) * timeout_of(what.command.cdb);
    if (what.failed_tries >= why.retries || (what.give_up && now >= *what.give_up))
        return fail(slot, why.error, done);
    ++what.failed_tries;
    wait_in_turn(slot);
}

void lun_queue::delay(
    std::uint32_t slot, const scsi::disposition& why, const iscsi::task_done& done
) {
    entry& what = entries_[slot];
    if (unit_->refusal() != 0)
        return refuse(slot);
    const auto now = unit_->session().now();
    if (!what.give_up)
        what.give_up = now + timeouts_until_give_up * timeout_of(what.command.cdb);
    const iscsi::instant then = now + what.next_delay;
    if (then >= *what.give_up)
        return fail(slot, why.error, done);
    what.is = state::delayed;
    what.due = then;
    what.next_delay = std::min(2 * what.next_delay, longest_delay);
    check_at(then);
}

// A refused optional feature is not used again, and this same request goes on without it.
void lun_queue::another_way(
    std::uint32_t slot, const scsi::disposition& why, const iscsi::task_done& done
) {
    const optional_feature uses = entries_[slot].command.uses;
    if (!why.unsupported || uses == optional_feature::none)
        return fail(slot, why.error, done);
    translator_.refuse(uses);
    if (uses == optional_feature::synchronize_cache_16)
        unit_->attention(scsi::attention::flush_refused);
    plan(slot);
}

void lun_queue::refuse(std::uint32_t slot) {
    fail(slot, unit_->refusal(), unit_->why_refused());
}

void lun_queue::fail(std::uint32_t slot, int error, std::string_view why) {
    unit_->trouble(trouble_kind::failed, [&] {
        auto what = describe(entries_[slot]);
        what.reason = why;
        what.error = error;
        return what;
    });
    finish(slot, error);
}

void lun_queue::fail(std::uint32_t slot, int error, const iscsi::task_done& why) {
    unit_->trouble(trouble_kind::failed, [&] {
        auto what = describe(entries_[slot]);
        what.reason = words_for(why);
        what.error = error;
        return what;
    });
    finish(slot, error);
}

// A flush is where its caller hears of what the unit has lost before. The owner may submit again
// from within complete(), so the slot is free before.
void lun_queue::finish(std::uint32_t slot, int error) {
    entry& what = entries_[slot];
    const bool is_flush = what.request.op == operation::flush && unit_ != nullptr;
    if (is_flush && unit_->losses().tell(losses_) && error == 0)
        return fail(slot, EIO, "a write that was answered before it is lost");
    request_owner& owner = *what.owner;
    const std::uint64_t tag = what.request.tag;
    if (error != 0 && fence_.failed(what.request.op, what.may_still_run) && unit_ != nullptr)
        unit_->seek_proof();
    enter(what.request, what.progress, what.ledger_mark, error);
    io_->end(what.request, time_at(unit_) - what.began, error);
    what.is = state::free;
    what.next = first_free_;
    first_free_ = slot;
    --unfinished_;
    owner.complete(tag, error);
}

void lun_queue::check_at(iscsi::instant when) {
    next_check_ = iscsi::earlier(next_check_, when);
}

// Of the command that was sent; of the whole request when none was.
io_trouble lun_queue::describe(const entry& of) const {
    auto what = describe_request(of.request, translator_.unit().block_size);
    what.tries = of.tries;
    if (what.bytes == 0 || of.command.blocks == 0)
        return what;
    what.lba += of.progress.blocks;
    what.blocks = of.command.blocks;
    what.bytes = what.blocks * translator_.unit().block_size;
    return what;
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
