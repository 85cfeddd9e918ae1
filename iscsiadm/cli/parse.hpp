#pragma once

#include "iscsiadm/cli/modes.hpp"
#include "iscsiadm/cli/refusal.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace iscsi::cli {

// `arguments` are those after the program's name.
// It reads no file and no environment, asks nobody, and prints nothing but what getopt_long itself
// says of options that it refuses. Faults: a refusal with the lines and the exit code that
// open-iscsi has for it; where it has none, one that names what was expected.
parsed<command_line> parse(const std::vector<std::string>& arguments);

// The words of -m, in the order of the usage.
std::vector<std::string_view> mode_names();

// Whether the mode takes the option, by its letter or one of long_only. No mode of that name: no.
bool mode_takes(std::string_view mode, char letter);

} // namespace iscsi::cli
