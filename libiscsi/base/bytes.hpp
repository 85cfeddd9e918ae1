#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace iscsi {

// Memory that belongs to somebody else; the name says whether it may be written.
using bytes_view = std::span<const std::byte>;
using mutable_bytes = std::span<std::byte>;

// Unsigned integers in network byte order (big-endian), as every iSCSI and SCSI field is.
// The caller has checked that `at` points to enough bytes.
template <std::size_t Count, class Integer = std::uint64_t>
constexpr Integer load_be(const std::byte* at) {
    Integer value = 0;
    for (std::size_t i = 0; i < Count; ++i)
        value = static_cast<Integer>((value << 8U) | std::to_integer<Integer>(at[i]));
    return value;
}

template <std::size_t Count, class Integer>
// Higher bytes of a value that does not fit are dropped.
constexpr void store_be(std::byte* at, Integer value) {
    for (std::size_t i = Count; i-- > 0; value = static_cast<Integer>(value >> 8U))
        at[i] = static_cast<std::byte>(value & 0xffU);
}

constexpr std::uint16_t load_be16(const std::byte* at) {
    return static_cast<std::uint16_t>(load_be<2, std::uint32_t>(at));
}

// DataSegmentLength is the only field of three bytes.
constexpr std::uint32_t load_be24(const std::byte* at) {
    return load_be<3, std::uint32_t>(at);
}

constexpr std::uint32_t load_be32(const std::byte* at) {
    return load_be<4, std::uint32_t>(at);
}

constexpr std::uint64_t load_be64(const std::byte* at) {
    return load_be<8, std::uint64_t>(at);
}

constexpr void store_be16(std::byte* at, std::uint16_t value) {
    store_be<2, std::uint32_t>(at, value);
}

constexpr void store_be24(std::byte* at, std::uint32_t value) {
    store_be<3>(at, value);
}

constexpr void store_be32(std::byte* at, std::uint32_t value) {
    store_be<4>(at, value);
}

constexpr void store_be64(std::byte* at, std::uint64_t value) {
    store_be<8>(at, value);
}

} // namespace iscsi
