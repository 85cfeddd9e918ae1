#pragma once

#include "iscsiadm/complete/sources.hpp"

#include <string>
#include <vector>

// What may stand next on a command line that is being typed. The scripts of the shells only pass
// the words on and show what comes back.
namespace iscsi::cli {

// `words`: what stands behind the program's name, up to the cursor; the last one is being typed and
// may be empty. Each candidate stands for the whole last word ("--targetname=iqn.…" included). In
// the order of their kind, each once. No secret is ever among them.
std::vector<std::string>
complete(const std::vector<std::string>& words, const completion_sources& from);

} // namespace iscsi::cli
