#pragma once

#include "libiscsi/admin/exit_code.hpp"
#include "libiscsi/base/result.hpp"

#include <string>

namespace iscsid::session {

// How a job of the daemon ended without success: the number for iscsiadm, the words for people.
struct failure {
    iscsi::admin::exit_code code = iscsi::admin::exit_code::internal;
    std::string reason{};
    bool may_retry = false;
    std::string detail{}; // the bare words of the system: "Connection refused"
};

template <class T>
using outcome = boost::system::result<T, failure>;

[[noreturn]] void
throw_exception_from_error(const failure& error, const boost::source_location& where);

} // namespace iscsid::session
