#pragma once

#include "libiscsi/base/result.hpp"

namespace iscsid::sys {

// Opens /dev/null in place of each of descriptors 0 to 2 that is closed, so that no socket or file
// of the daemon gets such a number and what is printed goes there. To be called before anything is
// opened.
void open_standard_descriptors();

// The way into the background: the process that was started ends only when the daemon is ready to
// be asked, or with the daemon's exit code when it is not going to be.
// Create it with enter(), keep it until the socket listens, then call ready(). An object that ends
// without ready() tells the started process that the start has failed.
class background {
  public:
    // Forks; only the daemon's process returns from it, in its own session and with / as its
    // folder, and without the caller's descriptors above 2: a lock or a pipe of a script is not
    // kept. To be called before any thread exists and before anything is opened that is to stay.
    // Faults: fork, pipe.
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
