#include "iscsid/disk/ublk_driver.hpp"

#include <algorithm>
#include <bit>

namespace iscsid::disk {

namespace {

constexpr std::uint32_t sector = 512;
constexpr std::uint32_t page = 4096;
// 1 GiB at a time: more would only hold one tag for longer.
constexpr std::uint32_t most_sectors_to_clear = 1U << 21U;

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

std::uint32_t largest_transfer(const scsi::logical_unit& lun, std::uint32_t largest_io) {
    const std::uint64_t reported = std::uint64_t{lun.max_transfer_blocks} * lun.block_size;
    if (reported == 0)
        return largest_io;
    const auto least = std::max(page, lun.block_size);
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(reported, least, largest_io));
}

bool can_discard(const scsi::logical_unit& lun) {
    return lun.can_unmap || lun.can_write_same_16_unmap || lun.can_write_same_10_unmap;
}

} // namespace

ublk::parameters ublk_parameters_of(const scsi::logical_unit& lun, std::uint32_t largest_io) {
    const auto physical = std::max(lun.physical_block_size, lun.block_size);
    const std::uint64_t optimal = std::uint64_t{lun.optimal_transfer_blocks} * lun.block_size;
    ublk::parameters what;
    what.length = sizeof what;
    what.types = ublk::type_basic | ublk::type_discard; // WRITE ZEROES is told with the latter
    what.attributes = attributes_of(lun);
    what.logical_block_shift = shift_of(lun.block_size);
    what.physical_block_shift = shift_of(physical);
    what.minimum_io_shift = shift_of(physical);
    what.optimal_io_shift = optimal >= physical && optimal <= largest_io
                                ? shift_of(static_cast<std::uint32_t>(optimal))
                                : shift_of(physical);
    what.max_sectors = largest_transfer(lun, largest_io) / sector;
    what.sectors = lun.size() / sector;
    what.discard_granularity = static_cast<std::uint32_t>(std::max<std::uint64_t>(
        physical,
        std::min<std::uint64_t>(std::uint64_t{lun.unmap_granularity} * lun.block_size, 1U << 31U)
    ));
    what.max_discard_sectors = can_discard(lun) ? most_sectors_to_clear : 0;
    what.max_write_zeroes_sectors = most_sectors_to_clear;
    what.max_discard_segments = 1;
    return what;
}

} // namespace iscsid::disk
