#include "libiscsi/core/login/leniency.hpp"

#include <algorithm>
#include <array>

namespace iscsi {
namespace {

struct safe_key {
    login_key key;
    leniency how;
};

// What is not here is refused: ErrorRecoveryLevel (§13.20: the target would hold status back for a
// SNACK that never comes), digests that were not offered and markers (§13.1, §13.25: both sides
// must cut the stream alike).
constexpr auto ruled = leniency::by_rule;
constexpr auto theirs = leniency::as_answered;

constexpr std::array safe_keys{
    // clang-format off
    safe_key{login_key::default_time2wait,      ruled},  // §13.15: the longer wait is careful
    safe_key{login_key::default_time2retain,    ruled},  // §13.16: nothing is retained at level 0
    safe_key{login_key::initial_r2t,            ruled},  // §13.10: who waits sends nothing early
    safe_key{login_key::immediate_data,         ruled},  // §13.11: commands may come without data
    safe_key{login_key::first_burst_length,     ruled},  // §13.14: R2Ts ask for the rest
    safe_key{login_key::max_connections,        ruled},  // §13.2: no second one is ever made
    safe_key{login_key::iscsi_protocol_level,   ruled},  // §13.24: nothing higher is used
    safe_key{login_key::max_burst_length,       theirs}, // §13.13: the target cuts the bursts
    safe_key{login_key::max_outstanding_r2t,    theirs}, // §13.17: it counts, and there is room
    safe_key{login_key::data_pdu_in_order,      theirs}, // §13.18, §13.19: data are placed by their
    safe_key{login_key::data_sequence_in_order, theirs}, // offsets, gaps are noticed in any order
    // clang-format on
};

} // namespace

leniency leniency_of(login_key key) {
    const auto* const found =
        std::find_if(safe_keys.begin(), safe_keys.end(), [key](const safe_key& each) {
            return each.key == key;
        });
    return found == safe_keys.end() ? leniency::refuse : found->how;
}

std::optional<std::uint32_t> bounded(const key_row& row, std::uint32_t number) {
    using enum login_key;
    if (number > row.high) // a group tag is a name: another one would be wrong
        return row.key == target_portal_group_tag ? std::nullopt : std::optional(row.high);
    if (number >= row.low)
        return number;
    if (row.key == max_outstanding_r2t || row.key == max_connections)
        return row.low; // 0: but data must be asked for somehow, and this connection is there
    if (row.key == first_burst_length)
        return number;   // less unsolicited data than anyone may forbid
    return std::nullopt; // a MaxBurstLength or data segment that holds no block
}

} // namespace iscsi
