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
// its target that begin before such a reset was answered, also after another daemon. Any thread.
class unsettled_units {
  public:
    // With those that an earlier daemon has noted below that folder.
    explicit unsettled_units(const std::string& runtime_folder);

    // A disk with these paths has ended. Before anything is attached in its place, and before it is
    // forgotten otherwise. `why`: for the log.
    void add(const std::vector<disk_path>& paths, const std::string& why);

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
