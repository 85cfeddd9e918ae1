#include "libiscsi/core/pdu/pdu.hpp"

#include <algorithm>

namespace iscsi {
namespace {

// The F bit stands in byte 1 of every PDU; where it has no choice it is 1.
constexpr std::byte final_bit{0x80};
constexpr std::byte immediate_bit{0x40};

// ---- single fields ----------------------------------------------------------------------------

// Offsets are those of the figures of RFC 7143 §11.
void put16(basic_header& to, std::size_t at, std::uint16_t value) {
    store_be16(to.data() + at, value);
}

void put32(basic_header& to, std::size_t at, std::uint32_t value) {
    store_be32(to.data() + at, value);
}

template <std::size_t Size>
void put_bytes(basic_header& to, std::size_t at, const std::array<std::byte, Size>& bytes) {
    std::copy(bytes.begin(), bytes.end(), to.begin() + static_cast<std::ptrdiff_t>(at));
}

// `mask` is a bit of byte 1.
std::byte flag(bool set, unsigned mask) {
    return set ? static_cast<std::byte>(mask) : std::byte{0};
}

// ---- fields at the same place in many PDUs, §11.2.1 -------------------------------------------

void put_opcode(basic_header& to, opcode code, bool immediate = false) {
    to[0] = static_cast<std::byte>(code);
    if (immediate)
        to[0] |= immediate_bit;
}

// What stands at 20 differs: TTT, referenced tag, or expected length.
void put_tags(basic_header& to, std::uint32_t initiator_task_tag, std::uint32_t second_tag) {
    put32(to, 16, initiator_task_tag);
    put32(to, 20, second_tag);
}

template <class Request>
// CmdSN and ExpStatSN; a PDU without CmdSN has its ExpStatSN at the same place.
void put_request_numbers(basic_header& to, const Request& pdu) {
    put32(to, 24, pdu.command_sn);
    put32(to, 28, pdu.expected_status_sn);
}

template <class Response>
void put_response_numbers(basic_header& to, const Response& pdu) {
    put32(to, 24, pdu.status_sn);
    put32(to, 28, pdu.expected_command_sn);
    put32(to, 32, pdu.max_command_sn);
}

// F or T is the highest bit, C the next.
std::byte text_flags(bool final, bool continues) {
    return flag(final, 0x80) | flag(continues, 0x40);
}

template <class Login>
std::byte login_flags(const Login& pdu) {
    std::byte flags = text_flags(pdu.transit, pdu.continues);
    flags |= static_cast<std::byte>(pdu.current_stage) << 2U;
    if (pdu.transit) // §11.12.3: NSG is reserved when T is 0
        flags |= static_cast<std::byte>(pdu.next_stage);
    return flags;
}

// ---- initiator to target ----------------------------------------------------------------------

void put(basic_header& to, const nop_out& pdu) {
    put_opcode(to, opcode::nop_out, pdu.immediate);
    to[1] = final_bit;
    put_bytes(to, 8, pdu.lun);
    put_tags(to, pdu.initiator_task_tag, pdu.target_transfer_tag);
    put_request_numbers(to, pdu);
}

void put(basic_header& to, const scsi_command& pdu) {
    put_opcode(to, opcode::scsi_command, pdu.immediate);
    to[1] = flag(pdu.final, 0x80) | flag(pdu.read, 0x40) | flag(pdu.write, 0x20) |
            static_cast<std::byte>(pdu.attribute);
    put_bytes(to, 8, pdu.lun);
    put_tags(to, pdu.initiator_task_tag, pdu.expected_data_transfer_length);
    put_request_numbers(to, pdu);
    put_bytes(to, 32, pdu.cdb);
}

void put(basic_header& to, const task_management_request& pdu) {
    put_opcode(to, opcode::task_management_request, pdu.immediate);
    to[1] = final_bit | static_cast<std::byte>(pdu.function);
    put_bytes(to, 8, pdu.lun);
    put_tags(to, pdu.initiator_task_tag, pdu.referenced_task_tag);
    put_request_numbers(to, pdu);
    put32(to, 32, pdu.reference_command_sn);
    put32(to, 36, pdu.expected_data_sn);
}

void put(basic_header& to, const login_request& pdu) {
    put_opcode(to, opcode::login_request, true); // §11.12: always immediate
    to[1] = login_flags(pdu);
    put_bytes(to, 8, pdu.isid);
    put16(to, 14, pdu.target_session_identifying_handle);
    put32(to, 16, pdu.initiator_task_tag);
    put16(to, 20, pdu.connection_id);
    put_request_numbers(to, pdu);
}

void put(basic_header& to, const text_request& pdu) {
    put_opcode(to, opcode::text_request, pdu.immediate);
    to[1] = text_flags(pdu.final, pdu.continues);
    put_bytes(to, 8, pdu.lun);
    put_tags(to, pdu.initiator_task_tag, pdu.target_transfer_tag);
    put_request_numbers(to, pdu);
}

// 24 to 27 are reserved: it takes no CmdSN.
void put(basic_header& to, const data_out& pdu) {
    put_opcode(to, opcode::data_out);
    to[1] = flag(pdu.final, 0x80);
    put_bytes(to, 8, pdu.lun);
    put_tags(to, pdu.initiator_task_tag, pdu.target_transfer_tag);
    put32(to, 28, pdu.expected_status_sn);
    put32(to, 36, pdu.data_sn);
    put32(to, 40, pdu.buffer_offset);
}

void put(basic_header& to, const logout_request& pdu) {
    put_opcode(to, opcode::logout_request, pdu.immediate);
    to[1] = final_bit | static_cast<std::byte>(pdu.reason);
    put32(to, 16, pdu.initiator_task_tag);
    put16(to, 20, pdu.connection_id);
    put_request_numbers(to, pdu);
}

// 24 to 27 are reserved, as in Data-Out.
void put(basic_header& to, const snack_request& pdu) {
    put_opcode(to, opcode::snack_request);
    to[1] = final_bit | static_cast<std::byte>(pdu.type & 0x0fU);
    put_bytes(to, 8, pdu.lun);
    put_tags(to, pdu.initiator_task_tag, pdu.target_transfer_tag);
    put32(to, 28, pdu.expected_status_sn);
    put32(to, 40, pdu.begin_run);
    put32(to, 44, pdu.run_length);
}

// ---- target to initiator ----------------------------------------------------------------------

void put(basic_header& to, const nop_in& pdu) {
    put_opcode(to, opcode::nop_in);
    to[1] = final_bit;
    put_bytes(to, 8, pdu.lun);
    put_tags(to, pdu.initiator_task_tag, pdu.target_transfer_tag);
    put_response_numbers(to, pdu);
}

void put(basic_header& to, const scsi_response& pdu) {
    put_opcode(to, opcode::scsi_response);
    to[1] = final_bit | flag(pdu.bidirectional_read_residual_overflow, 0x10) |
            flag(pdu.bidirectional_read_residual_underflow, 0x08) |
            flag(pdu.residual_overflow, 0x04) | flag(pdu.residual_underflow, 0x02);
    to[2] = static_cast<std::byte>(pdu.response);
    to[3] = static_cast<std::byte>(pdu.status);
    put_tags(to, pdu.initiator_task_tag, pdu.snack_tag);
    put_response_numbers(to, pdu);
    put32(to, 36, pdu.expected_data_sn);
    put32(to, 40, pdu.bidirectional_read_residual_count);
    put32(to, 44, pdu.residual_count);
}

void put(basic_header& to, const task_management_response& pdu) {
    put_opcode(to, opcode::task_management_response);
    to[1] = final_bit;
    to[2] = static_cast<std::byte>(pdu.response);
    put32(to, 16, pdu.initiator_task_tag);
    put_response_numbers(to, pdu);
}

void put(basic_header& to, const login_response& pdu) {
    put_opcode(to, opcode::login_response);
    to[1] = login_flags(pdu);
    to[2] = static_cast<std::byte>(pdu.version_max);
    to[3] = static_cast<std::byte>(pdu.version_active);
    put_bytes(to, 8, pdu.isid);
    put16(to, 14, pdu.target_session_identifying_handle);
    put32(to, 16, pdu.initiator_task_tag);
    put_response_numbers(to, pdu);
    to[36] = static_cast<std::byte>(pdu.status_class);
    to[37] = static_cast<std::byte>(pdu.status_detail);
}

void put(basic_header& to, const text_response& pdu) {
    put_opcode(to, opcode::text_response);
    to[1] = text_flags(pdu.final, pdu.continues);
    put_bytes(to, 8, pdu.lun);
    put_tags(to, pdu.initiator_task_tag, pdu.target_transfer_tag);
    put_response_numbers(to, pdu);
}

// Byte 2 is reserved: the response of a Data-In with status is always 0 (§11.7.3).
void put(basic_header& to, const data_in& pdu) {
    put_opcode(to, opcode::data_in);
    to[1] = flag(pdu.final, 0x80) | flag(pdu.acknowledge, 0x40) |
            flag(pdu.residual_overflow, 0x04) | flag(pdu.residual_underflow, 0x02) |
            flag(pdu.has_status, 0x01);
    to[3] = static_cast<std::byte>(pdu.status);
    put_bytes(to, 8, pdu.lun);
    put_tags(to, pdu.initiator_task_tag, pdu.target_transfer_tag);
    put_response_numbers(to, pdu);
    put32(to, 36, pdu.data_sn);
    put32(to, 40, pdu.buffer_offset);
    put32(to, 44, pdu.residual_count);
}

void put(basic_header& to, const logout_response& pdu) {
    put_opcode(to, opcode::logout_response);
    to[1] = final_bit;
    to[2] = static_cast<std::byte>(pdu.response);
    put32(to, 16, pdu.initiator_task_tag);
    put_response_numbers(to, pdu);
    put16(to, 40, pdu.time2wait);
    put16(to, 42, pdu.time2retain);
}

void put(basic_header& to, const r2t& pdu) {
    put_opcode(to, opcode::r2t);
    to[1] = final_bit;
    put_bytes(to, 8, pdu.lun);
    put_tags(to, pdu.initiator_task_tag, pdu.target_transfer_tag);
    put_response_numbers(to, pdu);
    put32(to, 36, pdu.r2t_sn);
    put32(to, 40, pdu.buffer_offset);
    put32(to, 44, pdu.desired_data_transfer_length);
}

void put(basic_header& to, const async_message& pdu) {
    put_opcode(to, opcode::async_message);
    to[1] = final_bit;
    put_bytes(to, 8, pdu.lun);
    put32(to, 16, reserved_tag);
    put_response_numbers(to, pdu);
    to[36] = static_cast<std::byte>(pdu.async_event);
    to[37] = static_cast<std::byte>(pdu.async_vendor_code);
    put16(to, 38, pdu.parameter1);
    put16(to, 40, pdu.parameter2);
    put16(to, 42, pdu.parameter3);
}

void put(basic_header& to, const reject& pdu) {
    put_opcode(to, opcode::reject);
    to[1] = final_bit;
    to[2] = static_cast<std::byte>(pdu.reason);
    put32(to, 16, reserved_tag);
    put_response_numbers(to, pdu);
    put32(to, 36, pdu.data_sn_or_r2t_sn);
}

template <class Pdu>
// Zeroed first: all that a put() does not name is reserved.
void encode_any(const Pdu& from, std::uint32_t data_segment_length, basic_header& to) {
    to.fill(std::byte{0});
    std::visit([&to](const auto& pdu) { put(to, pdu); }, from);
    store_be24(to.data() + 5, data_segment_length);
}

} // namespace

void encode(const initiator_pdu& from, std::uint32_t data_segment_length, basic_header& to) {
    encode_any(from, data_segment_length, to);
}

void encode(const target_pdu& from, std::uint32_t data_segment_length, basic_header& to) {
    encode_any(from, data_segment_length, to);
}

} // namespace iscsi
