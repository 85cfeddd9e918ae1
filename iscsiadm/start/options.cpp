#include "iscsiadm/start/options.hpp"

#include "libiscsi/admin/version.hpp"

#include <fmt/core.h>

#include <getopt.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace iscsi::start {

namespace {

using verb = request::what;
template <class Value>
using parsed = boost::system::result<Value, bad_usage>;

constexpr std::array long_options = {
    option{"config", required_argument, nullptr, 'c'},
    option{"initiatorname", required_argument, nullptr, 'i'},
    option{"targetname", required_argument, nullptr, 't'},
    option{"tgpt", required_argument, nullptr, 'g'},
    option{"address", required_argument, nullptr, 'a'},
    option{"port", required_argument, nullptr, 'p'},
    option{"username", required_argument, nullptr, 'u'},
    option{"password", required_argument, nullptr, 'w'},
    option{"username_in", required_argument, nullptr, 'U'},
    option{"password_in", required_argument, nullptr, 'W'},
    option{"debug", required_argument, nullptr, 'd'},
    option{"fwparam_connect", no_argument, nullptr, 'b'},
    option{"fwparam_network", no_argument, nullptr, 'N'},
    option{"fwparam_print", no_argument, nullptr, 'f'},
    option{"param", required_argument, nullptr, 'P'},
    option{"help", no_argument, nullptr, 'h'},
    option{"version", no_argument, nullptr, 'v'},
    option{},
};
constexpr const char* letters = "c:i:t:g:a:p:u:w:U:W:d:bNfP:hv";

constexpr int most_of_tag = 65535; // RFC 7143 §13.9
constexpr int most_of_port = 65535;
constexpr int most_of_debug = 8;

// A secret, or a setting that may be one.
std::string taken_away(char* argument) {
    std::string text(argument);
    ::explicit_bzero(argument, text.size());
    return text;
}

parsed<int> number(const char* name, const char* text, int low, int high) {
    int value = 0;
    const char* const end = text + std::strlen(text);
    const auto read = std::from_chars(text, end, value);
    if (read.ec == std::errc() && read.ptr == end && value >= low && value <= high)
        return value;
    return bad_usage{
        fmt::format("{}: expected a number from {} to {}, got '{}'", name, low, high, text)};
}

parsed<std::pair<std::string, std::string>> parameter(const std::string& text) {
    const auto mark = text.find('=');
    const auto name = text.substr(0, mark);
    if (mark == std::string::npos || mark + 1 == text.size())
        return bad_usage{fmt::format("Invalid --param {}. Missing value.", name)};
    if (mark == 0)
        return bad_usage{"Invalid --param. Missing name."};
    return std::pair{name, text.substr(mark + 1)};
}

// Letters with an argument, but for those of numbers and -P; null for others.
std::string* text_of(request& to, int letter) {
    switch (letter) {
    case 'i':
        return &to.initiator_name;
    case 't':
        return &to.target;
    case 'a':
        return &to.address;
    case 'u':
        return &to.user;
    case 'w':
        return &to.password;
    case 'U':
        return &to.user_in;
    case 'W':
        return &to.password_in;
    default:
        return nullptr;
    }
}

std::optional<verb> verb_of(int letter) {
    switch (letter) {
    case 'b':
        return verb::log_in_firmware;
    case 'N':
        return verb::bring_up_network;
    case 'f':
        return verb::print_firmware;
    case 'h':
        return verb::help;
    case 'v':
        return verb::version;
    default:
        return std::nullopt;
    }
}

// -g, -p, -d.
std::optional<bad_usage> take_number(request& to, int letter, const char* text) {
    const auto value = letter == 'g'   ? number("-g", text, 0, most_of_tag)
                       : letter == 'p' ? number("-p", text, 1, most_of_port)
                                       : number("-d", text, 0, most_of_debug);
    if (value.has_error())
        return value.error();
    if (letter == 'g')
        to.group_tag = *value;
    else if (letter == 'p')
        to.port = static_cast<std::uint16_t>(*value);
    else
        to.debug = *value;
    return std::nullopt;
}

std::optional<bad_usage> take(request& to, int letter, char* argument) {
    if (const auto asked = verb_of(letter)) {
        to.verb = std::max(to.verb, *asked); // what only tells something goes before what does it
        return std::nullopt;
    }
    if (auto* text = text_of(to, letter)) {
        *text = taken_away(argument);
        return std::nullopt;
    }
    if (letter == 'c') {
        to.config_file = argument;
        return std::nullopt;
    }
    if (letter != 'P')
        return take_number(to, letter, argument);
    auto pair = parameter(taken_away(argument));
    if (pair.has_error())
        return pair.error();
    to.parameters.push_back(*std::move(pair));
    return std::nullopt;
}

bad_usage not_set(const char* name) {
    return {fmt::format("{} not set. Exiting iscsistart", name)};
}

// Half of what CHAP needs would be a login without it.
std::optional<bad_usage> half_of_chap(const request& wanted) {
    const auto needs = [](std::string_view given, std::string_view missing) {
        return bad_usage{fmt::format("{} needs {}, which is not given", given, missing)};
    };
    if (wanted.user.empty() && !wanted.password.empty())
        return needs("-w (CHAP secret)", "-u");
    if (!wanted.user.empty() && wanted.password.empty())
        return needs("-u (CHAP name)", "-w");
    if (wanted.user_in.empty() && !wanted.password_in.empty())
        return needs("-W (secret of the target)", "-U");
    if (!wanted.user_in.empty() && wanted.password_in.empty())
        return needs("-U (name of the target)", "-W");
    if (!wanted.user_in.empty() && wanted.user.empty())
        return needs("-U and -W (mutual CHAP)", "-u and -w");
    return std::nullopt;
}

std::optional<bad_usage> missing_in(const request& wanted) {
    if (wanted.verb != verb::log_in)
        return std::nullopt;
    if (wanted.initiator_name.empty())
        return not_set("InitiatorName");
    if (wanted.group_tag < 0)
        return not_set("Portal Group");
    if (wanted.target.empty())
        return not_set("TargetName");
    if (wanted.address.empty())
        return not_set("IP Address");
    return half_of_chap(wanted);
}

} // namespace

void throw_exception_from_error(const bad_usage& error, const boost::source_location&) {
    throw std::invalid_argument(error.line);
}

parsed<request> parse(int count, char** words) {
    request wanted;
    optind = 0; // GNU: start afresh
    while (true) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): this program has one thread
        const int got = getopt_long(count, words, letters, long_options.data(), nullptr);
        if (got < 0)
            break;
        if (got == '?')
            return bad_usage{"", true};
        if (auto wrong = take(wanted, got, optarg))
            return *wrong;
    }
    if (optind < count)
        return bad_usage{fmt::format("unexpected word '{}'", words[optind]), true};
    if (auto missing = missing_in(wanted))
        return *missing;
    return wanted;
}

std::string usage() {
    return "Usage: iscsistart [OPTION]\n"
           "iSCSI initiator for the boot.\n"
           "  -c, --config=PATH         settings file (default /etc/iscsi/iscsid.conf)\n"
           "  -i, --initiatorname=NAME  name of this initiator (required)\n"
           "  -t, --targetname=NAME     name of the target (required)\n"
           "  -g, --tgpt=N              portal group tag of the target (required)\n"
           "  -a, --address=A           address of the target (required)\n"
           "  -p, --port=N              port of the target (default 3260)\n"
           "  -u, --username=NAME       CHAP: our name\n"
           "  -w, --password=SECRET     CHAP: our secret\n"
           "  -U, --username_in=NAME    mutual CHAP: the target's name\n"
           "  -W, --password_in=SECRET  mutual CHAP: the target's secret\n"
           "  -d, --debug=LEVEL         say more, 0 to 8\n"
           "  -b, --fwparam_connect     log in to the targets of the firmware (iBFT)\n"
           "  -N, --fwparam_network     bring up the network as the firmware did\n"
           "  -f, --fwparam_print       print what the firmware tells, without secrets\n"
           "  -P, --param=NAME=VALUE    a setting of the node record; any number of times\n"
           "  -h, --help                print this text\n"
           "  -v, --version             print the version\n";
}

} // namespace iscsi::start
