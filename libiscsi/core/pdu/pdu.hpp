#pragma once

#include "libiscsi/base/bytes.hpp"
#include "libiscsi/base/result.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <variant>

// Every PDU of RFC 7143 §11, with the field names of the standard. Numbers are in host order.
// A struct holds the Basic Header Segment only; the data segment travels beside it.
// Fields that have only one legal value are not stored: encode() writes them.
namespace iscsi {

inline constexpr std::size_t bhs_size = 48;
// No task and no transfer: "all ones" in ITT and TTT (§11.2.1.8). A task tag of ours can never be
// that.
inline constexpr std::uint32_t reserved_tag = 0xffff'ffff;

// The Basic Header Segment as it stands on the wire (§11.2.1).
using basic_header = std::array<std::byte, bhs_size>;

// 8 bytes of a LUN field as they stand on the wire (SAM-5 §4.7; scsi/lun.hpp gives them meaning).
using lun_field = std::array<std::byte, 8>;

// Initiator Session ID, RFC 7143 §11.12.5.
// Who this session is among those of one initiator to one target: the same ISID again means
// reinstatement (§6.3.5).
using isid_field = std::array<std::byte, 6>;

// §11.2.1.2, without the I bit. 0x20 is set in everything that a target sends.
enum class opcode : std::uint8_t {
    nop_out = 0x00,
    scsi_command = 0x01,
    task_management_request = 0x02,
    login_request = 0x03,
    text_request = 0x04,
    data_out = 0x05,
    logout_request = 0x06,
    snack_request = 0x10,
    nop_in = 0x20,
    scsi_response = 0x21,
    task_management_response = 0x22,
    login_response = 0x23,
    text_response = 0x24,
    data_in = 0x25,
    logout_response = 0x26,
    r2t = 0x31,
    async_message = 0x32,
    reject = 0x3f,
};

// What can be wrong with a PDU before anybody looks at what it means. Each of them costs the
// connection: ErrorRecoveryLevel 0 has nothing less.
enum class wire_errc {
    unknown_opcode = 1, // RFC 7143 §11.2.1.2
    initiator_opcode_from_target,
    reserved_value,
    data_segment_too_long, // §11.2.1.6, §13.12
    additional_header_too_long,
    header_digest_mismatch, // §7.8
    data_digest_mismatch,
    unexpected_data_segment,
    data_segment_too_short,
    contradictory_flags,
    target_opcode_from_initiator,
};

// "Data-In", "SCSI Command": the names of the standard, for faults and logs.
// "unknown opcode" for a number that is none.
std::string_view opcode_name(opcode code);

const char* category_name(wire_errc);
std::string_view message_of(wire_errc);

// ---- initiator to target ----------------------------------------------------------------------

// A ping when it has an ITT. With a reserved ITT it is the answer to a target's ping, whose TTT and
// LUN it copies (§11.18.2).
struct nop_out { // §11.18
    bool immediate = false;
    lun_field lun{};
    std::uint32_t initiator_task_tag = reserved_tag;
    std::uint32_t target_transfer_tag = reserved_tag;
    std::uint32_t command_sn = 0;
    std::uint32_t expected_status_sn = 0;
    friend bool operator==(const nop_out&, const nop_out&) = default;
};

// §11.3.1. Disks get simple: the order of requests is kept by whoever needs it.
enum class task_attribute : std::uint8_t {
    untagged = 0,
    simple = 1,
    ordered = 2,
    head_of_queue = 3,
    aca = 4,
};

// `final` is 0 only when unsolicited Data-Out follow. expected_data_transfer_length is in bytes and
// is what the residual of the response refers to (§11.4.5). CmdSN is not taken up by an immediate
// command (§4.2.2.1).
struct scsi_command { // §11.3
    bool immediate = false;
    bool final = false;
    bool read = false;
    bool write = false;
    task_attribute attribute = task_attribute::simple;
    lun_field lun{};
    std::uint32_t initiator_task_tag = 0;
    std::uint32_t expected_data_transfer_length = 0;
    std::uint32_t command_sn = 0;
    std::uint32_t expected_status_sn = 0;
    std::array<std::byte, 16> cdb{};
    friend bool operator==(const scsi_command&, const scsi_command&) = default;
};

// Three of these are used, in the order of growing damage to others: abort_task,
// logical_unit_reset, target_warm_reset.
enum class task_management_function : std::uint8_t { // §11.5.1
    abort_task = 1,
    abort_task_set = 2,
    clear_aca = 3,
    clear_task_set = 4,
    logical_unit_reset = 5,
    target_warm_reset = 6,
    target_cold_reset = 7,
    task_reassign = 8,
};

// As RFC 7143 §11.5.1 spells them: "LOGICAL UNIT RESET".
std::string_view task_management_function_name(task_management_function which);

// What a Response of §11.6.1 means: "function not supported".
std::string_view task_management_response_name(std::uint8_t response);

// Always immediate here: it must pass a window that the tasks which it ends have filled. For ABORT
// TASK referenced_task_tag and reference_command_sn name the task (§11.5.4, §11.5.5); for a reset
// only the LUN counts.
struct task_management_request { // §11.5
    bool immediate = true;
    task_management_function function = task_management_function::abort_task;
    lun_field lun{};
    std::uint32_t initiator_task_tag = 0;
    std::uint32_t referenced_task_tag = reserved_tag;
    std::uint32_t command_sn = 0;
    std::uint32_t expected_status_sn = 0;
    std::uint32_t reference_command_sn = 0;
    std::uint32_t expected_data_sn = 0;
    friend bool
    operator==(const task_management_request&, const task_management_request&) = default;
};

// 2 is reserved: going from 1 to 3 is a transition of its own.
enum class login_stage : std::uint8_t { // §11.12.3, CSG and NSG
    security_negotiation = 0,
    operational_negotiation = 1,
    full_feature = 3,
};

// One round of a login. `transit` offers next_stage, `continues` says that the text goes on in the
// next PDU; never both (§11.12.2). TSIH 0 begins a session, that of a session joins or reinstates
// it.
struct login_request { // §11.12; always immediate, version 0
    bool transit = false;
    bool continues = false;
    login_stage current_stage = login_stage::security_negotiation;
    login_stage next_stage = login_stage::security_negotiation; // meaningful when transit
    isid_field isid{};
    std::uint16_t target_session_identifying_handle = 0;
    std::uint32_t initiator_task_tag = 0;
    std::uint16_t connection_id = 0;
    std::uint32_t command_sn = 0;
    std::uint32_t expected_status_sn = 0;
    friend bool operator==(const login_request&, const login_request&) = default;
};

// For SendTargets and renegotiation. target_transfer_tag is that of the response which it answers,
// else reserved (§11.10.4).
struct text_request { // §11.10
    bool immediate = false;
    bool final = true;
    bool continues = false;
    lun_field lun{};
    std::uint32_t initiator_task_tag = 0;
    std::uint32_t target_transfer_tag = reserved_tag;
    std::uint32_t command_sn = 0;
    std::uint32_t expected_status_sn = 0;
    friend bool operator==(const text_request&, const text_request&) = default;
};

// Data of a write: unsolicited (TTT reserved), or the answer to the R2T whose TTT it carries, with
// DataSN from 0 in each sequence (§11.7.5). It has no CmdSN: the command has reserved the room.
struct data_out { // §11.7
    bool final = false;
    lun_field lun{};
    std::uint32_t initiator_task_tag = 0;
    std::uint32_t target_transfer_tag = reserved_tag;
    std::uint32_t expected_status_sn = 0;
    std::uint32_t data_sn = 0;
    std::uint32_t buffer_offset = 0;
    friend bool operator==(const data_out&, const data_out&) = default;
};

// Only close_session is sent: there is one connection, and no recovery of it beyond
// ErrorRecoveryLevel 0.
enum class logout_reason : std::uint8_t { // §11.14.1
    close_session = 0,
    close_connection = 1,
    remove_connection_for_recovery = 2,
};

// Immediate, so that it does not wait behind a closed window. The connection_id is meaningless for
// close_session (§11.14.3).
struct logout_request { // §11.14
    bool immediate = true;
    logout_reason reason = logout_reason::close_session;
    std::uint32_t initiator_task_tag = 0;
    std::uint16_t connection_id = 0;
    std::uint32_t command_sn = 0;
    std::uint32_t expected_status_sn = 0;
    friend bool operator==(const logout_request&, const logout_request&) = default;
};

struct snack_request { // §11.16; defined for completeness, never sent at ErrorRecoveryLevel 0
    std::uint8_t type = 0;
    lun_field lun{};
    std::uint32_t initiator_task_tag = reserved_tag;
    std::uint32_t target_transfer_tag = reserved_tag;
    std::uint32_t expected_status_sn = 0;
    std::uint32_t begin_run = 0;
    std::uint32_t run_length = 0;
    friend bool operator==(const snack_request&, const snack_request&) = default;
};

// ---- target to initiator ----------------------------------------------------------------------

// The answer to a ping (ITT), a ping of the target (TTT), or only news of the window (neither).
// StatSN counts only in the first; else it is the next one and stays (§11.19.2).
struct nop_in { // §11.19
    lun_field lun{};
    std::uint32_t initiator_task_tag = reserved_tag;
    std::uint32_t target_transfer_tag = reserved_tag;
    std::uint32_t status_sn = 0;
    std::uint32_t expected_command_sn = 0;
    std::uint32_t max_command_sn = 0;
    friend bool operator==(const nop_in&, const nop_in&) = default;
};

// The end of a task. `response` (did the target get as far as the device?) comes before `status`
// (what the device says); the status means nothing unless response is 0 (§11.4.3). The residual
// counts are valid only with their flags (§11.4.5). Sense data are in the data segment, behind two
// bytes of length.
struct scsi_response { // §11.4
    bool bidirectional_read_residual_overflow = false;
    bool bidirectional_read_residual_underflow = false;
    bool residual_overflow = false;
    bool residual_underflow = false;
    std::uint8_t response = 0;
    std::uint8_t status = 0;
    std::uint32_t initiator_task_tag = 0;
    std::uint32_t snack_tag = 0;
    std::uint32_t status_sn = 0;
    std::uint32_t expected_command_sn = 0;
    std::uint32_t max_command_sn = 0;
    std::uint32_t expected_data_sn = 0;
    std::uint32_t bidirectional_read_residual_count = 0;
    std::uint32_t residual_count = 0;
    friend bool operator==(const scsi_response&, const scsi_response&) = default;
};

// 0: done; 1: no such task, which for an abort is as good as done; 5: not supported; 255: rejected
// (§11.6.1). Tasks it ended are never answered after it (§11.6).
struct task_management_response { // §11.6
    std::uint8_t response = 0;
    std::uint32_t initiator_task_tag = 0;
    std::uint32_t status_sn = 0;
    std::uint32_t expected_command_sn = 0;
    std::uint32_t max_command_sn = 0;
    friend bool
    operator==(const task_management_response&, const task_management_response&) = default;
};

// Its flags answer those of the request. A Status-Class other than 0 ends the login (2, 3) or
// points elsewhere (1); the detail says more (§11.13.5). StatSN begins with the number of the first
// one.
struct login_response { // §11.13
    bool transit = false;
    bool continues = false;
    login_stage current_stage = login_stage::security_negotiation;
    login_stage next_stage = login_stage::security_negotiation;
    std::uint8_t version_max = 0;
    std::uint8_t version_active = 0;
    isid_field isid{};
    std::uint16_t target_session_identifying_handle = 0;
    std::uint32_t initiator_task_tag = 0;
    std::uint32_t status_sn = 0;
    std::uint32_t expected_command_sn = 0;
    std::uint32_t max_command_sn = 0;
    std::uint8_t status_class = 0;
    std::uint8_t status_detail = 0;
    friend bool operator==(const login_response&, const login_response&) = default;
};

// With a TTT the target wants another request of the same exchange: it has more to say, or awaits
// an answer.
struct text_response { // §11.11
    bool final = true;
    bool continues = false;
    lun_field lun{};
    std::uint32_t initiator_task_tag = 0;
    std::uint32_t target_transfer_tag = reserved_tag;
    std::uint32_t status_sn = 0;
    std::uint32_t expected_command_sn = 0;
    std::uint32_t max_command_sn = 0;
    friend bool operator==(const text_response&, const text_response&) = default;
};

// Data of a read, and with S=1 also its end: then status and StatSN hold and no SCSI Response
// follows (§11.7.3). buffer_offset counts from the start of the transfer; DataSN from 0 per
// command.
struct data_in { // §11.7
    bool final = false;
    bool acknowledge = false;
    bool residual_overflow = false;
    bool residual_underflow = false;
    bool has_status = false;
    std::uint8_t status = 0;
    lun_field lun{};
    std::uint32_t initiator_task_tag = 0;
    std::uint32_t target_transfer_tag = reserved_tag;
    std::uint32_t status_sn = 0;
    std::uint32_t expected_command_sn = 0;
    std::uint32_t max_command_sn = 0;
    std::uint32_t data_sn = 0;
    std::uint32_t buffer_offset = 0;
    std::uint32_t residual_count = 0;
    friend bool operator==(const data_in&, const data_in&) = default;
};

// time2wait and time2retain in seconds: how long the tasks of this session are kept, and when a new
// login has a chance (§11.15.3, §11.15.4).
struct logout_response { // §11.15
    std::uint8_t response = 0;
    std::uint32_t initiator_task_tag = 0;
    std::uint32_t status_sn = 0;
    std::uint32_t expected_command_sn = 0;
    std::uint32_t max_command_sn = 0;
    std::uint16_t time2wait = 0;
    std::uint16_t time2retain = 0;
    friend bool operator==(const logout_response&, const logout_response&) = default;
};

// The target asks for `desired_data_transfer_length` bytes (never 0) from buffer_offset on, to be
// sent with its TTT. Several may be open up to MaxOutstandingR2T.
struct r2t { // §11.8
    lun_field lun{};
    std::uint32_t initiator_task_tag = 0;
    std::uint32_t target_transfer_tag = 0;
    std::uint32_t status_sn = 0;
    std::uint32_t expected_command_sn = 0;
    std::uint32_t max_command_sn = 0;
    std::uint32_t r2t_sn = 0;
    std::uint32_t buffer_offset = 0;
    std::uint32_t desired_data_transfer_length = 0;
    friend bool operator==(const r2t&, const r2t&) = default;
};

// News that no command asked for: sense data of a unit (0), a wish to log out (1), the end of
// connections (2, 3), of the session's parameters (4), of tasks of a unit (5). What the parameters
// mean depends on the event (§11.9.1).
struct async_message { // §11.9
    lun_field lun{};
    std::uint32_t status_sn = 0;
    std::uint32_t expected_command_sn = 0;
    std::uint32_t max_command_sn = 0;
    std::uint8_t async_event = 0;
    std::uint8_t async_vendor_code = 0;
    std::uint16_t parameter1 = 0;
    std::uint16_t parameter2 = 0;
    std::uint16_t parameter3 = 0;
    friend bool operator==(const async_message&, const async_message&) = default;
};

// The target could not make sense of a PDU of ours, whose header is in the data segment. Its StatSN
// counts.
struct reject { // §11.17; the data segment holds the header of the rejected PDU
    std::uint8_t reason = 0;
    std::uint32_t status_sn = 0;
    std::uint32_t expected_command_sn = 0;
    std::uint32_t max_command_sn = 0;
    std::uint32_t data_sn_or_r2t_sn = 0;
    friend bool operator==(const reject&, const reject&) = default;
};

// What we send. Both variants are exhaustive: a PDU that is added is asked for by every visitor.
using initiator_pdu = std::variant<
    nop_out,
    scsi_command,
    task_management_request,
    login_request,
    text_request,
    data_out,
    logout_request,
    snack_request>;

using target_pdu = std::variant<
    nop_in,
    scsi_response,
    task_management_response,
    login_response,
    text_response,
    data_in,
    logout_response,
    r2t,
    async_message,
    reject>;

// Writes a header. TotalAHSLength is 0; DataSegmentLength is `data_segment_length` (0 to 2^24-1).
// `to` is overwritten as a whole, reserved fields with zeros (§11.2.1). It cannot fail: every
// struct has an encoding.
void encode(const initiator_pdu& from, std::uint32_t data_segment_length, basic_header& to);
void encode(const target_pdu& from, std::uint32_t data_segment_length, basic_header& to);

// Reads a header that a target sent (the initiator's side), or an initiator sent (test targets).
// Reserved bits are ignored (§11.2.1). Faults, of the header alone: unknown_opcode,
// initiator_opcode_from_target, target_opcode_from_initiator, reserved_value, contradictory_flags,
// unexpected_data_segment, data_segment_too_short.
result<target_pdu> decode_target(const basic_header& from);
result<initiator_pdu> decode_initiator(const basic_header& from);

// TotalAHSLength in bytes (0 to 1020) and DataSegmentLength, §11.2.1.5 and §11.2.1.6.
constexpr std::uint32_t total_ahs_length(const basic_header& header) {
    return std::to_integer<std::uint32_t>(header[4]) * 4U;
}

// In bytes, without padding and digest. What a target writes here is believed only up to
// MaxRecvDataSegmentLength.
constexpr std::uint32_t data_segment_length(const basic_header& header) {
    return load_be24(header.data() + 5);
}

// Bytes of padding after a data segment of that length, §11.2.3.
constexpr std::uint32_t padding_of(std::uint32_t length) {
    return (4U - length % 4U) % 4U;
}

} // namespace iscsi
