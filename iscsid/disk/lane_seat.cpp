#include "iscsid/disk/lane_seat.hpp"

#include <future>

namespace iscsid::disk {

lane_seat::lane_seat(
    lane::lane& where,
    const disk_request& what,
    std::shared_ptr<lane::lane_resident> resident,
    std::chrono::milliseconds patience
)
    : lane_(where), resident_(std::move(resident)), patience_(patience) {
    lane_.attach(what.session, what.lun, what.properties, *resident_);
}

lane_seat::~lane_seat() {
    leave();
}

bool lane_seat::leave() {
    if (has_left_)
        return *has_left_;
    const auto left = std::make_shared<std::promise<void>>();
    const auto seen = left->get_future();
    lane_.detach(*resident_, [left, kept = resident_] { left->set_value(); });
    has_left_ = seen.wait_for(patience_) == std::future_status::ready;
    return *has_left_;
}

} // namespace iscsid::disk
