#pragma once

#include "libiscsi/core/parameters.hpp"

#include <chrono>
#include <optional>

namespace iscsi {

// How long a target may keep the command window shut while it has no command of ours. While it has
// some, the window opens with their answers (RFC 7143 §4.2.2.1), and their own time is watched;
// with none, what waits would wait for ever. A new connection begins with a new window; a target
// that shuts that too, until the replacement timeout is over, serves us no more than one that is
// away.
//
// look() before each send, answered() with each command that ends, is_late() when deadline() has
// come; forget() with the connection.
class window_watch {
  public:
    static constexpr duration patience = std::chrono::seconds(30);

    // `is_shut`: the window keeps something from going out.
    void look(bool is_shut, instant now) {
        if (!is_shut)
            shut_since_.reset();
        else if (!shut_since_)
            shut_since_ = now;
    }

    void answered() {
        shut_since_.reset();
        in_vain_since_.reset();
    }

    void forget() { shut_since_.reset(); }

    std::optional<instant> deadline() const {
        return shut_since_ ? std::optional(*shut_since_ + patience) : std::nullopt;
    }

    // The time is over, and counts from now on again.
    bool is_late(instant now) {
        if (!shut_since_ || now < *shut_since_ + patience)
            return false;
        if (!in_vain_since_)
            in_vain_since_ = shut_since_;
        shut_since_ = now;
        return true;
    }

    // Since the last command was answered no window has opened for so long. A negative
    // `replacement_timeout` waits for ever.
    bool is_hopeless(instant now, duration replacement_timeout) const {
        return replacement_timeout >= duration::zero() && in_vain_since_ &&
               now - *in_vain_since_ >= replacement_timeout;
    }

  private:
    std::optional<instant> shut_since_;
    std::optional<instant> in_vain_since_; // the first time of several
};

} // namespace iscsi
