#pragma once

#include "iscsiadm/cli/modes.hpp"

#include "libiscsi/admin/exit_code.hpp"

#include <boost/system/result.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace iscsi::cli {

// Why a command line was refused: the lines for stderr and the exit code. A line that starts with
// "Try `" stands alone, the others follow "iscsiadm: ".
struct refusal {
    std::vector<std::string> lines;
    admin::exit_code code = admin::exit_code::invalid;
};

template <class T>
using parsed = boost::system::result<T, refusal>;

// Makes parsed<T>::value() usable in tests.
[[noreturn]] void
throw_exception_from_error(const refusal& error, const boost::source_location& where);

// `arguments` are those after the program's name.
parsed<command_line> parse(const std::vector<std::string>& arguments);

// The text of -p.
parsed<portal> parse_portal(std::string_view text);

// Can this be an IP address or a host name? It becomes part of a path in the database.
bool is_address(std::string_view text);

} // namespace iscsi::cli
