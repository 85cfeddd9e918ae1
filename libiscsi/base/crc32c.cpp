#include "libiscsi/base/crc32c.hpp"

#include "libiscsi/base/crc32c_steps.hpp"
#include "libiscsi/base/crc32c_x86.hpp"

#include <algorithm>
#include <array>

namespace iscsi {

namespace {

using byte_table = std::array<std::uint32_t, 256>;

// slices[n][b]: what byte b contributes when n more bytes follow it.
constexpr std::array<byte_table, 8> make_slices() {
    std::array<byte_table, 8> slices{};
    for (std::uint32_t byte = 0; byte < 256; ++byte)
        slices[0][byte] = crc32c_steps::after_byte(byte);
    for (std::size_t n = 1; n < slices.size(); ++n) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t before = slices[n - 1][byte];
            slices[n][byte] = (before >> 8U) ^ slices[0][before & 0xffU];
        }
    }
    return slices;
}

constexpr std::array<byte_table, 8> slices = make_slices();

std::uint32_t add_byte(std::uint32_t state, std::byte byte) {
    return (state >> 8U) ^ slices[0][(state ^ std::to_integer<std::uint32_t>(byte)) & 0xffU];
}

std::uint32_t load_le32(const std::byte* at) {
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

std::uint32_t crc32c_table(bytes_view data, std::uint32_t crc) {
    std::uint32_t state = ~crc;
    for (; data.size() >= 8; data = data.subspan(8))
        state = add_eight(state, data.data());
    for (const std::byte byte : data)
        state = add_byte(state, byte);
    return ~state;
}

crc32c_form fastest_form() {
    return *std::ranges::find_if(crc32c_forms(), &crc32c_form::available);
}

} // namespace

std::span<const crc32c_form> crc32c_forms() {
    static const std::array forms {
#if defined(__x86_64__)
        crc32c_form{"vpclmul", crc32c_vpclmul, crc32c_vpclmul_available()},
            crc32c_form{"pclmul", crc32c_pclmul, crc32c_pclmul_available()},
            crc32c_form{"sse42", crc32c_sse42, crc32c_sse42_available()},
#endif
            crc32c_form {
            "table", crc32c_table, true
        }
    };
    return forms;
}

std::uint32_t crc32c(bytes_view data, std::uint32_t crc) {
    static const auto digest = fastest_form().digest;
    return digest(data, crc);
}

std::uint32_t copy_with_crc32c(mutable_bytes to, bytes_view from, std::uint32_t crc) {
    // A piece is still in the first-level cache when it is read again.
    constexpr std::size_t piece_size = 8192;
    while (!from.empty()) {
        const auto piece = from.first(std::min(from.size(), piece_size));
        crc = crc32c(piece, crc);
        std::copy(piece.begin(), piece.end(), to.begin());
        from = from.subspan(piece.size());
        to = to.subspan(piece.size());
    }
    return crc;
}

} // namespace iscsi
