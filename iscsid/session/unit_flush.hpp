#pragma once

#include "iscsid/device/registry.hpp"
#include "iscsid/lane/lane.hpp"

#include <chrono>
#include <future>
#include <memory>

namespace iscsid::session {

// A SYNCHRONIZE CACHE that is sent to a unit past its disk, by the constructor.
class unit_flush {
  public:
    unit_flush(lane::lane& where, const device::disk_state& unit);

    // Blocks until it has ended, or until then. False: it has not, or not well.
    bool ends_well(std::chrono::steady_clock::time_point limit);

  private:
    std::future<bool> end_;
};

} // namespace iscsid::session
