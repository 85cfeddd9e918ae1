#include "libiscsi/base/crc32c_steps.hpp"
#include "libiscsi/base/crc32c_x86.hpp"

#if defined(__x86_64__)

#include <nmmintrin.h>

#include <array>
#include <cstring>

namespace iscsi {

namespace {

// The crc32 instruction takes three cycles but starts every cycle: three lanes side by side keep it
// busy. lane_size is short enough that a 4 KiB segment still gains.
constexpr std::size_t lane_size = crc32c_sse42_step / 3;

constexpr std::uint32_t zeros_over_lane(std::uint32_t state) {
    for (std::size_t bit = 0; bit < lane_size * 8; ++bit)
        state = crc32c_steps::times_x(state);
    return state;
}

using shift_table = std::array<std::uint32_t, 256>;

// lane_shift[n][b]: the state `b << 8n` after a lane of zero bytes. The step is linear, so a table
// over one byte is the sum of what its bits give.
constexpr shift_table make_lane_shift(std::uint32_t n) {
    shift_table shift{};
    for (std::uint32_t bit = 0; bit < 8; ++bit) {
        const std::uint32_t moved = zeros_over_lane(1U << (8 * n + bit));
        for (std::uint32_t byte = 0; byte < shift.size(); ++byte)
            shift[byte] ^= ((byte >> bit) & 1U) != 0 ? moved : 0U;
    }
    return shift;
}

constexpr std::array<shift_table, 4> lane_shift = {
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
    for (; data.size() >= crc32c_sse42_step; data = data.subspan(crc32c_sse42_step))
        state = add_three_lanes(state, data.data());
    for (; data.size() >= 8; data = data.subspan(8))
        state = static_cast<std::uint32_t>(_mm_crc32_u64(state, load_word(data.data())));
    for (const std::byte byte : data)
        state = _mm_crc32_u8(state, std::to_integer<std::uint8_t>(byte));
    return ~state;
}

} // namespace iscsi

#endif
