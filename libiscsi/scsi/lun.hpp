#pragma once

#include "libiscsi/base/bytes.hpp"
#include "libiscsi/base/result.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace scsi {

// The 8-byte LUN structure of SAM-5 §4.7, the same type as iscsi::lun_field.
using lun_field = std::array<std::byte, 8>;

// The number that Linux knows a LUN by, and back (scsilun_to_int, int_to_scsilun): the four 16-bit
// levels, the first one lowest, addressing-method bits included. Single-level peripheral LUNs 0 to
// 255 are themselves; flat LUN 256 (41 00 …) is 16640. Every field and number round-trips.
std::uint64_t lun_number(const lun_field& lun);
lun_field lun_from_number(std::uint64_t number);

// The highest two bits of the first level. Targets with up to 256 units use peripheral or flat for
// the same ones.
enum class addressing_method : std::uint8_t { // SAM-5 §4.7.6
    peripheral = 0,
    flat = 1,
    logical_unit = 2,
    extended = 3,
};

// What the first level of a LUN says. The fields that a method does not have are 0.
// For logs and for telling whether a LUN is a well-known one; commands carry the field itself.
struct lun_address {
    addressing_method method = addressing_method::peripheral;
    std::uint8_t bus = 0;    // peripheral, logical_unit
    std::uint8_t target = 0; // logical_unit
    std::uint64_t unit = 0;  // peripheral 8 bits, flat 14, logical_unit 5, extended flat 24 or 40
    bool well_known = false; // extended: REPORT LUNS (c1 01), ACCESS CONTROLS, …

    friend bool operator==(const lun_address&, const lun_address&) = default;
};

lun_address decode_lun(const lun_field& lun);

// What REPORT LUNS returned (SPC-4 §6.33).
struct lun_list {
    std::vector<lun_field> luns;     // those that came, in order, without repetitions
    std::uint64_t needed_length = 0; // allocation length that the whole list needs
};

// Fault: parameter_errc::too_short when the 8-byte header is not there. A list length that lies is
// cut to what came; a last LUN that is not whole is dropped.
iscsi::result<lun_list> read_lun_list(iscsi::bytes_view data);

} // namespace scsi
