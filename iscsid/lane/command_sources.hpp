#pragma once

#include "iscsid/lane/command_source.hpp"

#include <functional>
#include <vector>

namespace iscsid::lane {

// The sources of a session's commands, and whose turn it is when slots of the session are free:
// they go round, one command each, so that no disk of the session starves another. While somebody
// waits for a slot nobody takes one out of turn, and who took one out of turn is the last one in
// the next round, so that its retries do not come before what others wait to send for the first
// time.
class command_sources {
  public:
    void add(command_source& source);
    void remove(const command_source& source); // it has no command under way

    // By the cookie of a command; nullptr: it was removed.
    command_source* of(std::uint64_t cookie) const { return all_.at(cookie >> number_shift); }

    // The cookie with the number of the source, whose own is the low half.
    static std::uint64_t mark(std::uint64_t cookie, const command_source& from) {
        return cookie | std::uint64_t{from.number()} << number_shift;
    }

    // Whether a source that was not called by serve() must wait for its turn.
    bool must_wait() const { return someone_waits_ && !is_serving_; }

    // What came of a try to send.
    void note_sent(const command_source& from);

    void note_no_slot() { someone_waits_ = true; }

    // Gives turns as long as there are free slots and somebody sends. False: nobody has.
    bool serve(const std::function<std::size_t()>& free_slots);

    void handle_deadline(iscsi::instant now);
    std::optional<iscsi::instant> next_deadline() const;
    void restart_timeouts(iscsi::instant now);

    // All are told, and gone.
    void end_session();

  private:
    static constexpr unsigned number_shift = 32;

    bool serve_one();

    std::vector<command_source*> all_; // by number; nullptr is free
    std::size_t next_served_ = 0;      // who gets the next free slot
    bool someone_waits_ = false;       // for a free slot
    bool is_serving_ = false;
};

} // namespace iscsid::lane
