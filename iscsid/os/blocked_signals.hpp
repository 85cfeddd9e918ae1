#pragma once

#include <csignal>

namespace iscsid::os {

// Blocks every signal of the calling thread as long as this object lives. Signals are for the main
// thread: a thread that is started meanwhile inherits the mask and keeps it.
class blocked_signals {
  public:
    blocked_signals();
    ~blocked_signals(); // the mask is again what it was

    blocked_signals(const blocked_signals&) = delete;
    blocked_signals& operator=(const blocked_signals&) = delete;
    blocked_signals(blocked_signals&&) = delete;
    blocked_signals& operator=(blocked_signals&&) = delete;

  private:
    sigset_t before_{};
};

} // namespace iscsid::os
