#pragma once

#include "libiscsi/base/result.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace iscsi::admin {

// How the text of a value is checked. A boolean is "Yes" or "No", in these letters only; a list is
// words of `choices`, each at most once, with commas.
enum class setting_type : std::uint8_t { text, integer, boolean, choice, list };

// Where a setting lives.
// It decides in which records a row stands, and in which mode of iscsiadm it may be changed.
// `discovery`: what records of either kind of discovery have.
enum class setting_group : std::uint8_t { node, interface, discovery, send_targets, isns, daemon };

// An interface record prints the settings of one address family only.
enum class address_family : std::uint8_t { any, ipv4, ipv6 };

// One row per key of open-iscsi's records and iscsid.conf. Parse, show, update, validate, the
// iscsid.conf(5) page and its test all come from the row.
// Rows are constants of the program; values live in records.
struct setting {
    std::string_view name; // "node.session.timeo.replacement_timeout"
    setting_group group{};
    setting_type type{};
    std::string_view fallback;      // compiled default, as text
    std::int64_t low = 0, high = 0; // integer range; text: longest length in `high`
    std::string_view choices;       // choice and list: "manual|automatic|onboot"
    bool masked = false;            // prints ******** unless -S
    bool writable = true;           // false: looks up the record, cannot be changed
    std::string_view unit;          // "s", "bytes", "": of an integer, for faults and the man page
    std::string_view login_key;     // RFC 7143 §13 key that it offers, or "": for the man page
    std::string_view meaning;       // one line: how iscsid.conf(5) begins to tell it
    address_family family = address_family::any;
    bool sparse = false; // stands in a record only when it is not the fallback: a key of ours
};

// All rows in the order in which records print them. node.session.auth.chap_algs has two rows: it
// stands in node and in send_targets records.
// For loops over all rows; a program that means one row writes its key (setting_key.hpp).
std::span<const setting> settings();

// The row of a key, or nullptr. "node.transport_name" is an alias of iface.transport_name.
// For names that come from users and files. Of two rows with one name it is the first.
const setting* find_setting(std::string_view name);

// Why a value or a name was refused.
enum class setting_errc {
    unknown_name = 1,
    not_writable,
    not_an_integer,
    out_of_range,
    not_a_choice,
    too_long,
    control_character,
    outer_blank, // a record file would lose it
};

const char* category_name(setting_errc);
std::string_view message_of(setting_errc);

// Is `value` one that the row takes? Faults name the key, the value (never a secret one) and what
// was expected.
result<void> check_value(const setting& row, std::string_view value);

// The one spelling of a value that check_value takes: "007" is "7".
// Values are stored in this spelling, so that comparing texts compares values.
std::string canonical_value(const setting& row, std::string_view value);

} // namespace iscsi::admin
