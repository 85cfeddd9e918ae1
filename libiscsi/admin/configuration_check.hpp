#pragma once

#include "libiscsi/admin/record.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

// What the readers of this room say of all files that an administrator may write, in one go. It has
// no rules of its own: what it finds is what the daemon and the tool find, each in its time.
namespace iscsi::admin {

struct checked_places {
    std::filesystem::path config_file;
    std::filesystem::path initiator_name_file;
    std::filesystem::path database;
};

struct configuration_findings {
    // Something is refused for it: a login, a discovery, or a record as a whole.
    std::vector<std::string> errors;
    // Everything goes on, with what the line says is used, or without the line.
    std::vector<std::string> warnings;
    // What could be read, records with errors among them.
    std::size_t nodes = 0;
    std::size_t discoveries = 0;
    std::size_t interfaces = 0;
};

// Only reads, and takes no lock. Files that are not there are no finding, but for the name of the
// initiator: nothing can be logged in without one.
configuration_findings check_configuration(const checked_places& where);

} // namespace iscsi::admin
