#include "iscsid/lane/lane_pool.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>

namespace iscsid::lane {

namespace {

constexpr std::size_t most_lanes_by_default = 4;

// More lanes than four have not paid: each has buffers and wakes up for itself.
std::size_t default_count() {
    return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, most_lanes_by_default);
}

} // namespace

// All rings are made here, on the control thread: a lane never fails for want of descriptors later.
lane_pool::lane_pool(std::size_t count, bool force_epoll) {
    if (count == 0)
        count = default_count();
    load_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
        auto io = make_ring(&why_not_, force_epoll);
        if (io == nullptr)
            throw std::system_error(errno, std::system_category(), "ring of a lane");
        lanes_.push_back(make_lane(std::move(io), "lane-" + std::to_string(i)));
    }
}

lane& lane_pool::adopt(session_key key, iscsi::session session, int socket, note_handler notes) {
    const std::size_t index = emptiest();
    ++load_[index];
    lane_of_[key] = index;
    lanes_[index]->adopt(key, std::move(session), socket, std::move(notes));
    return *lanes_[index];
}

std::size_t lane_pool::ask_all(const std::function<void()>& answered) {
    for (const auto& each : lanes_)
        each->post(answered);
    return lanes_.size();
}

lane* lane_pool::find(session_key key) {
    const auto found = lane_of_.find(key);
    return found == lane_of_.end() ? nullptr : lanes_[found->second].get();
}

// The session no longer counts from now on, though its lane may still be busy with its end.
void lane_pool::drop(session_key key, std::function<void()> gone) {
    const auto found = lane_of_.extract(key);
    if (found.empty()) {
        gone();
        return;
    }
    --load_[found.mapped()];
    lanes_[found.mapped()]->drop(key, std::move(gone));
}

std::size_t lane_pool::emptiest() const {
    return static_cast<std::size_t>(std::ranges::min_element(load_) - load_.begin());
}

} // namespace iscsid::lane
