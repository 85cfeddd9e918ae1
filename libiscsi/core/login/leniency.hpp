#pragma once

#include "libiscsi/core/login/key_table.hpp"

#include <cstdint>
#include <optional>

// What is made of answers that RFC 7143 forbids and that targets in use give all the same. Only
// what cannot cost data is let through; each case that is, is told as a negotiation_warning.
namespace iscsi {

enum class leniency : std::uint8_t {
    refuse,     // the login ends, as under negotiation_mode::strict
    by_rule,    // the rule of the key decides between our offer and the answer, as if it were an
                // offer of the target (§6.2.1)
    as_answered // the target's value holds: it governs what the target sends, and the engine bears
                // any value of the range
};

// For an answer that does not obey the rule of its key.
leniency leniency_of(login_key key);

// The value of the key's range that stands for one outside it, when there is a safe one.
std::optional<std::uint32_t> bounded(const key_row& row, std::uint32_t number);

} // namespace iscsi
