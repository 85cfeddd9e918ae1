#include "libiscsi/core/pdu/fields.hpp"
#include "libiscsi/core/pdu/pdu.hpp"

namespace iscsi {
namespace {

using namespace wire;

// This side is for targets of the tests: strict where an initiator must be, so that our own
// mistakes are found.
result<initiator_pdu> read_nop_out(const basic_header& from) {
    nop_out pdu;
    pdu.immediate = is_immediate(from);
    pdu.lun = get_lun(from);
    get_tags(from, pdu);
    get_request_numbers(from, pdu);
    return pdu;
}

result<initiator_pdu> read_scsi_command(const basic_header& from) {
    scsi_command pdu;
    pdu.immediate = is_immediate(from);
    pdu.final = flag(from, 0x80);
    pdu.read = flag(from, 0x40);
    pdu.write = flag(from, 0x20);
    const unsigned attribute = byte_at(from, 1) & 0x07U;
    if (attribute > static_cast<unsigned>(task_attribute::aca))
        return reserved(from, "ATTR", attribute, "0 to 4 [RFC 7143 11.3.1]");
    if (!pdu.final && !pdu.write) // only unsolicited Data-Out can follow a command
        return contradiction(from, "F bit", "F=1 when no data follow [RFC 7143 11.3.1]");
    pdu.attribute = static_cast<task_attribute>(attribute);
    pdu.lun = get_lun(from);
    pdu.initiator_task_tag = get32(from, 16);
    pdu.expected_data_transfer_length = get32(from, 20);
    get_request_numbers(from, pdu);
    pdu.cdb = get_bytes<16>(from, 32);
    return pdu;
}

result<initiator_pdu> read_task_management_request(const basic_header& from) {
    const unsigned function = byte_at(from, 1) & 0x7fU;
    if (function < static_cast<unsigned>(task_management_function::abort_task) ||
        function > static_cast<unsigned>(task_management_function::task_reassign))
        return reserved(from, "Function", function, "1 to 8 [RFC 7143 11.5.1]");
    task_management_request pdu;
    pdu.immediate = is_immediate(from);
    pdu.function = static_cast<task_management_function>(function);
    pdu.lun = get_lun(from);
    pdu.initiator_task_tag = get32(from, 16);
    pdu.referenced_task_tag = get32(from, 20);
    get_request_numbers(from, pdu);
    pdu.reference_command_sn = get32(from, 32);
    pdu.expected_data_sn = get32(from, 36);
    return pdu;
}

// The version bytes are not looked at: there is only version 0.
result<initiator_pdu> read_login_request(const basic_header& from) {
    login_request pdu;
    if (auto flags = get_login_flags(from, pdu); flags.has_error())
        return flags.error();
    pdu.isid = get_bytes<6>(from, 8);
    pdu.target_session_identifying_handle = get16(from, 14);
    pdu.initiator_task_tag = get32(from, 16);
    pdu.connection_id = get16(from, 20);
    get_request_numbers(from, pdu);
    return pdu;
}

result<initiator_pdu> read_text_request(const basic_header& from) {
    if (auto checked = check_continue_bit(from); checked.has_error())
        return checked.error();
    text_request pdu;
    pdu.immediate = is_immediate(from);
    get_text_flags(from, pdu);
    pdu.lun = get_lun(from);
    get_tags(from, pdu);
    get_request_numbers(from, pdu);
    return pdu;
}

result<initiator_pdu> read_data_out(const basic_header& from) {
    data_out pdu;
    pdu.final = flag(from, 0x80);
    pdu.lun = get_lun(from);
    get_tags(from, pdu);
    pdu.expected_status_sn = get32(from, 28);
    pdu.data_sn = get32(from, 36);
    pdu.buffer_offset = get32(from, 40);
    return pdu;
}

result<initiator_pdu> read_logout_request(const basic_header& from) {
    const unsigned reason = byte_at(from, 1) & 0x7fU;
    if (reason > static_cast<unsigned>(logout_reason::remove_connection_for_recovery))
        return reserved(from, "Reason", reason, "0 to 2 [RFC 7143 11.14.1]");
    logout_request pdu;
    pdu.immediate = is_immediate(from);
    pdu.reason = static_cast<logout_reason>(reason);
    pdu.initiator_task_tag = get32(from, 16);
    pdu.connection_id = get16(from, 20);
    get_request_numbers(from, pdu);
    return pdu;
}

result<initiator_pdu> read_snack_request(const basic_header& from) {
    const unsigned type = byte_at(from, 1) & 0x0fU;
    if (type > 3)
        return reserved(from, "Type", type, "0 to 3 [RFC 7143 11.16.1]");
    snack_request pdu;
    pdu.type = static_cast<std::uint8_t>(type);
    pdu.lun = get_lun(from);
    get_tags(from, pdu);
    pdu.expected_status_sn = get32(from, 28);
    pdu.begin_run = get32(from, 40);
    pdu.run_length = get32(from, 44);
    return pdu;
}

} // namespace

// Exhaustive over the opcodes; a number that is none falls out of the switch.
result<initiator_pdu> decode_initiator(const basic_header& from) {
    switch (opcode_of(from)) {
    case opcode::nop_out:
        return read_nop_out(from);
    case opcode::scsi_command:
        return read_scsi_command(from);
    case opcode::task_management_request:
        return read_task_management_request(from);
    case opcode::login_request:
        return read_login_request(from);
    case opcode::text_request:
        return read_text_request(from);
    case opcode::data_out:
        return read_data_out(from);
    case opcode::logout_request:
        return read_logout_request(from);
    case opcode::snack_request:
        return read_snack_request(from);
    case opcode::nop_in:
    case opcode::scsi_response:
    case opcode::task_management_response:
    case opcode::login_response:
    case opcode::text_response:
    case opcode::data_in:
    case opcode::logout_response:
    case opcode::r2t:
    case opcode::async_message:
    case opcode::reject:
        return foreign_opcode(
            wire_errc::target_opcode_from_initiator,
            from,
            "an opcode of an initiator [RFC 7143 11.2.1.2]"
        );
    }
    return unknown_opcode(from);
}

} // namespace iscsi
