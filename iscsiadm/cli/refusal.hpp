#pragma once

#include "libiscsi/admin/exit_code.hpp"

#include <boost/system/result.hpp>

#include <string>
#include <vector>

namespace iscsi::cli {

// Why a command line was refused: the lines for stderr and the exit code. A line that starts with
// "Try `" stands alone, the others follow "iscsiadm: ".
// It is a value and not an exit: the tests read it, and only program.cpp prints it.
struct refusal {
    std::vector<std::string> lines;
    admin::exit_code code = admin::exit_code::invalid;
    bool json = false; // --json was given
};

template <class T>
using parsed = boost::system::result<T, refusal>;

// Makes parsed<T>::value() usable in tests.
[[noreturn]] void
throw_exception_from_error(const refusal& error, const boost::source_location& where);

} // namespace iscsi::cli
