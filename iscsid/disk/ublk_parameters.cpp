#include "iscsid/disk/queue_limits.hpp"
#include "iscsid/disk/ublk_driver.hpp"

#include <algorithm>
#include <bit>

namespace iscsid::disk {

namespace {

constexpr std::uint32_t sector = 512;

std::uint8_t shift_of(std::uint32_t size) {
    return static_cast<std::uint8_t>(std::bit_width(size) - 1);
}

// Always a volatile cache: the kernel cannot be told later that there is one now, and where none
// was told it never sends a flush. The lane ends flushes at once while the LUN has no cache. And
// never read-only: that would be for the life of the device, see protect_node().
std::uint32_t attributes_of(const scsi::logical_unit& lun) {
    std::uint32_t attributes = ublk::attribute_volatile_cache | ublk::attribute_fua;
    if (lun.rotational)
        attributes |= ublk::attribute_rotational;
    return attributes;
}

// A shift, so a power of two: the largest that divides it keeps stripes aligned.
std::uint8_t optimal_shift(std::uint32_t optimal, std::uint32_t physical) {
    if (optimal == 0)
        return shift_of(physical);
    return std::max(shift_of(physical), static_cast<std::uint8_t>(std::countr_zero(optimal)));
}

std::uint32_t sectors(std::uint64_t bytes) {
    return static_cast<std::uint32_t>(bytes / sector);
}

} // namespace

ublk::parameters ublk_parameters_of(const scsi::logical_unit& lun, std::uint32_t largest_io) {
    const auto physical = std::max(lun.physical_block_size, lun.block_size);
    const auto limits = queue_limits_of(lun, largest_io);
    ublk::parameters what;
    what.length = sizeof what;
    what.types = ublk::type_basic | ublk::type_discard; // WRITE ZEROES is told with the latter
    what.attributes = attributes_of(lun);
    what.logical_block_shift = shift_of(lun.block_size);
    what.physical_block_shift = shift_of(physical);
    what.minimum_io_shift = shift_of(physical);
    what.optimal_io_shift = optimal_shift(limits.optimal_transfer, physical);
    what.max_sectors = sectors(limits.largest_transfer);
    what.sectors = lun.size() / sector;
    what.discard_alignment = limits.discard_alignment;
    what.discard_granularity = limits.discard_granularity;
    what.max_discard_sectors = sectors(limits.largest_discard);
    what.max_write_zeroes_sectors = sectors(limits.largest_zeroing);
    what.max_discard_segments = 1;
    return what;
}

} // namespace iscsid::disk
