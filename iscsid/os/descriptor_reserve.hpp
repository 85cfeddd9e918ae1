#pragma once

#include "iscsid/os/descriptor.hpp"

#include <array>
#include <cstdint>
#include <mutex>

namespace iscsid::os {

// Two descriptors that are kept for what must go on when the process may open no more: whatever was
// begun has to be taken down again. Any thread.
class descriptor_reserve {
  public:
    descriptor_reserve() { refill(); }

    // A pipe, from the reserve when there is no other way. False: errno says why not.
    bool open_pipe(std::array<int, 2>& ends);

    // To be called when what came from the reserve may be closed again.
    void refill();

  private:
    std::mutex guard_;
    std::array<descriptor, 2> kept_;
};

// How many of the descriptors that the process may have are no guest's, but for connections to
// targets, devices and commands: 128, or a quarter where it may have few.
std::uint64_t kept_from_guests(std::uint64_t limit);

// Whether a guest that has just come takes one of those. The kernel gives the lowest number that is
// free, so that all below it are in use. Any thread.
bool takes_what_is_kept(int descriptor_of_guest);

} // namespace iscsid::os
