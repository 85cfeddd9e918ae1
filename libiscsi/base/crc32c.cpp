#include "libiscsi/base/crc32c.hpp"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace iscsi {

namespace {

constexpr std::uint32_t polynomial = 0x82f6'3b78; // Castagnoli, bits reversed

using byte_table = std::array<std::uint32_t, 256>;

// What one byte does to a state of zeros: the eight steps of the shift register.
constexpr byte_table make_byte_table() {
    byte_table table{};
    for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
        std::uint32_t value = byte;
        for (int bit = 0; bit < 8; ++bit)
            value = (value >> 1U) ^ ((value & 1U) != 0 ? polynomial : 0U);
        table[byte] = value;
    }
    return table;
}

// slices[n][b]: what byte b contributes when n more bytes follow it.
constexpr std::array<byte_table, 8> make_slices() {
    std::array<byte_table, 8> slices{make_byte_table()};
    for (std::size_t n = 1; n < slices.size(); ++n) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t before = slices[n - 1][byte];
            slices[n][byte] = (before >> 8U) ^ slices[0][before & 0xffU];
        }
    }
    return slices;
}

constexpr std::array<byte_table, 8> slices = make_slices();

constexpr std::uint32_t add_byte(std::uint32_t state, std::byte byte) {
    return (state >> 8U) ^ slices[0][(state ^ std::to_integer<std::uint32_t>(byte)) & 0xffU];
}

// Bits are reversed in this form, so the first byte of the data is the lowest.
constexpr std::uint32_t load_le32(const std::byte* at) {
    return std::to_integer<std::uint32_t>(at[0]) | std::to_integer<std::uint32_t>(at[1]) << 8U |
           std::to_integer<std::uint32_t>(at[2]) << 16U |
           std::to_integer<std::uint32_t>(at[3]) << 24U;
}

// Eight bytes at once: each contributes what it would after the zeros of those behind it.
std::uint32_t add_eight(std::uint32_t state, const std::byte* at) {
    const std::uint32_t low = state ^ load_le32(at);
    const std::uint32_t high = load_le32(at + 4);
    return slices[7][low & 0xffU] ^ slices[6][(low >> 8U) & 0xffU] ^
           slices[5][(low >> 16U) & 0xffU] ^ slices[4][low >> 24U] ^ slices[3][high & 0xffU] ^
           slices[2][(high >> 8U) & 0xffU] ^ slices[1][(high >> 16U) & 0xffU] ^
           slices[0][high >> 24U];
}

using crc_form = std::uint32_t (*)(bytes_view, std::uint32_t);

crc_form fastest_form() {
    return crc32c_sse42_available() ? crc32c_sse42 : crc32c_table;
}

} // namespace

std::uint32_t crc32c(bytes_view data, std::uint32_t crc) {
    static const crc_form form = fastest_form();
    return form(data, crc);
}

std::uint32_t crc32c_table(bytes_view data, std::uint32_t crc) {
    std::uint32_t state = ~crc;
    for (; data.size() >= 8; data = data.subspan(8))
        state = add_eight(state, data.data());
    for (const std::byte byte : data)
        state = add_byte(state, byte);
    return ~state;
}

#if defined(__x86_64__)

namespace {

// The crc32 instruction takes three cycles but starts every cycle: three lanes side by side keep it
// busy. lane_size is short enough that a 4 KiB segment still gains.
constexpr std::size_t lane_size = 512;

constexpr std::uint32_t zeros_over_lane(std::uint32_t state) {
    for (std::size_t i = 0; i < lane_size; ++i)
        state = add_byte(state, std::byte{0});
    return state;
}

// lane_shift[n][b]: the state `b << 8n` after a lane of zero bytes. The step is linear, so a table
// over one byte is the sum of what its bits give.
constexpr byte_table make_lane_shift(std::uint32_t n) {
    byte_table shift{};
    for (std::uint32_t bit = 0; bit < 8; ++bit) {
        const std::uint32_t moved = zeros_over_lane(1U << (8 * n + bit));
        for (std::uint32_t byte = 0; byte < shift.size(); ++byte)
            shift[byte] ^= ((byte >> bit) & 1U) != 0 ? moved : 0U;
    }
    return shift;
}

constexpr std::array<byte_table, 4> lane_shift = {
    make_lane_shift(0), make_lane_shift(1), make_lane_shift(2), make_lane_shift(3)};

std::uint32_t shift_over_lane(std::uint32_t state) {
    return lane_shift[0][state & 0xffU] ^ lane_shift[1][(state >> 8U) & 0xffU] ^
           lane_shift[2][(state >> 16U) & 0xffU] ^ lane_shift[3][state >> 24U];
}

// Unaligned loads are what memcpy compiles to; x86 is little-endian, as this form needs.
std::uint64_t load_word(const std::byte* at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
}

[[gnu::target("sse4.2")]] std::uint32_t add_three_lanes(std::uint32_t state, const std::byte* at) {
    std::uint64_t first = state;
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (std::size_t i = 0; i < lane_size; i += 8) {
        first = _mm_crc32_u64(first, load_word(at + i));
        second = _mm_crc32_u64(second, load_word(at + lane_size + i));
        third = _mm_crc32_u64(third, load_word(at + 2 * lane_size + i));
    }
    const auto narrow = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
    const std::uint32_t two = shift_over_lane(narrow(first)) ^ narrow(second);
    return shift_over_lane(two) ^ narrow(third);
}

} // namespace

bool crc32c_sse42_available() {
    return __builtin_cpu_supports("sse4.2") != 0;
}

[[gnu::target("sse4.2")]] std::uint32_t crc32c_sse42(bytes_view data, std::uint32_t crc) {
    std::uint32_t state = ~crc;
    for (; data.size() >= 3 * lane_size; data = data.subspan(3 * lane_size))
        state = add_three_lanes(state, data.data());
    for (; data.size() >= 8; data = data.subspan(8))
        state = static_cast<std::uint32_t>(_mm_crc32_u64(state, load_word(data.data())));
    for (const std::byte byte : data)
        state = _mm_crc32_u8(state, std::to_integer<std::uint8_t>(byte));
    return ~state;
}

#else

bool crc32c_sse42_available() {
    return false;
}

std::uint32_t crc32c_sse42(bytes_view data, std::uint32_t crc) {
    return crc32c_table(data, crc);
}

#endif

} // namespace iscsi
