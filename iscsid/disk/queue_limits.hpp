#pragma once

#include "iscsid/disk/helper.hpp"

#include "libiscsi/scsi/logical_unit.hpp"

#include <cstdint>
#include <string>

namespace iscsid::disk {

// What the kernel is told of a LUN's limits, by every driver as far as its interface has a word for
// it before anybody can see the device. As the kernel's own disk driver reads them (sd.c): from
// READ CAPACITY and VPD B0. In bytes.
struct queue_limits {
    std::uint32_t largest_transfer = 0; // one READ or WRITE; at least a page and a block
    std::uint32_t optimal_transfer = 0; // a multiple of the physical block; 0: not told
    std::uint32_t read_ahead = 0;       // of a buffered sequential reader; 0: the kernel's default
    std::uint64_t largest_discard = 0;  // one UNMAP; 0: the LUN has none
    std::uint64_t largest_zeroing = 0;  // one WRITE SAME, so far as is known without trying
    std::uint32_t discard_granularity = 0;
    std::uint32_t discard_alignment = 0; // of the first granule
};

// `largest_io`: bytes that a driver's slot can hold. Pure.
queue_limits queue_limits_of(const scsi::logical_unit& lun, std::uint32_t largest_io);

// Read-ahead of a device that has just appeared. Where somebody (a udev rule) has set one that is
// not the kernel's default, that one stays.
void set_read_ahead(helper& waiter, const std::string& node, std::uint32_t bytes);

// The same whatever it is now, for a device that keeps the value of the disk before. 0: the
// kernel's default.
void reset_read_ahead(helper& waiter, const std::string& node, std::uint32_t bytes);

} // namespace iscsid::disk
