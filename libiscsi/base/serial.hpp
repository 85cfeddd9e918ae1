#pragma once

#include <cstdint>

namespace iscsi {

// Serial number arithmetic of RFC 1982 with 32 bits, as CmdSN, StatSN, DataSN and R2TSN use it
// (RFC 7143 §4.2.2.1). Numbers 2^31 apart are neither before nor after each other.
// A window of RFC 7143 is far shorter than 2^31, so only a broken or hostile peer gets there; both
// comparisons are false then, and whatever asks refuses.
constexpr bool serial_before(std::uint32_t a, std::uint32_t b) {
    return static_cast<std::int32_t>(a - b) < 0 && a - b != 0x8000'0000U;
}

constexpr bool serial_at_or_before(std::uint32_t a, std::uint32_t b) {
    return a == b || serial_before(a, b);
}

} // namespace iscsi
