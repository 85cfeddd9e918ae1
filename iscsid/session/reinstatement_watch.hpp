#pragma once

#include "libiscsi/core/parameters.hpp"

#include <deque>
#include <optional>

namespace iscsid::session {

// Notices a session that the target ends again and again right after its login. A login with the
// name and ISID of a session replaces that session (RFC 7143 §6.3.5), so two machines with one
// name, clones mostly, end each other's sessions for ever. Neither connection shows why. Pure.
class reinstatement_watch {
  public:
    static constexpr auto short_life = std::chrono::seconds(10);
    static constexpr auto window = std::chrono::minutes(1);
    static constexpr std::size_t suspicious = 3;              // short lives within the window
    static constexpr auto silence = std::chrono::minutes(10); // between two words about it

    void logged_in(iscsi::instant now) { since_ = now; }

    // The target has closed the connection of the session. True: it is time to say what that looks
    // like.
    bool closed_by_target(iscsi::instant now) {
        const bool was_short = since_ && now - *since_ <= short_life;
        since_.reset();
        if (!was_short)
            return false;
        ends_.push_back(now);
        while (now - ends_.front() > window)
            ends_.pop_front();
        if (ends_.size() < suspicious || (told_ && now - *told_ < silence))
            return false;
        told_ = now;
        return true;
    }

  private:
    std::optional<iscsi::instant> since_; // the latest login
    std::deque<iscsi::instant> ends_;     // of short lives
    std::optional<iscsi::instant> told_;
};

} // namespace iscsid::session
