#pragma once

#include "libiscsi/core/pdu/pdu.hpp"

#include <vector>

// One PDU of each kind with another value in every field, so that no two fields can be swapped
// without a test seeing it.
namespace iscsi::test {

constexpr lun_field sample_lun{
    std::byte{0x40},
    std::byte{0x11},
    std::byte{0x22},
    std::byte{0x33},
    std::byte{0x44},
    std::byte{0x55},
    std::byte{0x66},
    std::byte{0x77}};

constexpr isid_field sample_isid{
    std::byte{0x00},
    std::byte{0x02},
    std::byte{0x3d},
    std::byte{0xa1},
    std::byte{0xa2},
    std::byte{0xa3}};

inline std::array<std::byte, 16> sample_cdb() {
    std::array<std::byte, 16> cdb{};
    for (std::size_t i = 0; i < cdb.size(); ++i)
        cdb[i] = static_cast<std::byte>(0xc0 + i);
    return cdb;
}

inline scsi_command sample_scsi_command() {
    return {
        .immediate = true,
        .final = true,
        .read = false,
        .write = true,
        .attribute = task_attribute::ordered,
        .lun = sample_lun,
        .initiator_task_tag = 0x01020304,
        .expected_data_transfer_length = 0x05060708,
        .command_sn = 0x090a0b0c,
        .expected_status_sn = 0x0d0e0f10,
        .cdb = sample_cdb()};
}

inline data_in sample_data_in() {
    return {
        .final = true,
        .acknowledge = true,
        .residual_overflow = false,
        .residual_underflow = true,
        .has_status = true,
        .status = 0x08,
        .lun = sample_lun,
        .initiator_task_tag = 0x01020304,
        .target_transfer_tag = 0x05060708,
        .status_sn = 0x090a0b0c,
        .expected_command_sn = 0x0d0e0f10,
        .max_command_sn = 0x11121314,
        .data_sn = 0x15161718,
        .buffer_offset = 0x191a1b1c,
        .residual_count = 0x1d1e1f20};
}

inline login_response sample_login_response() {
    return {
        .transit = true,
        .continues = false,
        .current_stage = login_stage::operational_negotiation,
        .next_stage = login_stage::full_feature,
        .version_max = 0x21,
        .version_active = 0x22,
        .isid = sample_isid,
        .target_session_identifying_handle = 0x2324,
        .initiator_task_tag = 0x01020304,
        .status_sn = 0x05060708,
        .expected_command_sn = 0x090a0b0c,
        .max_command_sn = 0x0d0e0f10,
        .status_class = 0x02,
        .status_detail = 0x07};
}

inline std::vector<initiator_pdu> initiator_samples() {
    return {
        nop_out{true, sample_lun, 0x01020304, 0x05060708, 0x090a0b0c, 0x0d0e0f10},
        sample_scsi_command(),
        task_management_request{
            false,
            task_management_function::logical_unit_reset,
            sample_lun,
            0x01020304,
            0x05060708,
            0x090a0b0c,
            0x0d0e0f10,
            0x11121314,
            0x15161718},
        login_request{
            true,
            false,
            login_stage::operational_negotiation,
            login_stage::full_feature,
            sample_isid,
            0x2122,
            0x01020304,
            0x2324,
            0x090a0b0c,
            0x0d0e0f10},
        text_request{true, false, true, sample_lun, 0x01020304, 0x05060708, 0x090a0b0c, 0x0d0e0f10},
        data_out{true, sample_lun, 0x01020304, 0x05060708, 0x090a0b0c, 0x0d0e0f10, 0x11121314},
        logout_request{
            false, logout_reason::close_connection, 0x01020304, 0x2122, 0x090a0b0c, 0x0d0e0f10},
        snack_request{3, sample_lun, 0x01020304, 0x05060708, 0x090a0b0c, 0x0d0e0f10, 0x11121314}};
}

inline std::vector<target_pdu> target_samples() {
    return {
        nop_in{sample_lun, 0x01020304, 0x05060708, 0x090a0b0c, 0x0d0e0f10, 0x11121314},
        scsi_response{
            true,
            false,
            false,
            true,
            0x81,
            0x02,
            0x01020304,
            0x05060708,
            0x090a0b0c,
            0x0d0e0f10,
            0x11121314,
            0x15161718,
            0x191a1b1c,
            0x1d1e1f20},
        task_management_response{0x05, 0x01020304, 0x05060708, 0x090a0b0c, 0x0d0e0f10},
        sample_login_response(),
        text_response{
            false, true, sample_lun, 0x01020304, 0x05060708, 0x090a0b0c, 0x0d0e0f10, 0x11121314},
        sample_data_in(),
        logout_response{0x02, 0x01020304, 0x05060708, 0x090a0b0c, 0x0d0e0f10, 0x1112, 0x1314},
        r2t{sample_lun,
            0x01020304,
            0x05060708,
            0x090a0b0c,
            0x0d0e0f10,
            0x11121314,
            0x15161718,
            0x191a1b1c,
            0x1d1e1f20},
        async_message{
            sample_lun, 0x01020304, 0x05060708, 0x090a0b0c, 0xf8, 0x0e, 0x1112, 0x1314, 0x1516},
        reject{0x09, 0x01020304, 0x05060708, 0x090a0b0c, 0x0d0e0f10}};
}

// A data segment length that the decoders accept for that PDU.
inline std::uint32_t sample_length(const target_pdu& pdu) {
    const bool must_be_empty = std::holds_alternative<r2t>(pdu) ||
                               std::holds_alternative<logout_response>(pdu) ||
                               std::holds_alternative<task_management_response>(pdu);
    return must_be_empty ? 0 : 0x00f1f2;
}

} // namespace iscsi::test
