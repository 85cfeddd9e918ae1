#pragma once

#include "iscsid/disk/fuse_abi.hpp"

#include "libiscsi/scsi/logical_unit.hpp"

#include <string_view>

namespace iscsid::disk {

// How much of a disk may be in flight, and so how much memory it takes: slots × payload.
struct fuse_shape {
    std::uint32_t slots = 64;           // requests in flight, each with a buffer of its own
    std::uint32_t payload = 256 * 1024; // bytes of the largest READ or WRITE
    std::uint32_t reads_ahead = 8;      // most slots that wait for a request at one time

    // All of a buffer is made present before the kernel writes into it for the first time. A thread
    // that is being killed cannot have a page made present: the kernel, in the middle of handing
    // out a request, would end that with EIO, and no later daemon would get it.
    bool present = false;

    // By io_uring: queues, one for each processor that the machine may have, and entries in each,
    // with a buffer of their own. 0: requests are read from /dev/fuse.
    std::uint16_t queues = 0;
    std::uint16_t depth = 0;
};

// The default shape with a payload that fits the LUN's maximum transfer length (VPD B0); always a
// multiple of the page, which is the least that FUSE negotiates.
fuse_shape shape_for(const scsi::logical_unit& lun, fuse_shape wanted = {});

} // namespace iscsid::disk

// The answers that depend on the LUN alone. All pure.
namespace iscsid::disk::fuse {

fuse_init_out answer_init(const fuse_init_in& offer, const fuse_shape& shape);

// Whether it hands out requests by io_uring, and how that is agreed to.
bool offers_ring(const fuse_init_in& offer);
void agree_to_ring(fuse_init_out& answer);

// Bytes that the kernel demands of the payload buffer of an entry after that answer; its pages have
// that size.
std::size_t payload_of_entry(const fuse_shape& shape, std::size_t page_size);

// Whether the kernel hands out again what a daemon that ended has not answered.
bool offers_resend(const fuse_init_in& offer);

// The same by the release of the kernel ("6.12.90+deb13-amd64"), as long as there is no offer.
bool has_resend(std::string_view kernel_release);

fuse_attr_out attributes(const scsi::logical_unit& lun);
fuse_open_out opened();
fuse_statfs_out statistics(const scsi::logical_unit& lun);

// Bytes of the smallest range that the LUN deallocates; the loop driver takes it from STATFS.
std::uint32_t discard_granularity(const scsi::logical_unit& lun);

// PUNCH_HOLE is what loop makes of DISCARD and of WRITE ZEROES alike: blocks must become free, or
// fstrim would write the whole disk, and must read as zeroes. UNMAP is only a request and may leave
// blocks as they were (SBC-3 §4.7.3), so this needs WRITE SAME(16) with its UNMAP bit, and LBPRZ.
bool may_punch_holes(const scsi::logical_unit& lun);

// ZERO_RANGE: WRITE SAME(16) of zeroes, without deallocation.
bool may_zero_ranges(const scsi::logical_unit& lun);

} // namespace iscsid::disk::fuse
