#pragma once

#include "libiscsi/base/result.hpp"

namespace iscsid::sys {

// The way into the background: the process that was started ends only when the daemon is ready to
// be asked, or with the daemon's exit code when it is not going to be.
// Create it with enter(), keep it until the socket listens, then call ready(). An object that ends
// without ready() tells the started process that the start has failed.
class background {
  public:
    // Forks; only the daemon's process returns from it, in its own session and with / as its
    // folder. To be called before any thread exists. Faults: fork, pipe.
    static iscsi::result<background> enter();

    // Lets the started process end with 0 and cuts the last ties to the terminal.
    void ready();

    ~background();
    background(background&& other) noexcept;
    background& operator=(background&&) = delete;
    background(const background&) = delete;
    background& operator=(const background&) = delete;

  private:
    explicit background(int to_parent) : to_parent_(to_parent) {}

    int to_parent_;
};

} // namespace iscsid::sys
