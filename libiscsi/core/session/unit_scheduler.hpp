#pragma once

#include "libiscsi/core/session/flow_limit.hpp"
#include "libiscsi/core/session/link_probe.hpp"
#include "libiscsi/core/session/unit_set.hpp"

#include <boost/intrusive/list.hpp>

namespace iscsi {

// Which task goes out next. Units take turns (deficit round robin: a turn is worth so many bytes,
// what is left of it is kept for the next), so that a unit with much to do costs another one a
// turn and not its whole queue.
//
// The data that tasks have still to move are bounded for the session, by what the link carries
// (flow_limit), and while several units work for each of them, so that an answer of one is not
// behind megabytes of another in the target's queue.
//
// The places in the command window are the target's, for all units together, and a unit that
// answers nothing keeps those that it has. So the last ones are for units that have none, and a
// unit that has not answered lately gets a quarter of them: what hangs must not take the window
// from what works.
//
// Commands of a unit that stands still are not on the link: they take no room there. That it does,
// and is not only behind the data of others, is proven by the answer to a NOP-Out.
class unit_scheduler {
  public:
    // `limits`: as they are at each time.
    unit_scheduler(unit_set& units, const link_probe& probe, const session_timeouts& limits)
        : units_(units), probe_(probe), limits_(limits) {}

    // After next(): somebody waits for room, and a unit may stand still.
    bool wants_probe() const { return wants_probe_ && !probe_.is_out(); }

    // The unit has a task that waits.
    void add(unit& which) {
        if (!which.is_linked())
            ring_.push_back(which);
    }

    // nullptr: none may go now. `room`: the places that the window has left, 1 or more.
    task* next(std::uint32_t room, instant now);

    // ---- what becomes of it ----
    void sent(task& what, instant now);
    void moved(task& what, std::uint64_t bytes, instant now);
    void answered(const task& what, instant now); // and it is over
    void over(task& what);

    void connection_lost();

    // That tasks have in the command window: those that were sent and are not over.
    std::uint32_t places() const { return places_; }

  private:
    void look_for_room(instant now);
    bool stands_still(const unit& which, instant now);
    bool may_go(const unit& from, const task& what, instant now) const;
    bool may_take_place(const unit& from, const task& what, std::uint32_t room, instant now) const;
    std::uint64_t share(const flow_limit& of) const;

    flow_limit& flow_of(const task& what) { return what.is_read() ? in_ : out_; }

    unit_set& units_;
    const link_probe& probe_;
    const session_timeouts& limits_;
    bool wants_probe_ = false;
    boost::intrusive::list<unit, boost::intrusive::constant_time_size<false>> ring_;
    recent_units working_; // a task of theirs was sent
    std::uint32_t places_ = 0;
    flow_limit in_;
    flow_limit out_;
    bool in_has_room_ = true; // as of the last look
    bool out_has_room_ = true;
    std::chrono::nanoseconds quickest_answer_ = std::chrono::nanoseconds::max();
};

} // namespace iscsi
