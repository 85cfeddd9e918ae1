#pragma once

#include "libiscsi/core/parameters.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace iscsi {

enum class alarm : std::uint8_t {
    login,       // the login phase must have ended
    logout,      // the Logout Response must have come
    pause,       // Time2Wait, or the back-off after failures, is over
    replacement, // parked tasks have waited long enough
    tasks_end,   // tasks had their time before the logout that the target has asked for
};

// The deadlines of a session that are set once and wait; those that follow from traffic are asked
// of keepalive and task_management.
class alarms {
  public:
    void set(alarm which, instant at) { at_[index(which)] = at; }

    void clear(alarm which) { at_[index(which)] = never; }

    // Those that concern the connection that has ended.
    void end_connection() {
        clear(alarm::login);
        clear(alarm::logout);
        clear(alarm::tasks_end);
    }

    instant at(alarm which) const { return at_[index(which)]; }

    bool is_set(alarm which) const { return at_[index(which)] != never; }

    // The next alarm whose time has come; it is cleared.
    std::optional<alarm> take_due(instant now) {
        const auto first = std::min_element(at_.begin(), at_.end());
        if (*first == never || *first > now)
            return std::nullopt;
        *first = never;
        return static_cast<alarm>(first - at_.begin());
    }

    std::optional<instant> next() const {
        const auto first = *std::min_element(at_.begin(), at_.end());
        return first == never ? std::nullopt : std::optional(first);
    }

  private:
    static constexpr instant never = instant::max();
    static constexpr std::size_t count = 5;

    static constexpr std::size_t index(alarm which) { return static_cast<std::size_t>(which); }

    std::array<instant, count> at_{never, never, never, never, never};
};

} // namespace iscsi
