#pragma once

#include "libiscsi/isns/request.hpp"

#include <chrono>
#include <compare>
#include <optional>
#include <string>
#include <vector>

// What a server answers, and what it says by itself.
namespace iscsi::isns {

// Is it the answer to `asked`? Faults: wrong_answer; refused or unknown_source, with status_text()
// as what was got.
result<void> check_answer(const message& asked, const message& answer);

// A portal of a target. The address is text, as records have it.
struct found_portal {
    std::string target;
    std::string address;
    std::uint16_t port = 0;
    std::optional<std::uint16_t> group_tag{};
    friend auto operator<=>(const found_portal&, const found_portal&) = default;
};

// An object that was left out.
struct refused_object {
    std::string target; // of whom it tells; empty: its name is none, or cannot be read
    fault why;
};

struct found_targets {
    std::vector<found_portal> portals{};       // each once, in the order of the answer
    std::vector<std::string> without_portal{}; // targets of which no portal group was told
    std::vector<refused_object> refused{};     // what was left out; one for each
};

// Of query_targets(). Names are checked as SendTargets' are; a bad object is left out, not the
// whole answer. A portal group with a tag of length 0 means that the target is not reached there
// (§3.4).
found_targets read_targets(const message& answer);

// Of query_portals(), for this target.
found_targets read_portals(const message& answer, const std::string& target);

// How long a registration lasts without being renewed; nothing: for ever, or not told.
std::optional<std::chrono::seconds> registration_period_of(const message& answer);

// The answer to an SCN or an ESI; nothing for what needs none, or is none of both.
std::optional<message> acknowledgement_of(const message& said);

} // namespace iscsi::isns
