#pragma once

#include "libiscsi/core/session/task.hpp"

#include <boost/intrusive/list.hpp>

#include <optional>
#include <vector>

namespace iscsi {

// One logical unit of a session: made when its first command is submitted, kept as long as the
// session. It holds the commands that the target has, in the order of their CmdSN, and tells when
// the time of one is over.
//
// A command's time counts from its last progress: that it left, that its data moved, or that the
// same was true of an older command of the unit, behind which it waits. Newer commands that are
// answered prolong it, too, for a unit may take tasks in any order (SAM-5 §8.4, simple tasks), but
// not for ever: see overtaken_at_most.
class unit {
  public:
    explicit unit(const lun_field& lun) : lun_(lun) {}

    const lun_field& lun() const { return lun_; }

    // The command has been given its CmdSN.
    void sent(task& what) { sent_.push_back(what); }

    // It has left to its last byte; from now on it has progress.
    void left(task& what, instant now);

    // Data of it have moved, or an R2T has asked for some.
    void moved(task& what, instant now);

    // It is over, or its connection is.
    void forget(task& what);
    void answered(task& what, instant now);

    // Adds the commands whose time is over to `due`; says when that of another one may be.
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
    sent_list sent_;
    instant last_moved_{}; // any command of the unit
};

} // namespace iscsi
