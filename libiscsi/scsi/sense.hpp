#pragma once

#include "libiscsi/base/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace scsi {

enum class sense_key : std::uint8_t { // SPC-4 §4.5.6
    no_sense = 0x0,
    recovered_error = 0x1,
    not_ready = 0x2,
    medium_error = 0x3,
    hardware_error = 0x4,
    illegal_request = 0x5,
    unit_attention = 0x6,
    data_protect = 0x7,
    blank_check = 0x8,
    vendor_specific = 0x9,
    copy_aborted = 0xa,
    aborted_command = 0xb,
    reserved = 0xc,
    volume_overflow = 0xd,
    miscompare = 0xe,
    completed = 0xf,
};

std::string_view name_of(sense_key value);

// Sense data in one form, whichever of the two formats it came in.
// What a command that did not simply succeed is told. It travels with the response and is of that
// command, unless it is deferred.
struct sense_data {
    sense_key key = sense_key::no_sense;
    std::uint8_t additional_code = 0;           // ASC
    std::uint8_t additional_code_qualifier = 0; // ASCQ
    bool deferred = false;                      // it speaks of an earlier command (71h, 73h)

    // INFORMATION when VALID: mostly the first bad block.
    std::optional<std::uint64_t> information = std::nullopt;

    // "UNIT ATTENTION 2A/09"
    std::string text() const;

    friend bool operator==(const sense_data&, const sense_data&) = default;
};

// Reads fixed (70h, 71h) and descriptor (72h, 73h) format, SPC-4 §4.5. Truncated data gives what is
// there, codes that are cut off are 0. Nothing when no sense key is there or the format is unknown.
// `data` without the two bytes of length that iSCSI puts before it.
std::optional<sense_data> read_sense(iscsi::bytes_view data);

} // namespace scsi
