#include "iscsiadm/cli/options.hpp"

#include <fmt/core.h>

#include <getopt.h>

#include <algorithm>
#include <array>

namespace iscsi::cli {

namespace {

// The letters and long names are those of iscsiadm(8) of 2.1.8; long names must stay unique in
// their first letters where scripts shorten them ("--target").
constexpr std::array rows = {
    option_row{'m', "mode", "MODE", "discovery, discoverydb, node, session, iface, host or fw"},
    option_row{'p', "portal", "PORTAL", "IP[:PORT][,TPGT], [IPV6][:PORT][,TPGT] or HOST[:PORT]"},
    option_row{'T', "targetname", "NAME", "name of a target"},
    option_row{'I', "interface", "NAME", "name of an interface record; may be repeated"},
    option_row{
        'o',
        "op",
        "OPERATION",
        "new, delete, update, show, nonpersistent, import; may be repeated"},
    option_row{
        't',
        "type",
        "TYPE",
        "kind of discovery: sendtargets (st), isns or fw; type of a reservation"},
    option_row{'n', "name", "KEY", "name of a setting; goes with -v, may be repeated"},
    option_row{'v', "value", "VALUE", "value of a setting"},
    option_row{'H', "host", "HOST", "number or hardware address of a host"},
    option_row{'r', "sid", "SID", "a session: its number, or a path of one of its disks"},
    option_row{'R', "rescan", "", "look for new LUNs"},
    option_row{'P', "print", "LEVEL", "how much to print, from 0"},
    option_row{'D', "discover", "", "discover now"},
    option_row{'l', "login", "", "log in"},
    option_row{'L', "loginall", "STARTUP", "log in to all, manual, automatic or onboot nodes"},
    option_row{'u', "logout", "", "log out"},
    option_row{'U', "logoutall", "STARTUP", "log out of all, manual or automatic nodes"},
    option_row{'W', "no_wait", "", "do not wait for a login to end"},
    option_row{
        long_only::keep_trying, "keep-trying", "", "iscsid tries the login until it succeeds"},
    option_row{'s', "stats", "", "show statistics"},
    option_row{'S', "show", "", "show secrets instead of ********"},
    option_row{'k', "killiscsid", "0", "end iscsid; disks that outlive it stay"},
    option_row{'C', "submode", "SUBMODE", "ping (iface); chap, flashnode or stats (host)"},
    option_row{'a', "ip", "IP", "where to send a ping"},
    option_row{'b', "packetsize", "SIZE", "bytes in a ping"},
    option_row{'c', "count", "COUNT", "how many pings"},
    option_row{'i', "interval", "SECONDS", "time between pings"},
    option_row{'x', "index", "INDEX", "row of a host's table"},
    option_row{'A', "portal_type", "TYPE", "ipv4 or ipv6"},
    option_row{long_only::dry_run, "dry-run", "", "print what would be done, and do nothing"},
    option_row{long_only::json, "json", "", "print one JSON document instead of lines"},
    option_row{long_only::fail_io, "fail-io", "", "end the I/O that waits for a lost connection"},
    option_row{long_only::lun, "lun", "LUN", "a LUN of a session, 0 to 16383"},
    option_row{long_only::attach, "attach", "", "make the LUN a disk"},
    option_row{long_only::detach, "detach", "", "take the disk of the LUN away"},
    option_row{long_only::watch, "watch", "", "show what sessions and disks do, every second"},
    option_row{long_only::metrics, "metrics", "", "print metrics for Prometheus' collectors"},
    option_row{
        long_only::persist, "persist", "VERB", "ask for persistent reservations, or change them"},
    option_row{long_only::key, "key", "KEY", "the reservation key that is registered"},
    option_row{long_only::new_key, "new-key", "KEY", "the reservation key to register"},
    option_row{long_only::victim_key, "victim-key", "KEY", "the reservation key to preempt"},
    option_row{long_only::luns, "luns", "", "show what the LUNs of sessions are"},
    option_row{'d', "debug", "LEVEL", "print debugging information, 0 to 8"},
    option_row{'V', "version", "", "print the version"},
    option_row{'h', "help", "", "print this text"},
};

// Which options go together. parse.cpp enforces it; this is what people read.
constexpr std::string_view usage_head =
    R"(iscsiadm manages iSCSI discovery, node records and sessions.

  iscsiadm -m discovery   [-t TYPE] [-p PORTAL] [-I NAME]... [-o OPERATION]... [-lDS] [-P LEVEL]
  iscsiadm -m discoverydb [-t TYPE] [-p PORTAL] [-I NAME]... [-o OPERATION]... [-lDS] [-P LEVEL]
                          [-n KEY -v VALUE]...
  iscsiadm -m node        [-T NAME] [-p PORTAL] [-I NAME] [-o OPERATION] [-luRsSW] [-P LEVEL]
                          [-n KEY -v VALUE]... [-L STARTUP] [-U STARTUP] [--keep-trying]
                          [--dry-run]
  iscsiadm -m session     [-r SID] [-o OPERATION] [-uRsS] [-P LEVEL] [-n KEY -v VALUE]...
                          [--dry-run]
  iscsiadm -m session     -r SID --fail-io
  iscsiadm -m session     -r SID --lun LUN --attach|--detach
  iscsiadm -m session     [-r SID] --luns
  iscsiadm -m session     [-r SID] --watch
  iscsiadm -m session     --metrics
  iscsiadm -m session     -r SID --lun LUN --persist VERB [--key KEY] [--new-key KEY]
                          [--victim-key KEY] [-t TYPE]
  iscsiadm -m iface       [-I NAME] [-o OPERATION] [-n KEY -v VALUE]... [-P LEVEL]
  iscsiadm -m host        [-H HOST] [-P LEVEL]
  iscsiadm -m fw          [-lW] [-n NAME -v VALUE]
  iscsiadm -k 0
  iscsiadm -V | -h
  iscsiadm --complete WORD...   (for shells: what may stand in the place of the last word)

)";

// In getopt's language: a letter, and a colon when it takes an argument.
std::string short_options() {
    std::string all;
    for (const option_row& row : rows) {
        if (!row.has_letter())
            continue;
        all += row.letter;
        if (!row.argument.empty())
            all += ':';
    }
    return all;
}

int argument_rule(const option_row& row) {
    if (row.letter == 'A') // open-iscsi's table: optional as a long option only
        return optional_argument;
    return row.argument.empty() ? no_argument : required_argument;
}

// The names point into `rows`, which outlives every caller; the empty row at the end is getopt's.
std::vector<option> long_options() {
    std::vector<option> all;
    all.reserve(rows.size() + 2);
    for (const option_row& row : rows)
        all.push_back({row.name.data(), argument_rule(row), nullptr, row.letter});
    all.push_back({"k", required_argument, nullptr, 'k'}); // --key has made it ambiguous
    all.push_back({});
    return all;
}

// getopt_long wants a mutable argv; its messages start with argv[0].
// The words are copied and owned here: getopt_long reorders the pointers, never the caller's
// strings.
class argument_vector {
  public:
    explicit argument_vector(const std::vector<std::string>& arguments) : words_{"iscsiadm"} {
        words_.insert(words_.end(), arguments.begin(), arguments.end());
        for (std::string& word : words_)
            pointers_.push_back(word.data());
        pointers_.push_back(nullptr);
    }

    int count() const { return static_cast<int>(words_.size()); }

    char** data() { return pointers_.data(); }

    const char* at(int index) const { return pointers_[static_cast<std::size_t>(index)]; }

  private:
    std::vector<std::string> words_;
    std::vector<char*> pointers_;
};

int next_option(
    argument_vector& argv, const std::string& letters, const std::vector<option>& names
) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): iscsiadm has one thread
    return getopt_long(argv.count(), argv.data(), letters.c_str(), names.data(), nullptr);
}

// "taget" of "--taget=x". Nothing of an option that is known and lacks its argument, has one too
// many, or is the beginning of several: getopt_long names the right forms of these itself.
std::string unknown_name(std::string_view word) {
    if (!word.starts_with("--"))
        return {};
    const std::string_view name = word.substr(2, word.find('=') - 2);
    const bool is_known = std::ranges::any_of(rows, [name](const option_row& row) {
        return row.name.starts_with(name);
    });
    return is_known ? std::string() : std::string(name);
}

} // namespace

std::span<const option_row> option_rows() {
    return rows;
}

std::string written_form(char letter) {
    const auto row = std::ranges::find(rows, letter, &option_row::letter);
    return row == rows.end() || row->has_letter() ? std::string{'-', letter}
                                                  : fmt::format("--{}", row->name);
}

const given_option* given_options::find(char letter) const {
    const auto found = std::ranges::find(options, letter, &given_option::letter);
    return found == options.end() ? nullptr : &*found;
}

const given_option* given_options::find_last(char letter) const {
    const auto found =
        std::find_if(options.rbegin(), options.rend(), [letter](const given_option& option) {
            return option.letter == letter;
        });
    return found == options.rend() ? nullptr : &*found;
}

given_options scan_options(const std::vector<std::string>& arguments) {
    const std::string letters = short_options();
    const std::vector<option> names = long_options();
    argument_vector argv(arguments);
    given_options given;
    optind = 0; // GNU: start afresh
    while (true) {
        const int got = next_option(argv, letters, names);
        if (got < 0)
            break;
        // A refused option is recorded and the scan goes on: what follows it may be the -h that a
        // confused user typed.
        if (got == '?') { // optopt keeps its value when all is well
            given.refused = static_cast<char>(optopt);
            if (optopt == 0) // a long one
                given.unknown_name = unknown_name(argv.at(optind - 1));
        }
        given.options.push_back({static_cast<char>(got), optarg == nullptr ? "" : optarg});
    }
    for (int i = optind; i < argv.count(); ++i)
        given.rest.emplace_back(argv.at(i));
    return given;
}

std::string usage() {
    std::string text(usage_head);
    for (const option_row& row : rows) {
        const std::string name =
            fmt::format("--{}{}{}", row.name, row.argument.empty() ? "" : " ", row.argument);
        const std::string letter = row.has_letter() ? written_form(row.letter) + ',' : "";
        text += fmt::format("  {:<3} {:<24} {}\n", letter, name, row.meaning);
    }
    return text;
}

} // namespace iscsi::cli
