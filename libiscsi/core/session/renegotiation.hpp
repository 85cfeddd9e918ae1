#pragma once

#include "libiscsi/base/result.hpp"
#include "libiscsi/base/text.hpp"
#include "libiscsi/core/parameters.hpp"

#include <optional>
#include <string>

// Text negotiation in full feature phase (RFC 7143 §6.2, §13). Of the keys that may be used there
// the session declares MaxRecvDataSegmentLength again; what the login has agreed stands.
namespace iscsi {

struct renegotiation_answer {
    text_pairs replies;      // to what the target has offered
    std::string needs_reply; // the first key that does, whatever we think of it; empty: none
    std::optional<std::uint32_t> longest_segment; // that the target declares from now on
};

text_pairs renegotiation_offer(const operational_parameters& now);

// What follows from the target's words. Faults: login_errc::key_repeated, ::value_out_of_range.
result<renegotiation_answer> judge_renegotiation(const text_pairs& said);

} // namespace iscsi
