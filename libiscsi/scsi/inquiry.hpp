#pragma once

#include "libiscsi/base/bytes.hpp"
#include "libiscsi/base/result.hpp"
#include "libiscsi/scsi/cdb.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// Readers of INQUIRY data: standard and vital product data (VPD). Lengths in the data are cut to
// what came; what is not there reads as zero or empty. Faults of all: parameter_errc::too_short
// when not even the header came, ::wrong_page when a VPD page does not echo its code.
namespace scsi {

// The ALLOCATION LENGTH of a first INQUIRY. In SPC-2 §7.3.1 the field is one byte, and a target of
// that age takes 1024 for 0 and returns nothing; one byte's worth is understood by all.
inline constexpr std::uint16_t first_inquiry_length = 252;

// `page`: what a first question for a VPD page has brought. The ALLOCATION LENGTH to ask with once
// more, when the PAGE LENGTH (SPC-4 §7.8.1) says that the page goes on behind what was asked for.
// Nothing when it is whole, or shorter than it says though there was room: more room brings no
// more.
std::optional<std::uint16_t> longer_inquiry_length(iscsi::bytes_view page);

// SPC-4 §6.6.2
struct standard_inquiry {
    std::uint8_t peripheral_qualifier = 0; // 0: a device is there; 1: could be; 3: cannot be
    std::uint8_t peripheral_device_type = 0;
    bool removable = false;
    std::uint8_t version = 0; // 5: SPC-3, 6: SPC-4
    bool command_queuing = false;
    std::string vendor, product, revision;
};

inline constexpr std::uint8_t direct_access_device = 0x00;

iscsi::result<standard_inquiry> read_standard_inquiry(iscsi::bytes_view data);

// The words of SPC-4 for a PERIPHERAL DEVICE TYPE: "storage array controller".
std::string_view name_of_device_type(std::uint8_t type);

// VPD 00: the pages that the device has.
struct supported_pages {
    std::vector<std::uint8_t> codes;

    bool has(vpd_page page) const;
};

iscsi::result<supported_pages> read_supported_pages(iscsi::bytes_view data);

// VPD 80.
iscsi::result<std::string> read_unit_serial_number(iscsi::bytes_view data);

// VPD 83: the name of the logical unit, chosen and written as udev's scsi_id does: NAA 6, other
// NAA, EUI-64, T10 vendor ID; "" when there is none of these. "360000000000000000e00000000010001".
iscsi::result<std::string> read_wwid(iscsi::bytes_view data);

// VPD B0, SBC-3 §6.5.3; blocks, 0: not reported.
struct block_limits {
    bool write_same_non_zero = false;
    std::uint32_t max_transfer_blocks = 0;
    std::uint32_t optimal_transfer_blocks = 0;
    std::uint32_t max_unmap_blocks = 0;
    std::uint32_t max_unmap_descriptors = 0;
    std::uint32_t unmap_granularity = 0;
    std::uint32_t unmap_alignment = 0; // 0 unless UGAVALID
    std::uint64_t max_write_same_blocks = 0;
};

iscsi::result<block_limits> read_block_limits(iscsi::bytes_view data);

// VPD B1, SBC-3 §6.5.2: false when the MEDIUM ROTATION RATE says "non-rotating".
iscsi::result<bool> read_rotational(iscsi::bytes_view data);

// VPD B2, SBC-3 §6.5.4.
struct provisioning {
    bool can_unmap = false;               // LBPU
    bool can_write_same_16_unmap = false; // LBPWS
    bool can_write_same_10_unmap = false; // LBPWS10
};

iscsi::result<provisioning> read_provisioning(iscsi::bytes_view data);

} // namespace scsi
