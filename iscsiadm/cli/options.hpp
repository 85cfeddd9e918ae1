#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The option table of iscsiadm, and how a command line is cut into options.
namespace iscsi::cli {

// What stands for the letter of the options that have only a long name, all of them ours. None of
// these is a letter.
namespace long_only {

inline constexpr char dry_run = 1;
inline constexpr char json = 2;
inline constexpr char fail_io = 3;
inline constexpr char lun = 4;
inline constexpr char attach = 5;
inline constexpr char detach = 6;
inline constexpr char watch = 7;
inline constexpr char persist = 8;
inline constexpr char key = 9;
inline constexpr char new_key = 10;
inline constexpr char victim_key = 11;
inline constexpr char luns = 12;
inline constexpr char keep_trying = 13;
inline constexpr char metrics = 14;
inline constexpr char last = metrics;

} // namespace long_only

// One row per option: getopt's tables, the usage and the test of the man page are made of it.
struct option_row {
    char letter; // or one of long_only
    std::string_view name;
    std::string_view argument; // its name in the usage; empty: the option takes none
    std::string_view meaning;

    bool has_letter() const { return letter > long_only::last; }
};

// In the order of the usage.
std::span<const option_row> option_rows();

// One option as it stood on the command line, its argument unread.
struct given_option {
    char letter = '?'; // or one of long_only; '?': no such option, or its argument is missing
    std::string argument;
};

// The options keep their order, because -h before -m means something else than behind it, and -n
// and -v pair up by it.
struct given_options {
    std::vector<given_option> options; // as they stood on the command line
    std::vector<std::string> rest;     // words that belong to no option
    char refused = 0;                  // the last short letter that getopt did not take
    std::string unknown_name;          // the last long name that is none, without its dashes

    const given_option* find(char letter) const;
    // Of several the last one counts where open-iscsi's parser lets it count: -m.
    const given_option* find_last(char letter) const;
};

// "-T", or "--dry-run" of an option without a letter.
std::string written_form(char letter);

// getopt_long(3): long names may be shortened, short ones bundled, and the order is free. What it
// refuses it names on stderr itself, in the words that every user of GNU programs knows.
// `arguments` are those after the program's name.
// It uses getopt's global state and is therefore for one thread; it may be called again in the same
// process.
given_options scan_options(const std::vector<std::string>& arguments);

// -h
std::string usage();

} // namespace iscsi::cli
