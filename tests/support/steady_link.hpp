#pragma once

#include <cstdint>
#include <string>

namespace iscsi::test {

// Commands over a link of a steady rate, in virtual time.
struct steady_load {
    std::uint64_t rate = 0; // bytes a second of each direction
    unsigned depth = 1;     // commands under way at a time
    std::uint32_t size = 0; // bytes of each
    bool writes = false;
    unsigned commands = 1; // altogether
};

struct steady_outcome {
    double seconds = 0; // from the first command to the last answer
    double ideal = 0;   // the payload at the rate
    unsigned errors = 0;
    std::uint64_t aborts = 0; // task management requests
    std::uint64_t logins = 0; // beside the first
    std::size_t broken_rules = 0;

    double ratio() const { return seconds / ideal; }
};

// Runs it to its end, with a session as iscsid makes it and a target that throws data away.
steady_outcome run_steady(const steady_load& load);

// "write  100 KiB/s  depth  32 x    4 KiB".
std::string name_of(const steady_load& load);

} // namespace iscsi::test
