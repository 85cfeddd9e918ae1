#pragma once

#include "libiscsi/core/parameters.hpp"

namespace iscsid::session {

inline iscsi::instant now() {
    return std::chrono::steady_clock::now();
}

} // namespace iscsid::session
