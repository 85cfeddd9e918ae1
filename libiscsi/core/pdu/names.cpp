#include "libiscsi/core/pdu/pdu.hpp"

#include <array>

namespace iscsi {

const char* category_name(wire_errc) {
    return "iscsi.wire";
}

std::string_view message_of(wire_errc code) {
    switch (code) {
    case wire_errc::unknown_opcode:
        return "unknown opcode";
    case wire_errc::initiator_opcode_from_target:
        return "opcode of an initiator sent by a target";
    case wire_errc::reserved_value:
        return "reserved value";
    case wire_errc::data_segment_too_long:
        return "data segment too long";
    case wire_errc::additional_header_too_long:
        return "additional header segments too long";
    case wire_errc::header_digest_mismatch:
        return "header digest does not match";
    case wire_errc::data_digest_mismatch:
        return "data digest does not match";
    case wire_errc::unexpected_data_segment:
        return "data segment where none is allowed";
    case wire_errc::data_segment_too_short:
        return "data segment too short";
    case wire_errc::contradictory_flags:
        return "flags contradict each other";
    case wire_errc::target_opcode_from_initiator:
        return "opcode of a target sent by an initiator";
    }
    return "unknown wire error";
}

// As RFC 7143 spells them in its section titles.
std::string_view opcode_name(opcode code) {
    switch (code) {
    case opcode::nop_out:
        return "NOP-Out";
    case opcode::scsi_command:
        return "SCSI Command";
    case opcode::task_management_request:
        return "Task Management Function Request";
    case opcode::login_request:
        return "Login Request";
    case opcode::text_request:
        return "Text Request";
    case opcode::data_out:
        return "Data-Out";
    case opcode::logout_request:
        return "Logout Request";
    case opcode::snack_request:
        return "SNACK Request";
    case opcode::nop_in:
        return "NOP-In";
    case opcode::scsi_response:
        return "SCSI Response";
    case opcode::task_management_response:
        return "Task Management Function Response";
    case opcode::login_response:
        return "Login Response";
    case opcode::text_response:
        return "Text Response";
    case opcode::data_in:
        return "Data-In";
    case opcode::logout_response:
        return "Logout Response";
    case opcode::r2t:
        return "R2T";
    case opcode::async_message:
        return "Asynchronous Message";
    case opcode::reject:
        return "Reject";
    }
    return "unknown PDU";
}

std::string_view task_management_function_name(task_management_function which) {
    switch (which) {
    case task_management_function::abort_task:
        return "ABORT TASK";
    case task_management_function::abort_task_set:
        return "ABORT TASK SET";
    case task_management_function::clear_aca:
        return "CLEAR ACA";
    case task_management_function::clear_task_set:
        return "CLEAR TASK SET";
    case task_management_function::logical_unit_reset:
        return "LOGICAL UNIT RESET";
    case task_management_function::target_warm_reset:
        return "TARGET WARM RESET";
    case task_management_function::target_cold_reset:
        return "TARGET COLD RESET";
    case task_management_function::task_reassign:
        return "TASK REASSIGN";
    }
    return "unknown function";
}

std::string_view task_management_response_name(std::uint8_t response) {
    constexpr std::array<std::string_view, 7> names{
        "function complete",
        "task does not exist",
        "LUN does not exist",
        "task still allegiant",
        "task allegiance reassignment not supported",
        "function not supported",
        "function authorization failed"};
    constexpr std::uint8_t rejected = 255;
    if (response == rejected)
        return "function rejected";
    return response < names.size() ? names.at(response) : "reserved";
}

} // namespace iscsi
