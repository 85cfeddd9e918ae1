#include "iscsiadm/cli/refusal.hpp"

#include <stdexcept>

namespace iscsi::cli {

void throw_exception_from_error(const refusal& error, const boost::source_location&) {
    throw std::invalid_argument(error.lines.empty() ? "refused" : error.lines.front());
}

} // namespace iscsi::cli
