#pragma once

#include "libiscsi/base/serial.hpp"

#include <cstdint>

namespace iscsi {

// CmdSN and the window that the target opens for it (RFC 7143 §4.2.2.1). Belongs to the session:
// all its connections draw their numbers from here.
// take() only while open(); an immediate command looks at next() and takes nothing.
class command_window {
  public:
    explicit constexpr command_window(std::uint32_t first_command_sn) : next_(first_command_sn) {}

    // The CmdSN of the next command; also of an immediate one, which does not use it up.
    constexpr std::uint32_t next() const { return next_; }

    constexpr std::uint32_t take() { return next_++; }

    // Closed until the first response of a session has said how far it is: also a login response
    // does.
    constexpr bool open() const { return known_ && serial_at_or_before(next_, max_); }

    // The last command that may go, as the target has said.
    constexpr std::uint32_t max() const { return max_; }

    // How many commands may go now.
    constexpr std::uint32_t room() const { return open() ? max_ - next_ + 1 : 0; }

    // The target has taken the command with this number.
    constexpr bool acknowledged(std::uint32_t command_sn) const {
        return known_ && serial_before(command_sn, expected_);
    }

    // A new session at the target: it will say how far its window reaches.
    constexpr void restart() { known_ = false; }

    // Stale values, which older responses carry, change nothing; neither do impossible ones.
    // A MaxCmdSN below ExpCmdSN - 1 is impossible (§4.2.2.1) and ignored as a whole.
    constexpr void update(std::uint32_t expected_command_sn, std::uint32_t max_command_sn) {
        if (serial_before(max_command_sn, expected_command_sn - 1))
            return;
        if (!known_ || serial_before(expected_, expected_command_sn))
            expected_ = expected_command_sn;
        if (!known_ || serial_before(max_, max_command_sn))
            max_ = max_command_sn;
        known_ = true;
    }

  private:
    std::uint32_t next_;
    std::uint32_t expected_ = 0;
    std::uint32_t max_ = 0;
    bool known_ = false;
};

} // namespace iscsi
