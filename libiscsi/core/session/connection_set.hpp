#pragma once

#include "libiscsi/core/session/connection.hpp"

#include <deque>

namespace iscsi {

// The connections of a session: one today. A command goes out on the one that leading() chooses;
// what follows it goes where the command went.
class connection_set {
  public:
    explicit connection_set(const session_config& config) {
        all_.emplace_back(std::uint16_t{0}, config.staging_size, sends_nops(config.timeouts));
    }

    connection& leading() { return all_.front(); }

    auto begin() { return all_.begin(); }

    auto end() { return all_.end(); }

    // Every transport is gone.
    void restart() {
        for (auto& each : all_)
            each.restart();
    }

  private:
    std::deque<connection> all_; // a deque: tasks point to them
};

} // namespace iscsi
