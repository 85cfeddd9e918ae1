#pragma once

#include <cstdint>
#include <string_view>

// The login keys of RFC 7143 §12 and §13 as data.
namespace iscsi {

// In the order in which the initiator offers them; what it never offers follows.
enum class login_key : std::uint8_t {
    header_digest,
    data_digest,
    default_time2wait,
    default_time2retain,
    if_marker,
    of_marker,
    error_recovery_level,
    initial_r2t,
    immediate_data,
    max_burst_length,
    first_burst_length,
    max_outstanding_r2t,
    max_connections,
    data_pdu_in_order,
    data_sequence_in_order,
    max_recv_data_segment_length,
    last_offered = max_recv_data_segment_length,

    task_reporting,
    iscsi_protocol_level,
    if_mark_int,
    of_mark_int,
    target_alias,
    target_portal_group_tag,
    target_address,
    initiator_name,
    initiator_alias,
    target_name,
    session_type,
    send_targets,
    auth_method,
    chap_a,
    chap_i,
    chap_c,
    chap_n,
    chap_r,
    count
};

// How two wishes become one value (§6.2.1, §6.2.2).
enum class key_rule : std::uint8_t {
    // Each side states its own, and there is no answer.
    declare_number,
    declare_text,

    // Numbers and booleans: the answer is already the outcome (§6.2.2).
    smaller,
    bigger,
    both_yes,
    either_yes,

    // The first of the offered values that the other side can use (§6.2.1).
    one_of_list,

    // §13.25: answered with Reject.
    obsolete,

    // §12.1: belongs to the security phases.
    authentication
};

// Who may send it; the other side only hears.
enum class key_sender : std::uint8_t { initiator, target, both };

// In which stage of the login it has its place.
enum class key_phase : std::uint8_t { security, operational, any };

// Keys of data transfer mean nothing in a discovery session and are not offered there.
enum class key_scope : std::uint8_t { every_session, normal_session };

// `low` and `high` belong to the range. A default stands in when nobody says anything.
struct key_row {
    login_key key;
    std::string_view name;
    key_sender sender;
    key_rule rule;
    key_phase phase;
    key_scope scope = key_scope::every_session; // else irrelevant in a discovery session
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    std::uint32_t default_number = 0; // Yes is 1
    std::string_view default_word = {};
};

// For loops over the keys.
constexpr login_key next_of(login_key key) {
    return static_cast<login_key>(static_cast<std::uint8_t>(key) + 1);
}

const key_row& row_of(login_key key);

// nullptr: a key that nobody defined, or a vendor's (X-).
const key_row* find_key(std::string_view name);

} // namespace iscsi
