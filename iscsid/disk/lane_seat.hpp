#pragma once

#include "iscsid/disk/driver.hpp"

#include <chrono>
#include <memory>
#include <optional>

namespace iscsid::disk {

// A resident's place on the lane, as long as this object lives. The lane may let go later than
// anybody waits for, because a request hangs in a session that is in recovery: the resident and
// what it works with live until then.
class lane_seat {
  public:
    lane_seat(
        lane::lane& where,
        const disk_request& what,
        std::shared_ptr<lane::lane_resident> resident,
        std::chrono::milliseconds patience
    );
    ~lane_seat(); // leave()
    lane_seat(const lane_seat&) = delete;
    lane_seat& operator=(const lane_seat&) = delete;
    lane_seat(lane_seat&&) = delete;
    lane_seat& operator=(lane_seat&&) = delete;

    // False: it did not come out in time, for requests of it are under way. It does when they end.
    bool leave();

  private:
    lane::lane& lane_;
    std::shared_ptr<lane::lane_resident> resident_;
    std::chrono::milliseconds patience_;
    std::optional<bool> has_left_{};
};

} // namespace iscsid::disk
