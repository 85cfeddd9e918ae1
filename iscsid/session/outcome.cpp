#include "iscsid/session/outcome.hpp"

#include <stdexcept>

namespace iscsid::session {

void throw_exception_from_error(const failure& error, const boost::source_location& /*where*/) {
    throw std::runtime_error(error.reason);
}

} // namespace iscsid::session
