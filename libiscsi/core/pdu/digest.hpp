#pragma once

#include "libiscsi/base/bytes.hpp"
#include "libiscsi/base/crc32c.hpp"

namespace iscsi {

// A digest follows the header, and the padded data segment when there is one (§11.2.3).
inline constexpr std::size_t digest_size_on_wire = 4;

// A digest stands on the wire with its least significant byte first (RFC 7143 §13.1).
constexpr void store_digest(std::byte* at, std::uint32_t value) {
    for (std::size_t i = 0; i < digest_size_on_wire; ++i)
        at[i] = static_cast<std::byte>((value >> (8U * i)) & 0xffU);
}

constexpr std::uint32_t load_digest(const std::byte* at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < digest_size_on_wire; ++i)
        value |= std::to_integer<std::uint32_t>(at[i]) << (8U * i);
    return value;
}

} // namespace iscsi
