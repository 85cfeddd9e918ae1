#include "libiscsi/scsi/capacity.hpp"

#include "libiscsi/scsi/parameter_data.hpp"

#include <limits>

namespace scsi {

namespace {

using iscsi::result;

iscsi::fault too_short(std::size_t size, std::string expected) {
    return parameter_fault(
        parameter_errc::too_short,
        "READ CAPACITY",
        std::to_string(size) + " bytes",
        std::move(expected)
    );
}

// Offsets into a disk are signed 64-bit numbers everywhere.
// A block size of 0 is no size at all; whoever uses it refuses the unit by that.
bool has_byte_size(std::uint64_t last_block, std::uint32_t block_size) {
    constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
    return block_size == 0 || last_block < largest / block_size;
}

// The exponent is LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT, 0 to 15; a product beyond 32 bits is
// a broken answer and is not believed.
std::uint32_t physical_size(std::uint32_t block_size, unsigned exponent) {
    const std::uint64_t size = std::uint64_t{block_size} << exponent;
    return size > std::numeric_limits<std::uint32_t>::max() ? block_size
                                                            : static_cast<std::uint32_t>(size);
}

} // namespace

result<capacity> read_capacity_10_data(iscsi::bytes_view bytes) {
    const parameter_data data(bytes);
    if (!data.holds(0, 8))
        return too_short(bytes.size(), "8 (SBC-3 §5.15)");
    // All ones: the last block does not fit into 32 bits, ask READ CAPACITY(16).
    constexpr std::uint32_t too_large = 0xffff'ffff;
    return capacity{
        .block_count = std::uint64_t{data.u32(0)} + 1,
        .block_size = data.u32(4),
        .physical_block_size = data.u32(4),
        .needs_16 = data.u32(0) == too_large};
}

result<capacity> read_capacity_16_data(iscsi::bytes_view bytes) {
    const parameter_data data(bytes);
    if (!data.holds(0, 12))
        return too_short(bytes.size(), "at least 12 (SBC-3 §5.16)");
    const std::uint64_t last_block = data.u64(0);
    const std::uint32_t block_size = data.u32(8);
    if (!has_byte_size(last_block, block_size))
        return parameter_fault(
            parameter_errc::out_of_range,
            "READ CAPACITY(16) last block",
            std::to_string(last_block),
            "a size below 2^63 bytes"
        );
    return capacity{
        .block_count = last_block + 1,
        .block_size = block_size,
        .physical_block_size = physical_size(block_size, data.u8(13) & 0x0fU),
        .lowest_aligned_block = data.u16(14) & 0x3fffU,
        .protection_enabled = data.bit(12, 0),
        .thin = data.bit(14, 7),
        .reads_zero_after_unmap = data.bit(14, 6)};
}

} // namespace scsi
