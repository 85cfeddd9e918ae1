#pragma once

#include "libiscsi/core/parameters.hpp"

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include <optional>

namespace iscsid::lane {

class session_schedule;

// What a schedule knows of one session. It leaves its schedule when it is destroyed, which must be
// before the schedule is.
class scheduled_session {
  public:
    explicit scheduled_session(session_schedule& in) : schedule_(in) {}

    virtual ~scheduled_session() = default;
    scheduled_session(const scheduled_session&) = delete;
    scheduled_session& operator=(const scheduled_session&) = delete;
    scheduled_session(scheduled_session&&) = delete;
    scheduled_session& operator=(scheduled_session&&) = delete;

    // In a turn in which there is something to do for it, or in which its deadline has come.
    virtual void run(iscsi::instant now) = 0;

    std::optional<iscsi::instant> deadline() const { return deadline_; }

  protected:
    // Let run() be called in this turn; when run() is under way for this session, that is the one.
    void has_work();

    // Let it be called then, too. Nothing: there is nothing to wait for.
    void set_deadline(std::optional<iscsi::instant> when);

  private:
    friend class session_schedule;
    using hook_mode = boost::intrusive::link_mode<boost::intrusive::auto_unlink>;
    using list_hook = boost::intrusive::list_member_hook<hook_mode>;
    using set_hook = boost::intrusive::set_member_hook<hook_mode>;

    session_schedule& schedule_;
    std::optional<iscsi::instant> deadline_;
    list_hook in_work_;
    set_hook in_deadlines_;
};

// Which sessions of a lane have something to do now, and which one is due next: a session that is
// idle costs a turn nothing, however many there are. Allocates nothing. One thread only.
class session_schedule {
  public:
    session_schedule() = default;

    // When turn() is to be called next. One that has passed: at once.
    std::optional<iscsi::instant> next_deadline() const;

    // Runs each session that has work or is due, once. What comes up meanwhile for a session that
    // has run is for the next turn.
    void turn(iscsi::instant now);

  private:
    friend class scheduled_session;

    struct by_deadline {
        bool operator()(const scheduled_session& left, const scheduled_session& right) const {
            return left.deadline_ < right.deadline_;
        }
    };

    using by_work = boost::intrusive::
        member_hook<scheduled_session, scheduled_session::list_hook, &scheduled_session::in_work_>;
    using by_time = boost::intrusive::member_hook<
        scheduled_session,
        scheduled_session::set_hook,
        &scheduled_session::in_deadlines_>;
    using no_count = boost::intrusive::constant_time_size<false>;

    using work_list = boost::intrusive::list<scheduled_session, by_work, no_count>;
    using deadline_set = boost::intrusive::
        multiset<scheduled_session, by_time, boost::intrusive::compare<by_deadline>, no_count>;

    work_list work_;
    deadline_set deadlines_; // only those that have one
};

} // namespace iscsid::lane
