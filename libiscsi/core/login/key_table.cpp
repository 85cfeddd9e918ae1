#include "libiscsi/core/login/key_table.hpp"

#include <algorithm>
#include <array>

namespace iscsi {
namespace {

using enum login_key;
using enum key_rule;

constexpr auto every = key_scope::every_session;
constexpr auto normal = key_scope::normal_session;
constexpr auto security = key_phase::security;
constexpr auto operational = key_phase::operational;
constexpr auto any = key_phase::any;
constexpr auto initiator = key_sender::initiator;
constexpr auto target = key_sender::target;
constexpr auto both = key_sender::both;
constexpr std::uint32_t u24 = 0xff'ff'ff;
constexpr std::uint32_t u16 = 0xff'ff;

// Ranges and defaults are those of RFC 7143 §13 and, for CHAP, §12.1.
constexpr std::array<key_row, static_cast<std::size_t>(count)> rows{{
    // clang-format off
    // key                         name                        sender     rule            phase        scope    low   high default
    {header_digest,                "HeaderDigest",             both,      one_of_list,    operational, every,     0,     0,      0, "None"},
    {data_digest,                  "DataDigest",               both,      one_of_list,    operational, every,     0,     0,      0, "None"},
    {default_time2wait,            "DefaultTime2Wait",         both,      bigger,         operational, every,     0,  3600,      2},
    {default_time2retain,          "DefaultTime2Retain",       both,      smaller,        operational, every,     0,  3600,     20},
    {if_marker,                    "IFMarker",                 both,      both_yes,       operational, every,     0,     1,      0},
    {of_marker,                    "OFMarker",                 both,      both_yes,       operational, every,     0,     1,      0},
    {error_recovery_level,         "ErrorRecoveryLevel",       both,      smaller,        operational, every,     0,     2,      0},
    {initial_r2t,                  "InitialR2T",               both,      either_yes,     operational, normal,    0,     1,      1},
    {immediate_data,               "ImmediateData",            both,      both_yes,       operational, normal,    0,     1,      1},
    {max_burst_length,             "MaxBurstLength",           both,      smaller,        operational, normal,  512,   u24, 262144},
    {first_burst_length,           "FirstBurstLength",         both,      smaller,        operational, normal,  512,   u24,  65536},
    {max_outstanding_r2t,          "MaxOutstandingR2T",        both,      smaller,        operational, normal,    1,   u16,      1},
    {max_connections,              "MaxConnections",           both,      smaller,        operational, normal,    1,   u16,      1},
    {data_pdu_in_order,            "DataPDUInOrder",           both,      either_yes,     operational, normal,    0,     1,      1},
    {data_sequence_in_order,       "DataSequenceInOrder",      both,      either_yes,     operational, normal,    0,     1,      1},
    {max_recv_data_segment_length, "MaxRecvDataSegmentLength", both,      declare_number, any,         every,   512,   u24,   8192},
    {task_reporting,               "TaskReporting",            both,      one_of_list,    operational, normal,    0,     0,      0, "RFC3720"},
    {iscsi_protocol_level,         "iSCSIProtocolLevel",       both,      smaller,        operational, normal,    0,    31,      1},
    {if_mark_int,                  "IFMarkInt",                both,      obsolete,       operational, every},
    {of_mark_int,                  "OFMarkInt",                both,      obsolete,       operational, every},
    {target_alias,                 "TargetAlias",              target,    declare_text,   any,         every},
    {target_portal_group_tag,      "TargetPortalGroupTag",     target,    declare_number, any,         every,     0,   u16,      0},
    {target_address,               "TargetAddress",            target,    declare_text,   any,         every},
    {initiator_name,               "InitiatorName",            initiator, declare_text,   any,         every},
    {initiator_alias,              "InitiatorAlias",           initiator, declare_text,   any,         every},
    {target_name,                  "TargetName",               initiator, declare_text,   any,         every},
    {session_type,                 "SessionType",              initiator, declare_text,   any,         every},
    {send_targets,                 "SendTargets",              initiator, declare_text,   any,         every},
    {auth_method,                  "AuthMethod",               both,      authentication, security,    every},
    {chap_a,                       "CHAP_A",                   both,      authentication, security,    every},
    {chap_i,                       "CHAP_I",                   both,      authentication, security,    every},
    {chap_c,                       "CHAP_C",                   both,      authentication, security,    every},
    {chap_n,                       "CHAP_N",                   both,      authentication, security,    every},
    {chap_r,                       "CHAP_R",                   both,      authentication, security,    every},
    // clang-format on
}};

constexpr bool in_order() {
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (static_cast<std::size_t>(rows[i].key) != i)
            return false;
    return true;
}

static_assert(in_order(), "a key's number is the place of its row");

} // namespace

const key_row& row_of(login_key key) {
    return rows[static_cast<std::size_t>(key)];
}

const key_row* find_key(std::string_view name) {
    const auto* const found = std::find_if(rows.begin(), rows.end(), [name](const key_row& row) {
        return row.name == name;
    });
    return found == rows.end() ? nullptr : found;
}

} // namespace iscsi
