#include "iscsiadm/iname/iname.hpp"

#include <fmt/core.h>

#include <getopt.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace iscsi::iname {

namespace {

// open-iscsi's iscsi-iname has the same letters.
constexpr std::array long_options = {
    option{"prefix", required_argument, nullptr, 'p'},
    option{"generate", no_argument, nullptr, 'g'},
    option{"help", no_argument, nullptr, 'h'},
    option{},
};

// A prefix ends up in a configuration file and in Login PDUs.
// Bytes above 0x7f are let pass: a prefix in another alphabet is somebody's choice, and iscsid
// refuses it by name if it cannot be used.
bool is_plain(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte > ' ' && byte != 0x7f;
    });
}

} // namespace

void throw_exception_from_error(const bad_usage& error, const boost::source_location&) {
    throw std::invalid_argument(error.line);
}

// --help counts only when nothing else on the line is wrong.
boost::system::result<request, bad_usage> parse(const std::vector<std::string>& arguments) {
    std::vector<std::string> words{"iscsi-iname"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    std::ranges::transform(words, std::back_inserter(argv), [](auto& word) { return word.data(); });
    argv.push_back(nullptr);
    request wanted;
    optind = 0; // GNU: start afresh
    const int count = static_cast<int>(words.size());
    while (true) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): this program has one thread
        const int got = getopt_long(count, argv.data(), "p:gh", long_options.data(), nullptr);
        if (got < 0)
            break;
        if (got == '?')
            return bad_usage{};
        if (got == 'p')
            wanted.prefix = optarg;
        wanted.as_setting |= got == 'g';
        wanted.help |= got == 'h';
    }
    if (optind < count)
        return bad_usage{
            fmt::format("unexpected word '{}'", argv[static_cast<std::size_t>(optind)])};
    if (wanted.prefix.empty() || wanted.prefix.size() > longest_prefix)
        return bad_usage{fmt::format("a prefix has 1 to {} characters", longest_prefix)};
    if (!is_plain(wanted.prefix))
        return bad_usage{"a prefix has no blanks or control characters"};
    return wanted;
}

std::string usage() {
    return fmt::format(
        "iscsi-iname makes a unique name for an iSCSI initiator.\n\n"
        "  iscsi-iname [-g] [-p PREFIX]\n"
        "  iscsi-iname -h\n\n"
        "  -p, --prefix PREFIX  the name before the ':', at most {} characters\n"
        "                       (default: {})\n"
        "  -g, --generate       print a line for initiatorname.iscsi\n"
        "  -h, --help           print this text\n",
        longest_prefix,
        default_name_prefix
    );
}

} // namespace iscsi::iname
