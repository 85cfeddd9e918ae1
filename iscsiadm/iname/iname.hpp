#pragma once

#include "libiscsi/names/initiator_name.hpp"

#include <boost/system/result.hpp>

#include <string>
#include <string_view>
#include <vector>

// iscsi-iname: makes a name for an initiator.
namespace iscsi::iname {

inline constexpr std::size_t longest_prefix = 210; // with the rest at most 223, RFC 7143 §4.2.7.1

// What to print, as the arguments ask for it.
struct request {
    std::string prefix{default_name_prefix};
    bool as_setting = false; // -g: "InitiatorName=" before the name
    bool help = false;
    friend bool operator==(const request&, const request&) = default;
};

// A line for stderr; empty when getopt has printed one already.
struct bad_usage {
    std::string line;
};

// Makes result::value() usable in tests.
[[noreturn]] void
throw_exception_from_error(const bad_usage& error, const boost::source_location& where);

// `arguments` are those after the program's name.
boost::system::result<request, bad_usage> parse(const std::vector<std::string>& arguments);

std::string usage();

} // namespace iscsi::iname
