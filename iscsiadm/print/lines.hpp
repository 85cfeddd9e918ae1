#pragma once

#include "iscsiadm/print/answer.hpp"

#include <string>

namespace iscsi::cli {

// An answer in open-iscsi's words; empty where open-iscsi says nothing.
std::string lines_of(const answer& what);

} // namespace iscsi::cli
