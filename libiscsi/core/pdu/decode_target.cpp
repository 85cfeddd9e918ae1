#include "libiscsi/core/pdu/fields.hpp"
#include "libiscsi/core/pdu/pdu.hpp"

namespace iscsi {
namespace {

using namespace wire;

// Any combination of tags is let pass here; whether it answers something is for the session to say.
result<target_pdu> read_nop_in(const basic_header& from) {
    nop_in pdu;
    pdu.lun = get_lun(from);
    get_tags(from, pdu);
    get_response_numbers(from, pdu);
    return pdu;
}

// Both flags of one residual would say "too much" and "too little" at once.
result<target_pdu> read_scsi_response(const basic_header& from) {
    scsi_response pdu;
    pdu.bidirectional_read_residual_overflow = flag(from, 0x10);
    pdu.bidirectional_read_residual_underflow = flag(from, 0x08);
    pdu.residual_overflow = flag(from, 0x04);
    pdu.residual_underflow = flag(from, 0x02);
    if (pdu.residual_overflow && pdu.residual_underflow)
        return contradiction(from, "O and U bits", "one at most [RFC 7143 11.4.1]");
    if (pdu.bidirectional_read_residual_overflow && pdu.bidirectional_read_residual_underflow)
        return contradiction(from, "o and u bits", "one at most [RFC 7143 11.4.1]");
    pdu.response = byte_at(from, 2);
    pdu.status = byte_at(from, 3);
    pdu.initiator_task_tag = get32(from, 16);
    pdu.snack_tag = get32(from, 20);
    get_response_numbers(from, pdu);
    pdu.expected_data_sn = get32(from, 36);
    pdu.bidirectional_read_residual_count = get32(from, 40);
    pdu.residual_count = get32(from, 44);
    return pdu;
}

result<target_pdu> read_task_management_response(const basic_header& from) {
    if (auto checked = check_no_data(from, "0 [RFC 7143 11.6.2]"); checked.has_error())
        return checked.error();
    task_management_response pdu;
    pdu.response = byte_at(from, 2);
    pdu.initiator_task_tag = get32(from, 16);
    get_response_numbers(from, pdu);
    return pdu;
}

// A refusal may leave the stages and flags unset or stale: only its status counts (§11.13.5).
result<target_pdu> read_login_response(const basic_header& from) {
    login_response pdu;
    pdu.status_class = byte_at(from, 36);
    pdu.status_detail = byte_at(from, 37);
    auto flags = get_login_flags(from, pdu);
    if (flags.has_error() && pdu.status_class == 0)
        return flags.error();
    pdu.version_max = byte_at(from, 2);
    pdu.version_active = byte_at(from, 3);
    pdu.isid = get_bytes<6>(from, 8);
    pdu.target_session_identifying_handle = get16(from, 14);
    pdu.initiator_task_tag = get32(from, 16);
    get_response_numbers(from, pdu);
    return pdu;
}

result<target_pdu> read_text_response(const basic_header& from) {
    if (auto checked = check_continue_bit(from); checked.has_error())
        return checked.error();
    text_response pdu;
    get_text_flags(from, pdu);
    pdu.lun = get_lun(from);
    get_tags(from, pdu);
    get_response_numbers(from, pdu);
    if (!pdu.final && pdu.target_transfer_tag == reserved_tag)
        return contradiction(from, "F bit", "a Target Transfer Tag with F=0 [RFC 7143 11.11.4]");
    return pdu;
}

// S=1 without F=1 is refused: with status the sequence has ended, and the standard knows no other
// form.
result<target_pdu> read_data_in(const basic_header& from) {
    data_in pdu;
    pdu.final = flag(from, 0x80);
    pdu.acknowledge = flag(from, 0x40);
    pdu.residual_overflow = flag(from, 0x04);
    pdu.residual_underflow = flag(from, 0x02);
    pdu.has_status = flag(from, 0x01);
    if (pdu.has_status && !pdu.final)
        return contradiction(from, "S bit", "F=1 with status [RFC 7143 11.7.3]");
    if (pdu.has_status && pdu.residual_overflow && pdu.residual_underflow)
        return contradiction(from, "O and U bits", "one at most [RFC 7143 11.4.1]");
    pdu.status = byte_at(from, 3);
    pdu.lun = get_lun(from);
    get_tags(from, pdu);
    get_response_numbers(from, pdu);
    pdu.data_sn = get32(from, 36);
    pdu.buffer_offset = get32(from, 40);
    pdu.residual_count = get32(from, 44);
    return pdu;
}

result<target_pdu> read_logout_response(const basic_header& from) {
    if (auto checked = check_no_data(from, "0 [RFC 7143 11.15.5]"); checked.has_error())
        return checked.error();
    logout_response pdu;
    pdu.response = byte_at(from, 2);
    pdu.initiator_task_tag = get32(from, 16);
    get_response_numbers(from, pdu);
    pdu.time2wait = get16(from, 40);
    pdu.time2retain = get16(from, 42);
    return pdu;
}

// A length of 0 is refused by the task that it is for: only that knows what it has left.
result<target_pdu> read_r2t(const basic_header& from) {
    if (auto checked = check_no_data(from, "0 [RFC 7143 11.8.1]"); checked.has_error())
        return checked.error();
    r2t pdu;
    pdu.lun = get_lun(from);
    get_tags(from, pdu);
    if (pdu.target_transfer_tag == reserved_tag)
        return reserved(from, "Target Transfer Tag", reserved_tag, "another tag [RFC 7143 11.8.5]");
    get_response_numbers(from, pdu);
    pdu.r2t_sn = get32(from, 36);
    pdu.buffer_offset = get32(from, 40);
    pdu.desired_data_transfer_length = get32(from, 44);
    return pdu;
}

// Unknown events are let pass: vendors have theirs (§11.9.1, 255).
result<target_pdu> read_async_message(const basic_header& from) {
    async_message pdu;
    pdu.lun = get_lun(from);
    get_response_numbers(from, pdu);
    pdu.async_event = byte_at(from, 36);
    pdu.async_vendor_code = byte_at(from, 37);
    pdu.parameter1 = get16(from, 38);
    pdu.parameter2 = get16(from, 40);
    pdu.parameter3 = get16(from, 42);
    return pdu;
}

// Without the header nobody could tell what was rejected.
result<target_pdu> read_reject(const basic_header& from) {
    if (data_segment_length(from) < bhs_size)
        return wire_fault(
            wire_errc::data_segment_too_short,
            from,
            "DataSegmentLength",
            std::to_string(data_segment_length(from)),
            "48 or more: the rejected header [RFC 7143 11.17]"
        );
    reject pdu;
    pdu.reason = byte_at(from, 2);
    get_response_numbers(from, pdu);
    pdu.data_sn_or_r2t_sn = get32(from, 36);
    return pdu;
}

} // namespace

// Exhaustive over the opcodes; those of an initiator are refused by a fault of their own, which
// says that the peer echoes or is none.
result<target_pdu> decode_target(const basic_header& from) {
    switch (opcode_of(from)) {
    case opcode::nop_in:
        return read_nop_in(from);
    case opcode::scsi_response:
        return read_scsi_response(from);
    case opcode::task_management_response:
        return read_task_management_response(from);
    case opcode::login_response:
        return read_login_response(from);
    case opcode::text_response:
        return read_text_response(from);
    case opcode::data_in:
        return read_data_in(from);
    case opcode::logout_response:
        return read_logout_response(from);
    case opcode::r2t:
        return read_r2t(from);
    case opcode::async_message:
        return read_async_message(from);
    case opcode::reject:
        return read_reject(from);
    case opcode::nop_out:
    case opcode::scsi_command:
    case opcode::task_management_request:
    case opcode::login_request:
    case opcode::text_request:
    case opcode::data_out:
    case opcode::logout_request:
    case opcode::snack_request:
        return foreign_opcode(
            wire_errc::initiator_opcode_from_target,
            from,
            "an opcode of a target [RFC 7143 11.2.1.2]"
        );
    }
    return unknown_opcode(from);
}

} // namespace iscsi
