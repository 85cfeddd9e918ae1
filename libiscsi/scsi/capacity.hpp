#pragma once

#include "libiscsi/base/bytes.hpp"
#include "libiscsi/base/result.hpp"

#include <cstdint>

namespace scsi {

// What READ CAPACITY says. Lengths in bytes.
// How large a unit is and how it is cut. It holds for the moment at which it was asked: unit
// attention 2A/09 says when to ask again.
struct capacity {
    std::uint64_t block_count = 0;
    std::uint32_t block_size = 0;
    std::uint32_t physical_block_size = 0; // block_size when not reported
    std::uint32_t lowest_aligned_block = 0;
    bool protection_enabled = false;     // PROT_EN
    bool thin = false;                   // LBPME
    bool reads_zero_after_unmap = false; // LBPRZ
    bool needs_16 = false;               // READ CAPACITY(10) cannot express the size

    friend bool operator==(const capacity&, const capacity&) = default;
};

// READ CAPACITY(10), SBC-3 §5.15: needs 8 bytes.
// READ CAPACITY(16), SBC-3 §5.16: needs 12 bytes; what is cut off behind them reads as zero.
// Faults: parameter_errc::too_short; ::out_of_range when the size in bytes exceeds 2^63.
iscsi::result<capacity> read_capacity_10_data(iscsi::bytes_view data);
iscsi::result<capacity> read_capacity_16_data(iscsi::bytes_view data);

} // namespace scsi
