#pragma once

#include <cstdint>
#include <string>

namespace scsi {

// What a scan learned of a disk (SPC, SBC): the sum of INQUIRY, VPD 80/83/B0/B1/B2, READ CAPACITY
// and the caching mode page. Lengths in bytes unless the name says blocks. Nothing of it is
// constant but the identity and the block size: arrays switch their caches with the state of a
// battery, LUNs grow, snapshots become writable. Each look refreshes all of it.
struct logical_unit {
    // identity
    std::string vendor, product, revision; // INQUIRY, blanks trimmed
    std::string serial;                    // VPD 80
    std::string wwid;                      // VPD 83 as scsi_id prints it: "360000…", "" if none

    // geometry (READ CAPACITY)
    std::uint64_t block_count = 0;
    std::uint32_t block_size = 512;
    std::uint32_t physical_block_size = 512;
    std::uint32_t lowest_aligned_block = 0;

    // behaviour
    bool read_only = false;           // WP of the mode parameter header, SBC-3 §6.4.1
    bool write_cache_enabled = false; // WCE of the caching page, SBC-3 §6.4.5; true when unknown
    bool write_cache_known = true;    // false: no caching page came, the cache is only assumed
    bool dpofua = false;              // the FUA bit may be used
    bool rotational = true;           // VPD B1
    bool removable = false;

    // limits in blocks, 0: none reported (VPD B0)
    std::uint32_t max_transfer_blocks = 0;
    std::uint32_t optimal_transfer_blocks = 0;
    std::uint32_t max_unmap_blocks = 0;
    std::uint32_t max_unmap_descriptors = 0;
    std::uint32_t unmap_granularity = 0;
    std::uint32_t unmap_alignment = 0;
    std::uint64_t max_write_same_blocks = 0;
    bool write_same_non_zero = false; // WSNZ: NUMBER OF LOGICAL BLOCKS 0 is refused

    // thin provisioning (READ CAPACITY(16) and VPD B2)
    bool thin = false;                    // LBPME
    bool reads_zero_after_unmap = false;  // LBPRZ
    bool can_unmap = false;               // LBPU
    bool can_write_same_16_unmap = false; // LBPWS
    bool can_write_same_10_unmap = false; // LBPWS10

    std::uint64_t size() const { return block_count * block_size; }

    friend bool operator==(const logical_unit&, const logical_unit&) = default;
};

} // namespace scsi
