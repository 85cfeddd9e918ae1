#pragma once

#include <boost/system/result.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// iscsi-iname: makes a name for an initiator.
namespace iscsi::iname {

inline constexpr std::string_view default_prefix = "iqn.2016-04.com.open-iscsi";
inline constexpr std::size_t longest_prefix = 210; // with the rest at most 223, RFC 7143 §4.2.7.1

// What to print, as the arguments ask for it.
struct request {
    std::string prefix{default_prefix};
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

// From the kernel, by the caller: the name must differ between machines that were cloned a second
// ago.
using random_bytes = std::array<std::uint8_t, 6>;

// "PREFIX:" and the bytes in hexadecimal digits, each without a leading zero, as open-iscsi does.
// `prefix` is not checked here; parse() has.
std::string make_name(std::string_view prefix, const random_bytes& random);

std::string usage();

} // namespace iscsi::iname
