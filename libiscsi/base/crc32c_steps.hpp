#pragma once

#include <cstddef>
#include <cstdint>

namespace iscsi::crc32c_steps {

// The polynomial of Castagnoli. Bits are reversed in all that follows: the highest bit of a word is
// the coefficient of x^0, so that the first byte of the data is the lowest of a word.
inline constexpr std::uint32_t polynomial = 0x82f6'3b78;

constexpr std::uint32_t times_x(std::uint32_t value) {
    return (value >> 1U) ^ ((value & 1U) != 0 ? polynomial : 0U);
}

// What one byte does to a state of zeros: eight steps of the shift register.
constexpr std::uint32_t after_byte(std::uint32_t byte) {
    for (int bit = 0; bit < 8; ++bit)
        byte = times_x(byte);
    return byte;
}

} // namespace iscsi::crc32c_steps
