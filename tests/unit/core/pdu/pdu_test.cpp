#include "tests/unit/core/pdu/samples.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace iscsi {
namespace {

basic_header header_of(const initiator_pdu& pdu, std::uint32_t length = 0) {
    basic_header header;
    header.fill(std::byte{0xee}); // encode() must write every byte
    encode(pdu, length, header);
    return header;
}

basic_header header_of(const target_pdu& pdu, std::uint32_t length = 0) {
    basic_header header;
    header.fill(std::byte{0xee});
    encode(pdu, length, header);
    return header;
}

basic_header bytes(std::initializer_list<unsigned> values) {
    EXPECT_EQ(values.size(), bhs_size);
    basic_header header{};
    std::transform(values.begin(), values.end(), header.begin(), [](unsigned value) {
        return static_cast<std::byte>(value);
    });
    return header;
}

// The error of a header whose byte 1 is replaced.
template <class Pdu>
boost::system::error_code fault_with_flags(const Pdu& pdu, unsigned flags) {
    basic_header header;
    encode(pdu, 0, header);
    header[1] = static_cast<std::byte>(flags);
    if constexpr (std::is_same_v<Pdu, initiator_pdu>) {
        const auto decoded = decode_initiator(header);
        return decoded.has_error() ? decoded.error().code : boost::system::error_code{};
    } else {
        const auto decoded = decode_target(header);
        return decoded.has_error() ? decoded.error().code : boost::system::error_code{};
    }
}

TEST(pdu, every_initiator_pdu_survives_the_round_trip) {
    for (const auto& pdu : test::initiator_samples()) {
        const auto header = header_of(pdu, 0x00f1f2);
        const auto decoded = decode_initiator(header);
        ASSERT_TRUE(decoded.has_value()) << decoded.error().text();
        EXPECT_TRUE(*decoded == pdu) << "kind " << pdu.index();
        EXPECT_EQ(data_segment_length(header), 0x00f1f2U);
        EXPECT_EQ(total_ahs_length(header), 0U);
    }
}

TEST(pdu, every_target_pdu_survives_the_round_trip) {
    for (const auto& pdu : test::target_samples()) {
        const auto header = header_of(pdu, test::sample_length(pdu));
        const auto decoded = decode_target(header);
        ASSERT_TRUE(decoded.has_value()) << decoded.error().text();
        EXPECT_TRUE(*decoded == pdu) << "kind " << pdu.index();
        EXPECT_EQ(data_segment_length(header), test::sample_length(pdu));
    }
}

TEST(pdu, all_flags_of_scsi_command_are_apart) {
    for (unsigned bits = 0; bits < 8; ++bits) {
        auto pdu = test::sample_scsi_command();
        pdu.final = (bits & 4U) != 0;
        pdu.read = (bits & 2U) != 0;
        pdu.write = (bits & 1U) != 0;
        const auto decoded = decode_initiator(header_of(initiator_pdu(pdu)));
        if (!pdu.final && !pdu.write)
            EXPECT_EQ(decoded.error().code, to_error_code(wire_errc::contradictory_flags));
        else
            EXPECT_TRUE(std::get<scsi_command>(*decoded) == pdu);
    }
}

TEST(pdu, scsi_command_stands_on_the_wire_as_in_11_3) {
    const auto expected = bytes({
        0x41, 0xa2, 0,    0,    0,    0x12, 0x34, 0x56, // I, F W ordered, DataSegmentLength
        0x40, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, // LUN
        0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, // tag, expected length
        0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, // CmdSN, ExpStatSN
        0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, // CDB
        0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf,
    });
    EXPECT_EQ(header_of(initiator_pdu(test::sample_scsi_command()), 0x123456), expected);
}

TEST(pdu, login_request_stands_on_the_wire_as_in_11_12) {
    const login_request pdu{
        .transit = true,
        .current_stage = login_stage::operational_negotiation,
        .next_stage = login_stage::full_feature,
        .isid = test::sample_isid,
        .target_session_identifying_handle = 0x2122,
        .initiator_task_tag = 0x01020304,
        .connection_id = 0x2324,
        .command_sn = 0x05060708,
        .expected_status_sn = 0x090a0b0c};
    const auto expected = bytes({
        0x43, 0x87, 0,    0,    0,    0,    0x01, 0x00, // I, T CSG=1 NSG=3, versions 0
        0x00, 0x02, 0x3d, 0xa1, 0xa2, 0xa3, 0x21, 0x22, // ISID, TSIH
        0x01, 0x02, 0x03, 0x04, 0x23, 0x24, 0,    0,    // tag, CID
        0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, // CmdSN, ExpStatSN
        0,    0,    0,    0,    0,    0,    0,    0,    //
        0,    0,    0,    0,    0,    0,    0,    0,
    });
    EXPECT_EQ(header_of(initiator_pdu(pdu), 256), expected);
}

TEST(pdu, data_out_stands_on_the_wire_as_in_11_7) {
    const auto expected = bytes({
        0x05, 0x80, 0,    0,    0,    0,    0x02, 0x00, //
        0x40, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, //
        0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, // both tags
        0,    0,    0,    0,    0x09, 0x0a, 0x0b, 0x0c, // ExpStatSN
        0,    0,    0,    0,    0x0d, 0x0e, 0x0f, 0x10, // DataSN
        0x11, 0x12, 0x13, 0x14, 0,    0,    0,    0,    // Buffer Offset
    });
    const data_out pdu{
        true, test::sample_lun, 0x01020304, 0x05060708, 0x090a0b0c, 0x0d0e0f10, 0x11121314};
    EXPECT_EQ(header_of(initiator_pdu(pdu), 512), expected);
}

TEST(pdu, data_in_stands_on_the_wire_as_in_11_7) {
    const auto expected = bytes({
        0x25, 0xc3, 0,    0x08, 0,    0,    0x02, 0x00, // F A U S, status
        0x40, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, //
        0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, // both tags
        0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, // StatSN, ExpCmdSN
        0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, // MaxCmdSN, DataSN
        0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, // offset, residual
    });
    EXPECT_EQ(header_of(target_pdu(test::sample_data_in()), 512), expected);
}

TEST(pdu, scsi_response_stands_on_the_wire_as_in_11_4) {
    const scsi_response pdu{
        .residual_overflow = true,
        .response = 1,
        .status = 2,
        .initiator_task_tag = 0x01020304,
        .status_sn = 0x05060708,
        .expected_command_sn = 0x090a0b0c,
        .max_command_sn = 0x0d0e0f10,
        .expected_data_sn = 0x11121314,
        .residual_count = 0x15161718};
    const auto expected = bytes({
        0x21, 0x84, 1,    2,    0,    0,    0,    20,   //
        0,    0,    0,    0,    0,    0,    0,    0,    //
        0x01, 0x02, 0x03, 0x04, 0,    0,    0,    0,    //
        0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, //
        0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, //
        0,    0,    0,    0,    0x15, 0x16, 0x17, 0x18,
    });
    EXPECT_EQ(header_of(target_pdu(pdu), 20), expected);
}

TEST(pdu, r2t_stands_on_the_wire_as_in_11_8) {
    const r2t pdu{{}, 1, 2, 3, 4, 5, 6, 7, 8};
    const auto expected = bytes({
        0x31, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2,
        0,    0,    0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0, 8,
    });
    EXPECT_EQ(header_of(target_pdu(pdu)), expected);
}

TEST(pdu, next_stage_is_not_sent_without_transit) {
    login_request pdu;
    pdu.current_stage = login_stage::operational_negotiation;
    pdu.next_stage = login_stage::full_feature;
    EXPECT_EQ(header_of(initiator_pdu(pdu))[1], std::byte{0x04});
}

TEST(pdu, opcodes_of_the_wrong_side_are_named) {
    for (const auto& pdu : test::initiator_samples())
        EXPECT_EQ(
            decode_target(header_of(pdu)).error().code,
            to_error_code(wire_errc::initiator_opcode_from_target)
        );
    for (const auto& pdu : test::target_samples())
        EXPECT_EQ(
            decode_initiator(header_of(pdu)).error().code,
            to_error_code(wire_errc::target_opcode_from_initiator)
        );
}

TEST(pdu, unknown_opcode_is_a_fault_with_its_number) {
    basic_header header{};
    header[0] = std::byte{0x3e};
    const auto decoded = decode_target(header);
    ASSERT_TRUE(decoded.has_error());
    EXPECT_EQ(decoded.error().code, to_error_code(wire_errc::unknown_opcode));
    EXPECT_EQ(decoded.error().got, "62");
    EXPECT_EQ(decode_initiator(header).error().code, to_error_code(wire_errc::unknown_opcode));
}

TEST(pdu, reserved_values_are_refused) {
    const auto reserved = to_error_code(wire_errc::reserved_value);
    EXPECT_EQ(fault_with_flags(initiator_pdu(scsi_command{}), 0x85), reserved);
    EXPECT_EQ(fault_with_flags(initiator_pdu(task_management_request{}), 0x80), reserved);
    EXPECT_EQ(fault_with_flags(initiator_pdu(task_management_request{}), 0x89), reserved);
    EXPECT_EQ(fault_with_flags(initiator_pdu(logout_request{}), 0x83), reserved);
    EXPECT_EQ(fault_with_flags(initiator_pdu(snack_request{}), 0x84), reserved);
    EXPECT_EQ(fault_with_flags(initiator_pdu(login_request{}), 0x08), reserved);
    EXPECT_EQ(fault_with_flags(target_pdu(login_response{}), 0x08), reserved);
    EXPECT_EQ(fault_with_flags(target_pdu(login_response{}), 0x86), reserved);
    r2t without_tag;
    without_tag.target_transfer_tag = reserved_tag; // §11.8.5
    EXPECT_EQ(decode_target(header_of(target_pdu(without_tag))).error().code, reserved);
}

TEST(pdu, contradictions_are_refused) {
    const auto contradictory = to_error_code(wire_errc::contradictory_flags);
    EXPECT_EQ(fault_with_flags(target_pdu(login_response{}), 0xc7), contradictory);
    EXPECT_EQ(fault_with_flags(target_pdu(text_response{}), 0xc0), contradictory);
    EXPECT_EQ(fault_with_flags(initiator_pdu(text_request{}), 0xc0), contradictory);
    EXPECT_EQ(fault_with_flags(target_pdu(text_response{}), 0x00), contradictory); // F=0, no tag
    EXPECT_EQ(fault_with_flags(target_pdu(data_in{}), 0x01), contradictory);       // S without F
    EXPECT_EQ(fault_with_flags(target_pdu(data_in{}), 0x87), contradictory);       // O and U
    EXPECT_EQ(fault_with_flags(target_pdu(scsi_response{}), 0x86), contradictory);
    EXPECT_EQ(fault_with_flags(target_pdu(scsi_response{}), 0x98), contradictory);
}

TEST(pdu, a_refused_login_needs_only_its_status) {
    auto refusal = test::sample_login_response();
    auto header = header_of(target_pdu(refusal));
    header[1] = std::byte{0xca}; // T with C, reserved stages
    const auto decoded = decode_target(header);
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(std::get<login_response>(*decoded).status_class, 2);
    EXPECT_EQ(std::get<login_response>(*decoded).status_detail, 7);
}

TEST(pdu, data_segments_are_refused_where_none_may_be) {
    const auto unexpected = to_error_code(wire_errc::unexpected_data_segment);
    EXPECT_EQ(decode_target(header_of(target_pdu(r2t{}), 1)).error().code, unexpected);
    EXPECT_EQ(decode_target(header_of(target_pdu(logout_response{}), 1)).error().code, unexpected);
    EXPECT_EQ(
        decode_target(header_of(target_pdu(task_management_response{}), 4)).error().code, unexpected
    );
}

TEST(pdu, a_reject_holds_the_rejected_header) {
    EXPECT_TRUE(decode_target(header_of(target_pdu(reject{}), 48)).has_value());
    EXPECT_EQ(
        decode_target(header_of(target_pdu(reject{}), 47)).error().code,
        to_error_code(wire_errc::data_segment_too_short)
    );
}

TEST(pdu, reserved_bits_are_ignored) {
    auto header = header_of(target_pdu(nop_in{}));
    header[0] |= std::byte{0xc0};
    header[1] = std::byte{0x7f};
    header[2] = header[3] = header[44] = std::byte{0xff};
    const auto decoded = decode_target(header);
    ASSERT_TRUE(decoded.has_value());
    EXPECT_TRUE(std::get<nop_in>(*decoded) == nop_in{});
}

TEST(pdu, a_fault_says_what_where_and_which_clause) {
    const auto header = header_of(target_pdu(r2t{}), 4);
    EXPECT_EQ(
        decode_target(header).error().text(),
        "R2T DataSegmentLength: data segment where none is allowed, got 4, "
        "expected 0 [RFC 7143 11.8.1]"
    );
}

// What decodes must encode to a header that decodes to the same again.
TEST(pdu, any_bytes_decode_or_fault) {
    std::mt19937 random(7143); // NOLINT(cert-msc51-cpp): the same bytes every time
    for (int round = 0; round < 200'000; ++round) {
        basic_header header;
        std::generate(header.begin(), header.end(), [&random] {
            return static_cast<std::byte>(random());
        });
        if (round % 2 == 0)
            header[5] = header[6] = header[7] = std::byte{0};
        const auto length = data_segment_length(header);
        const auto from_target = decode_target(header);
        if (from_target.has_value()) {
            ASSERT_TRUE(*decode_target(header_of(*from_target, length)) == *from_target);
        }
        const auto from_initiator = decode_initiator(header);
        if (from_initiator.has_value()) {
            ASSERT_TRUE(*decode_initiator(header_of(*from_initiator, length)) == *from_initiator);
        }
    }
}

TEST(pdu, every_opcode_has_a_name) {
    for (unsigned code = 0; code < 64; ++code) {
        basic_header header{};
        header[0] = static_cast<std::byte>(code);
        const auto target = decode_target(header);
        const bool unknown =
            target.has_error() && target.error().code == to_error_code(wire_errc::unknown_opcode);
        EXPECT_EQ(opcode_name(static_cast<opcode>(code)) == "unknown PDU", unknown) << code;
    }
}

TEST(pdu, task_management_has_the_words_of_the_standard) {
    using function = task_management_function;
    for (auto each = 1U; each <= static_cast<unsigned>(function::task_reassign); ++each)
        EXPECT_NE(task_management_function_name(static_cast<function>(each)), "unknown function");
    EXPECT_EQ(task_management_function_name(function::target_warm_reset), "TARGET WARM RESET");
    EXPECT_EQ(task_management_response_name(0), "function complete");
    EXPECT_EQ(task_management_response_name(6), "function authorization failed");
    EXPECT_EQ(task_management_response_name(7), "reserved");
    EXPECT_EQ(task_management_response_name(255), "function rejected");
}

TEST(pdu, every_error_has_words) {
    for (int code = 1; code <= static_cast<int>(wire_errc::target_opcode_from_initiator); ++code)
        EXPECT_NE(message_of(static_cast<wire_errc>(code)), "unknown wire error");
    EXPECT_EQ(message_of(static_cast<wire_errc>(0)), "unknown wire error");
}

TEST(pdu, padding_fills_words) {
    EXPECT_EQ(padding_of(0), 0U);
    EXPECT_EQ(padding_of(1), 3U);
    EXPECT_EQ(padding_of(3), 1U);
    EXPECT_EQ(padding_of(4), 0U);
    EXPECT_EQ(padding_of(0xff'ff'ff), 1U);
}

} // namespace
} // namespace iscsi
