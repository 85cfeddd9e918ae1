#pragma once

#include "libiscsi/admin/config.hpp"

#include <filesystem>
#include <optional>

namespace iscsid {

// What the command line asks for; main.cpp only fills this in.
struct daemon_options {
    iscsi::admin::locations where;
    std::optional<std::filesystem::path> config_file;         // -c
    std::optional<std::filesystem::path> initiator_name_file; // -i
    std::optional<std::filesystem::path> pid_file;            // -p
    bool no_pid_file = false;                                 // -n
    bool foreground = false;                                  // -f
    int debug = 0;                                            // -d
    bool check = false;                                       // --check
    std::optional<unsigned> user{};                           // -u
    std::optional<unsigned> group{};                          // -g
};

} // namespace iscsid
