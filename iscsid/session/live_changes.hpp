#pragma once

#include "iscsid/session/login_plan.hpp"
#include "iscsid/session/results.hpp"

#include <span>
#include <string>

namespace iscsid::session {

// What of a session may change while it runs: pure. Takes what these keys of the node record say
// from `fresh` over into `plan`; the rest of the plan stays as it was at the login, whatever the
// record says by now. A key that is no affair of a session is in no list of the result.
change_result
take_over(std::span<const std::string> keys, const login_plan& fresh, login_plan& plan);

} // namespace iscsid::session
