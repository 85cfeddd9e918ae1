#pragma once

#include "libiscsi/core/session/link_probe.hpp"
#include "libiscsi/core/session/unit_set.hpp"

#include <optional>
#include <span>
#include <vector>

namespace iscsi {

// Watches the time of the commands that the target has (command::timeout). What a command has used
// of it is the affair of its unit; before one is given up, the target must answer a NOP-Out that
// was sent after its time was over: then the link is not the reason. A target that leaves the NOP
// unanswered while it goes on with other things gets the command's timeout once more.
class command_timer {
  public:
    // `limits`: as they are at each time.
    command_timer(unit_set& units, std::size_t tasks, const session_timeouts& limits)
        : units_(units), limits_(limits) {
        due_.reserve(tasks);
        over_.reserve(tasks);
    }

    // A PDU of the task has left to its last byte: the first one was the command.
    void left(task& what, instant now);

    // Not later than the end of any command's time.
    std::optional<instant> deadline() const { return next_check_; }

    // The commands whose time is over; they are to be aborted. Valid until the next call.
    std::span<task* const> check(instant now);

    const link_probe& probe() const { return probe_; }

    // After check(): a probe is to be sent.
    bool wants_probe() const { return wants_probe_ && !probe_.is_out(); }

    // One that was sent for another reason will do, too.
    void probe_sent(std::uint32_t tag, instant now) {
        if (!probe_.is_out())
            probe_.sent(tag, now);
    }

    // A NOP-In with this tag has come. True: look again at once.
    bool probe_answered(std::uint32_t tag) { return probe_.answered(tag) && wants_probe_; }

    // The time of some commands has become shorter.
    void look_again(instant now) { look_at(now); }

    // The connection is gone.
    void forget();

  private:
    void check(unit& which, instant now);
    bool is_over(const task& what, instant now) const;
    void look_at(instant at);

    unit_set& units_;
    const session_timeouts& limits_;
    link_probe probe_;
    bool wants_probe_ = false;
    std::optional<instant> next_check_;
    std::vector<task*> due_;
    std::vector<task*> over_;
};

} // namespace iscsi
