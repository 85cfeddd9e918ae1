#pragma once

#include "iscsid/lane/lane.hpp"

#include <map>
#include <memory>
#include <vector>

namespace iscsid::lane {

// The lanes of the daemon, and which session lives on which. Belongs to the control thread.
class lane_pool {
  public:
    // `count` 0: as many as processors, at most 4. The rings are chosen by make_ring(); when that
    // is not io_uring, why_not() says why. Throws std::system_error without file descriptors.
    explicit lane_pool(std::size_t count = 0, bool force_epoll = false);

    std::size_t size() const { return lanes_.size(); }

    std::string_view ring_name() const { return lanes_.front()->ring_name(); }

    const std::string& why_not() const { return why_not_; }

    // The session moves to the lane with the fewest sessions.
    lane& adopt(session_key key, iscsi::session session, int socket, note_handler notes);

    // Each lane calls it once, on its thread. Returns how many they are.
    std::size_t ask_all(const std::function<void()>& answered);

    // The lane of a session, or nullptr.
    lane* find(session_key key);

    // lane::drop(); `gone` is called at once, on this thread, when the session is not there.
    void drop(session_key key, std::function<void()> gone);

  private:
    std::size_t emptiest() const;

    std::vector<std::unique_ptr<lane>> lanes_;
    std::vector<std::size_t> load_; // sessions by lane
    std::map<session_key, std::size_t> lane_of_;
    std::string why_not_;
};

} // namespace iscsid::lane
