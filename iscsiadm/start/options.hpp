#pragma once

#include <boost/system/result.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// iscsistart: logs in to one target, or to those of the firmware, and leaves the disks served.
namespace iscsi::start {

// What the arguments ask for.
struct request {
    enum class what : std::uint8_t {
        log_in,           // to `target`
        log_in_firmware,  // -b
        bring_up_network, // -N
        print_firmware,   // -f
        help,
        version,
    };

    what verb = what::log_in;
    std::optional<std::filesystem::path> config_file{}; // -c
    std::string initiator_name;
    std::string target;
    int group_tag = -1; // -1: not given
    std::string address;
    std::uint16_t port = 3260;
    std::string user, password, user_in, password_in;
    int debug = 0;
    std::vector<std::pair<std::string, std::string>> parameters; // -P
};

// A line for stderr; empty when getopt has printed one already.
struct bad_usage {
    std::string line;
    bool advises = false; // to look at --help
};

// Makes result::value() usable in tests.
[[noreturn]] void
throw_exception_from_error(const bad_usage& error, const boost::source_location& where);

// `count` and `words` are those of main(). Secrets are copied and then overwritten there, so that
// they are not in /proc/PID/cmdline any more. The checks and the order of them are open-iscsi's;
// numbers are checked against their ranges; half of CHAP, and a word that belongs to no option,
// are refused.
boost::system::result<request, bad_usage> parse(int count, char** words);

std::string usage();

} // namespace iscsi::start
