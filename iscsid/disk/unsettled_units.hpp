#pragma once

#include "iscsid/disk/driver.hpp"
#include "iscsid/lane/note.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace iscsid::disk {

// Units where a disk of several sessions has ended while the target may still run a write of one of
// them, whose end nobody will hear of. Nothing goes out to such a unit, on whatever disk, before a
// reset of the session that sends it has ended that: in the sessions of the disk, and in those of
// its target that are there or begin before such a reset was answered, also after another daemon.
// Any thread.
class unsettled_units {
  public:
    // With those that an earlier daemon has noted below that folder.
    explicit unsettled_units(const std::string& runtime_folder);

    enum class note_result { outlives_daemon, of_this_daemon }; // the latter: it cannot be written

    // A disk with these paths ends, and how will be known later: withdraw() or add() follows. For
    // the next daemon, if this one ends in between.
    note_result note(const std::vector<disk_path>& paths, const std::string& why);

    // It has ended with no write that may still run.
    void withdraw(const std::vector<disk_path>& paths);

    // It has ended with one: orders the resets. Before anything is attached in its place, and
    // before it is forgotten otherwise. `why`: for the log.
    note_result add(const std::vector<disk_path>& paths, const std::string& why);

    // A session of that target begins on a lane: before anything is sent there.
    void greet(lane::lane& where, lane::session_key session, std::string_view target);

    // It has ended. After a logout of the last one of a target nothing is known of its units: one
    // that refuses resets would be of no use for ever.
    void part(lane::session_key session, bool is_logged_out);

  private:
    struct known;

    std::shared_ptr<known> known_; // answers may come after the end of this object
};

} // namespace iscsid::disk
