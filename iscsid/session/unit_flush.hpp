#pragma once

#include "iscsid/device/registry.hpp"
#include "iscsid/lane/lane.hpp"

#include "libiscsi/scsi/cdb.hpp"

#include <chrono>
#include <future>
#include <memory>

namespace iscsid::session {

// A command without data that is sent to a unit past its disk, by the constructor.
class unit_command {
  public:
    using time_point = std::chrono::steady_clock::time_point;

    unit_command(lane::lane& where, const device::disk_state& unit, const scsi::cdb_field& cdb);

    // Block until it has ended, or until then. False: it has not. The second, once: or not well.
    bool ends(time_point limit) const;
    bool ends_well(time_point limit);

  private:
    std::future<bool> end_;
};

// SYNCHRONIZE CACHE, of all of the unit.
class unit_flush : public unit_command {
  public:
    unit_flush(lane::lane& where, const device::disk_state& unit)
        : unit_command(where, unit, scsi::synchronize_cache()) {}
};

} // namespace iscsid::session
