#pragma once

#include "libiscsi/core/session/task.hpp"
#include "libiscsi/core/session/unit_states.hpp"

#include <boost/intrusive/list.hpp>

#include <optional>
#include <vector>

namespace iscsi {

using unit_hook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

// One logical unit of a session: made when it is first named, kept as long as the session. What
// holds it holds no other unit. It has
//   - its state (unit_states.hpp), which says what may be sent;
//   - the tasks that wait for their way out (ready) and those that the target has (sent);
//   - the time of the latter.
//
// A task comes in by wait() or, after its connection was lost, by wait_again(); next() says which
// one may go; sent(), left(), moved() follow it; over() ends it from wherever it is.
class unit : public unit_hook {
  public:
    unit(const lun_field& lun, std::size_t number) : lun_(lun), number_(number) {}

    const lun_field& lun() const { return lun_; }

    std::size_t number() const { return number_; } // counts from 0 in each session

    // ---- state ----
    unit_state state() const { return state_; }

    void apply(unit_event what);

    // Its target is known to end old tasks at session reinstatement (RFC 7143 §6.3.5).
    bool is_trusted = false;

    // A connection was ended because its task management went unanswered or was refused. It gets
    // no second one before it has answered something else than a question.
    bool had_connection = false;

    std::size_t slots = 0; // of the session's, that its tasks have

    // ---- tasks that wait ----
    void wait(task& what);

    // Goes out again, ahead of all that waits; call in the order from new to old.
    void wait_again(task& what);

    // The one that may go next: a question, else the oldest. nullptr: none.
    task* next();

    bool has_waiting() const { return !ready_.empty() || !questions_.empty(); }

    // ---- tasks that the target has ----
    void sent(task& what) { sent_.push_back(what); }

    // The command has left to its last byte; from now on it has progress.
    void left(task& what, instant now);

    // Data of it have moved, or an R2T has asked for some.
    void moved(task& what, instant now);

    // Its connection is gone. After the last one of them begin_replays().
    void forget(task& what);
    void count_replay(const task& what); // one that goes out again
    void begin_replays();

    // The target has it no more.
    void ended(task& what, bool is_answered, instant now);

    // A newer command says that the unit has been reset, or that its commands were cleared: those
    // of before may have no answer any more (SAM-5 §6.3), and get 5 s from now on instead of their
    // timeout.
    void commands_were_cleared(const task& told_by, instant now);

    // It is over; a re-issued write may have been the last one that others wait for.
    void over(const task& what);

    // The bytes of data that sent tasks have still to move, by direction.
    std::uint64_t reading = 0;
    std::uint64_t writing = 0;
    std::uint32_t places = 0; // in the command window, that its tasks have
    instant last_active{};    // a command of it was sent, moved data, or was answered

    instant last_answered() const { return last_answered_; } // any command

    std::int64_t credit = 0; // of its turn, in bytes: see unit_scheduler

    // Adds the commands whose time is over to `due`; says when that of another one may be.
    //
    // The time of a command counts from its last progress: that it left, that its data moved, or
    // that the same was true of an older command of the unit, behind which it waits. Newer ones
    // that are answered prolong it, too, for a unit may take SIMPLE tasks in any order
    // (SAM-5), but not for ever.
    std::optional<instant> check(instant now, std::vector<task*>& due);

    // A command that newer ones overtake has this many times its timeout.
    static constexpr int overtaken_at_most = 4;

  private:
    using sent_list = boost::intrusive::list<
        task,
        boost::intrusive::member_hook<task, sent_hook, &task::in_sent>,
        boost::intrusive::constant_time_size<false>>;

    instant deadline_of(const task& what, instant progress) const;

    lun_field lun_;
    std::size_t number_;
    unit_state state_ = unit_state::open;
    task_list ready_;
    task_list questions_; // ready, too: those that go ahead
    sent_list sent_;
    std::size_t replays_ = 0; // re-issued writes that are not over
    instant last_answered_{}; // any command of the unit
};

// A command without data may change blocks, too: WRITE SAME with NDOB, SYNCHRONIZE CACHE. Others
// must keep their order to it.
inline bool keeps_others_waiting(const task& what) {
    return what.reissued && !what.is_read();
}

// Whether the medium may change by it even after its connection was lost. Operation codes without
// data to write that leave it as it is: SPC-5, SBC-4.
bool may_change_medium(const command& what);

} // namespace iscsi
