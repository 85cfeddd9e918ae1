#pragma once

#include "libiscsi/core/pdu/pdu.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace iscsi {

// The engine has no clock: every input carries the time. Only differences matter.
using instant = std::chrono::steady_clock::time_point;
using duration = std::chrono::milliseconds;

// The earlier one of two deadlines that may not exist.
constexpr std::optional<instant> earlier(std::optional<instant> a, std::optional<instant> b) {
    if (!a || !b)
        return a ? a : b;
    return std::min(*a, *b);
}

enum class session_type : std::uint8_t { normal, discovery };

enum class digest : std::uint8_t { none, crc32c };

// The values offered for HeaderDigest or DataDigest, best first (RFC 7143 §13.1).
using digest_list = std::vector<digest>;

// What the initiator asks for (RFC 7143 §13). Ranges are those of the standard.
struct operational_offer {
    digest_list header_digest{digest::none};
    digest_list data_digest{digest::none};
    std::uint16_t default_time2wait = 2;
    std::uint16_t default_time2retain = 0;
    bool initial_r2t = false;
    bool immediate_data = true;
    std::uint32_t max_burst_length = 16'776'192;
    std::uint32_t first_burst_length = 262'144;
    std::uint16_t max_outstanding_r2t = 1;
    std::uint32_t max_recv_data_segment_length = 262'144;
    std::uint32_t max_xmit_data_segment_length = 0; // 0: what the target declares
    bool data_pdu_in_order = true;
    bool data_sequence_in_order = true;
};

// What holds after the login; also the defaults of the standard before it.
struct operational_parameters {
    digest header_digest = digest::none;
    digest data_digest = digest::none;
    std::uint16_t default_time2wait = 2;
    std::uint16_t default_time2retain = 20;
    bool initial_r2t = true;
    bool immediate_data = true;
    std::uint32_t max_burst_length = 262'144;
    std::uint32_t first_burst_length = 65'536;
    std::uint16_t max_outstanding_r2t = 1;
    std::uint32_t max_recv_data_segment_length = 8192; // ours: the target may send this much
    std::uint32_t max_xmit_data_segment_length = 8192; // the target's, and our own limit
    bool data_pdu_in_order = true;
    bool data_sequence_in_order = true;
    std::optional<std::uint16_t> target_portal_group_tag = {}; // that the target has declared
    friend bool operator==(const operational_parameters&, const operational_parameters&) = default;
};

// What is made of a target's answers that RFC 7143 forbids, and that are safe to live with.
enum class negotiation_mode : std::uint8_t {
    lenient, // settle on a safe value and tell it as a negotiation_warning
    strict,  // end the login with a fault that names the key
};

// A login parameter that the target got wrong, and what holds instead.
struct negotiation_warning {
    std::string key;
    std::string got; // fit for a log line
    std::string used;
    friend bool operator==(const negotiation_warning&, const negotiation_warning&) = default;
};

// R2Ts of one command that there is room for, whatever was offered: a target that answers with more
// than our offer (RFC 7143 §13.17) will send more.
inline constexpr std::uint16_t most_r2ts_unoffered = 16;

// One direction of CHAP (RFC 7143 §12.1.3). An empty secret means: not configured. Every copy
// wipes its secret at its end.
struct chap_credentials {
    std::string name;
    std::string secret;

    ~chap_credentials();
};

class challenge_watch;

struct auth_config {
    chap_credentials outgoing;                       // we prove ourselves to the target
    chap_credentials incoming;                       // the target proves itself to us
    std::vector<std::string> chap_algorithms{"MD5"}; // MD5, SHA1, SHA256, SHA3-256; best first
    std::shared_ptr<challenge_watch> watch;          // none: each login looks only at itself
};

struct session_timeouts {
    duration login = std::chrono::seconds(15);
    duration logout = std::chrono::seconds(15);
    duration noop_out_interval = std::chrono::seconds(5); // both 0: no NOP-Out of our own
    duration noop_out_timeout = std::chrono::seconds(5);
    duration abort = std::chrono::seconds(15);
    duration lu_reset = std::chrono::seconds(30);
    duration target_reset = std::chrono::seconds(30);
    duration replacement = std::chrono::seconds(120); // 0: fail at once; negative: wait for ever
};

// What keeps a write that a target lets finish late, after its connection was lost, from
// overwriting newer data: a LOGICAL UNIT RESET before anything is sent to a unit again. It also
// ends the commands of other initiators there, and SPC-2 reservations.
enum class barrier_policy : std::uint8_t {
    automatic, // for units that had unanswered writes, unless their target is known to end old
               // tasks at session reinstatement; a target that refuses the reset is believed
    lu_reset,  // for every unit that had unanswered writes; without it no I/O
    none,      // never: the target is trusted to keep RFC 7143 §6.3.5
};

// Whether NOP-Outs of our own may be sent.
constexpr bool sends_nops(const session_timeouts& of) {
    return of.noop_out_interval > duration::zero();
}

// What may change while a session lives (session::change()).
struct session_settings {
    auth_config auth; // for the next login of the session, after a loss too
    session_timeouts timeouts;

    // Of one logical unit at a time, at least 1. Not held by the session: by whoever submits.
    std::uint16_t unit_commands_max = 32;
    bool fast_abort = true;
};

struct session_config : session_settings {
    session_type type = session_type::normal;
    std::string initiator_name;
    std::string initiator_alias;
    std::string target_name; // empty in a discovery session
    isid_field isid{};
    operational_offer offer;
    std::uint32_t initial_command_sn = 0;
    std::uint16_t commands_max = 128; // task slots, 1 to 4096
    std::uint32_t staging_size = 256 * 1024;
    barrier_policy replay_barrier = barrier_policy::automatic;
    negotiation_mode negotiation = negotiation_mode::lenient;
};

// R2Ts of one command that may be outstanding, whatever comes of the negotiation.
constexpr std::uint16_t room_for_r2ts(const session_config& config) {
    const auto offered = config.offer.max_outstanding_r2t;
    const bool lenient = config.negotiation == negotiation_mode::lenient;
    return lenient && offered < most_r2ts_unoffered ? most_r2ts_unoffered : offered;
}

} // namespace iscsi
