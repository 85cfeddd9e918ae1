#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace test {

// Whether the kernel offers FUSE over io_uring to the mounts that are made, as long as this object
// lives. It is a parameter of the whole machine, so only one at a time has it in its hands, and
// others see the old value a moment later. What is mounted stays as it was made.
class ring_parameter {
  public:
    static constexpr const char* path = "/sys/module/fuse/parameters/enable_uring";

    static bool is_there() { return ::access(path, W_OK) == 0; }

    explicit ring_parameter(bool on) : turn_(::open(path, O_RDONLY | O_CLOEXEC)) {
        ::flock(turn_, LOCK_EX);
        std::ifstream(path) >> before_;
        set(on ? "Y" : "N");
    }

    ~ring_parameter() {
        set(before_);
        ::close(turn_);
    }

    ring_parameter(const ring_parameter&) = delete;
    ring_parameter& operator=(const ring_parameter&) = delete;
    ring_parameter(ring_parameter&&) = delete;
    ring_parameter& operator=(ring_parameter&&) = delete;

  private:
    static void set(const std::string& value) { std::ofstream(path) << value << std::flush; }

    int turn_;
    std::string before_;
};

} // namespace test
