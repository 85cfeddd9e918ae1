#pragma once

#include "iscsiadm/cli/modes.hpp"
#include "iscsiadm/cli/options.hpp"
#include "iscsiadm/cli/refusal.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace iscsi::cli {

// The arguments of all options, read; what they mean together is for the mode.
// Everything that can be wrong with one argument alone has been refused before this exists; what is
// wrong with the combination has not.
struct option_values {
    std::optional<portal> where;
    std::optional<std::string> target, host, sid, submode;
    std::vector<std::string> interfaces;
    std::optional<discovery_type> type;
    operations ops;
    assignments changes;
    std::optional<int> print_level;
    std::optional<std::uint64_t> lun; // as Linux counts
    std::optional<startup> login_all, logout_all;
    std::optional<admin::reserve_verb> persist;
    std::optional<std::uint64_t> key, new_key, victim_key;
    std::optional<std::uint8_t> reservation_type;
    int debug_level = 0;
    std::string flags; // letters of the options without an argument that were given

    bool has(char flag) const { return flags.find(flag) != std::string::npos; }
};

// In the order of the command line; the first bad argument is the one that is reported. -n and -v
// pair up in that order and must be as many of each; if not, `incomplete` is the sentence.
parsed<option_values>
read_values(const std::vector<given_option>& options, std::string_view incomplete);

} // namespace iscsi::cli
