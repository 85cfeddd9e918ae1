#pragma once

#include "iscsiadm/complete/sources.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace iscsi::cli {

// What the words before the cursor have fixed; the options that are not there are empty.
struct typed_options {
    std::string mode;
    std::string target;
    std::string interface;
    std::string key;  // the last -n
    std::string type; // of a discovery
};

// What the argument of the option may be.
std::vector<std::string>
values_of(char letter, const typed_options& typed, const completion_sources& from);

} // namespace iscsi::cli
