#include "iscsid/disk/queue_limits.hpp"

#include "iscsid/disk/block_node.hpp"

#include <algorithm>

namespace iscsid::disk {

namespace {

constexpr std::uint32_t page = 4096;
constexpr std::uint32_t default_read_ahead = 128U << 10U; // VM_READAHEAD_PAGES
// Each stream has one, in memory of the machine.
constexpr std::uint32_t largest_read_ahead = 16U << 20U;
// What sd.c takes for believable (SD_DEF_XFER_BLOCKS).
constexpr std::uint32_t most_optimal_blocks = 0xffff;
// More at a time would only hold one tag for longer.
constexpr std::uint64_t largest_clearing = std::uint64_t{1} << 30U;
constexpr std::uint64_t largest_granularity = std::uint64_t{1} << 31U;
constexpr auto attribute = "queue/read_ahead_kb";

std::uint32_t physical_block(const scsi::logical_unit& lun) {
    return std::max(lun.physical_block_size, lun.block_size);
}

std::uint64_t in_bytes(std::uint64_t blocks, const scsi::logical_unit& lun) {
    return std::min(blocks, ~std::uint64_t{0} / lun.block_size) * lun.block_size;
}

std::uint32_t largest_transfer(const scsi::logical_unit& lun, std::uint32_t largest_io) {
    const auto reported = in_bytes(lun.max_transfer_blocks, lun);
    if (reported == 0)
        return largest_io;
    const auto least = std::max(page, lun.block_size);
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(reported, least, largest_io));
}

// It may be longer than the largest request: filesystems lay out their stripes by it.
std::uint32_t optimal_transfer(const scsi::logical_unit& lun) {
    const auto blocks = lun.optimal_transfer_blocks;
    if (blocks > most_optimal_blocks ||
        (lun.max_transfer_blocks != 0 && blocks > lun.max_transfer_blocks))
        return 0;
    const auto bytes = static_cast<std::uint32_t>(in_bytes(blocks, lun));
    return bytes < page || bytes % physical_block(lun) != 0 ? 0 : bytes;
}

// Twice the optimal transfer, as the kernel has it for disks whose optimal transfer it knows.
std::uint32_t read_ahead(std::uint32_t optimal) {
    const auto wanted = std::min(std::uint64_t{optimal} * 2, std::uint64_t{largest_read_ahead});
    return wanted <= default_read_ahead ? 0 : static_cast<std::uint32_t>(wanted);
}

std::uint64_t largest_discard(const scsi::logical_unit& lun, std::uint32_t granularity) {
    if (!lun.can_unmap && !lun.can_write_same_16_unmap && !lun.can_write_same_10_unmap)
        return 0;
    const std::uint64_t blocks = lun.can_unmap ? lun.max_unmap_blocks : lun.max_write_same_blocks;
    if (blocks == 0)
        return largest_clearing;
    const auto limit = std::min(largest_clearing, in_bytes(blocks, lun));
    return limit < granularity ? limit : limit / granularity * granularity;
}

std::uint64_t largest_zeroing(const scsi::logical_unit& lun) {
    const auto reported = in_bytes(lun.max_write_same_blocks, lun);
    return reported == 0 ? largest_clearing : std::min(largest_clearing, reported);
}

std::string kilobytes(std::uint32_t bytes) {
    return std::to_string(bytes >> 10U);
}

} // namespace

queue_limits queue_limits_of(const scsi::logical_unit& lun, std::uint32_t largest_io) {
    queue_limits limits;
    limits.largest_transfer = largest_transfer(lun, largest_io);
    limits.optimal_transfer = optimal_transfer(lun);
    limits.read_ahead = read_ahead(limits.optimal_transfer);
    limits.discard_granularity = static_cast<std::uint32_t>(std::max<std::uint64_t>(
        physical_block(lun), std::min(in_bytes(lun.unmap_granularity, lun), largest_granularity)
    ));
    limits.discard_alignment =
        static_cast<std::uint32_t>(in_bytes(lun.unmap_alignment, lun) % limits.discard_granularity);
    limits.largest_discard = largest_discard(lun, limits.discard_granularity);
    limits.largest_zeroing = largest_zeroing(lun);
    return limits;
}

void set_read_ahead(helper& waiter, const std::string& node, std::uint32_t bytes) {
    if (bytes != 0 && get_attribute(node, attribute) == kilobytes(default_read_ahead))
        set_attribute(waiter, node, attribute, kilobytes(bytes));
}

void reset_read_ahead(helper& waiter, const std::string& node, std::uint32_t bytes) {
    set_attribute(waiter, node, attribute, kilobytes(bytes == 0 ? default_read_ahead : bytes));
}

} // namespace iscsid::disk
