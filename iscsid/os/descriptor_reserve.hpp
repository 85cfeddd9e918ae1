#pragma once

#include "iscsid/os/descriptor.hpp"

#include <array>
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

} // namespace iscsid::os
