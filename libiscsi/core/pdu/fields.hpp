#pragma once

#include "libiscsi/core/pdu/pdu.hpp"

#include <algorithm>
#include <string>
#include <utility>

// The fields that decoders of both directions read alike. Private to this folder.
namespace iscsi::wire {

// ---- single fields ----------------------------------------------------------------------------

inline std::uint8_t byte_at(const basic_header& from, std::size_t at) {
    return std::to_integer<std::uint8_t>(from[at]);
}

// `mask` is a bit of byte 1, where the flags of every PDU are.
inline bool flag(const basic_header& from, unsigned mask) {
    return (byte_at(from, 1) & mask) != 0;
}

inline std::uint16_t get16(const basic_header& from, std::size_t at) {
    return load_be16(from.data() + at);
}

inline std::uint32_t get32(const basic_header& from, std::size_t at) {
    return load_be32(from.data() + at);
}

template <std::size_t Size>
std::array<std::byte, Size> get_bytes(const basic_header& from, std::size_t at) {
    std::array<std::byte, Size> bytes{};
    std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(at), Size, bytes.begin());
    return bytes;
}

inline lun_field get_lun(const basic_header& from) {
    return get_bytes<8>(from, 8);
}

// Six bits; the seventh is I, the eighth reserved (§11.2.1.1).
inline opcode opcode_of(const basic_header& from) {
    return static_cast<opcode>(byte_at(from, 0) & 0x3fU);
}

inline bool is_immediate(const basic_header& from) {
    return (byte_at(from, 0) & 0x40U) != 0;
}

// ---- fields at the same place in many PDUs, §11.2.1 -------------------------------------------

template <class Pdu>
void get_tags(const basic_header& from, Pdu& pdu) {
    pdu.initiator_task_tag = get32(from, 16);
    pdu.target_transfer_tag = get32(from, 20);
}

template <class Request>
void get_request_numbers(const basic_header& from, Request& pdu) {
    pdu.command_sn = get32(from, 24);
    pdu.expected_status_sn = get32(from, 28);
}

template <class Response>
void get_response_numbers(const basic_header& from, Response& pdu) {
    pdu.status_sn = get32(from, 24);
    pdu.expected_command_sn = get32(from, 28);
    pdu.max_command_sn = get32(from, 32);
}

// ---- faults -----------------------------------------------------------------------------------

// The field is named with its PDU: "Data-In DataSN".
inline fault wire_fault(
    wire_errc code,
    const basic_header& from,
    std::string_view field,
    std::string got,
    std::string expected
) {
    std::string where(opcode_name(opcode_of(from)));
    where.append(" ").append(field);
    return {to_error_code(code), std::move(where), std::move(got), std::move(expected)};
}

// `clause` says what was expected, and where that stands.
inline fault
reserved(const basic_header& from, std::string_view field, unsigned got, const char* clause) {
    return wire_fault(wire_errc::reserved_value, from, field, std::to_string(got), clause);
}

inline fault contradiction(const basic_header& from, std::string_view field, const char* clause) {
    return wire_fault(wire_errc::contradictory_flags, from, field, {}, clause);
}

inline result<void> check_no_data(const basic_header& from, const char* clause) {
    const auto length = data_segment_length(from);
    if (length == 0)
        return {};
    return wire_fault(
        wire_errc::unexpected_data_segment,
        from,
        "DataSegmentLength",
        std::to_string(length),
        clause
    );
}

// ---- flags of Login and Text PDUs -------------------------------------------------------------

constexpr unsigned reserved_stage = 2; // §11.12.3

// C=1 says that the text goes on, so nothing may end with this PDU (§11.10.2, §11.12.2).
inline result<void> check_continue_bit(const basic_header& from) {
    if (flag(from, 0x80) && flag(from, 0x40))
        return contradiction(from, "C bit", "C=0 in the last PDU [RFC 7143 11.10.2, 11.12.2]");
    return {};
}

template <class Login>
result<void> get_login_flags(const basic_header& from, Login& pdu) {
    if (auto checked = check_continue_bit(from); checked.has_error())
        return checked;
    const unsigned current = (byte_at(from, 1) >> 2U) & 0x03U;
    const unsigned next = byte_at(from, 1) & 0x03U;
    pdu.transit = flag(from, 0x80);
    pdu.continues = flag(from, 0x40);
    if (current == reserved_stage)
        return reserved(from, "CSG", current, "0, 1 or 3 [RFC 7143 11.12.3]");
    if (pdu.transit && next == reserved_stage)
        return reserved(from, "NSG", next, "0, 1 or 3 [RFC 7143 11.12.3]");
    pdu.current_stage = static_cast<login_stage>(current);
    if (pdu.transit) // without T the field is reserved and ignored
        pdu.next_stage = static_cast<login_stage>(next);
    return {};
}

template <class Text>
void get_text_flags(const basic_header& from, Text& pdu) {
    pdu.final = flag(from, 0x80);
    pdu.continues = flag(from, 0x40);
}

inline fault foreign_opcode(wire_errc code, const basic_header& from, const char* expected) {
    return {to_error_code(code), "opcode", std::string(opcode_name(opcode_of(from))), expected};
}

inline fault unknown_opcode(const basic_header& from) {
    return {
        to_error_code(wire_errc::unknown_opcode),
        "opcode",
        std::to_string(byte_at(from, 0) & 0x3fU),
        "an opcode of RFC 7143 11.2.1.2"};
}

} // namespace iscsi::wire
