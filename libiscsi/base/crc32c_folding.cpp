#include "libiscsi/base/crc32c_steps.hpp"
#include "libiscsi/base/crc32c_x86.hpp"

// Folding (Gopal and others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
// Instruction", Intel, 2009): 128 bits A that stand D bits before others B add to the remainder
// what A * x^D added to B would. The two halves of A are multiplied by x^D modulo the polynomial,
// which leaves less than 128 bits, and many blocks far apart are folded side by side. What is left
// at the end, 128 bits with the remainder of all, goes through the crc32 instruction.
#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

namespace iscsi {

namespace {

// x^n modulo the polynomial as a half of 128 bits, reversed as all is: x^0 is the highest bit.
constexpr std::uint64_t power_of_x(std::size_t n) {
    std::uint32_t power = 0x8000'0000;
    for (; n > 0; --n)
        power = crc32c_steps::times_x(power);
    return std::uint64_t{power} << 32U;
}

// What the halves of a block are multiplied by to stand `bits` later. The lower half holds the
// higher powers. A product of reversed halves is one bit short of 128: hence one power less.
struct fold_factors {
    std::uint64_t low;
    std::uint64_t high;
};

constexpr fold_factors factors_over(std::size_t bits) {
    return {power_of_x(bits + 64 - 1), power_of_x(bits - 1)};
}

constexpr std::size_t block_size = 16;
constexpr std::size_t wide_size = 64; // four blocks in a register of AVX-512
constexpr std::size_t blocks_step = 4 * block_size;
constexpr std::size_t wides_step = 4 * wide_size;
constexpr auto over_block = factors_over(block_size * 8);
constexpr auto over_blocks = factors_over(blocks_step * 8);
constexpr auto over_wide = factors_over(wide_size * 8);
constexpr auto over_wides = factors_over(wides_step * 8);

#define ISCSI_TARGET_PCLMUL [[gnu::target("sse4.2,pclmul")]]
#define ISCSI_TARGET_VPCLMUL [[gnu::target("sse4.2,pclmul,avx512f,vpclmulqdq")]]

using block = __m128i;
using wide = __m512i;

ISCSI_TARGET_PCLMUL block load_block(const std::byte* at) {
    block value; // NOLINT(*-member-init): all of it is written
    std::memcpy(&value, at, sizeof value);
    return value;
}

ISCSI_TARGET_PCLMUL block constant(fold_factors factors) {
    return _mm_set_epi64x(
        static_cast<long long>(factors.high), static_cast<long long>(factors.low)
    );
}

ISCSI_TARGET_PCLMUL block fold(block before, block factors, block into) {
    const auto low = _mm_clmulepi64_si128(before, factors, 0x00);
    const auto high = _mm_clmulepi64_si128(before, factors, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), into);
}

// Four blocks in a row, folded side by side: one multiplication takes as long as four that overlap.
struct blocks {
    block first;
    block second;
    block third;
    block fourth;
};

ISCSI_TARGET_PCLMUL blocks load_blocks(const std::byte* at) {
    return {
        load_block(at),
        load_block(at + block_size),
        load_block(at + 2 * block_size),
        load_block(at + 3 * block_size)};
}

// The state of the shift register after the four.
ISCSI_TARGET_PCLMUL std::uint32_t finish(const blocks& left) {
    const auto factors = constant(over_block);
    auto all = fold(left.first, factors, left.second);
    all = fold(all, factors, left.third);
    all = fold(all, factors, left.fourth);
    const auto low = static_cast<std::uint64_t>(_mm_cvtsi128_si64(all));
    const auto high = static_cast<std::uint64_t>(_mm_extract_epi64(all, 1));
    return static_cast<std::uint32_t>(_mm_crc32_u64(_mm_crc32_u64(0, low), high));
}

// `data`: whole steps, at least one. `state`: what came before, as if it stood in the first bytes.
ISCSI_TARGET_PCLMUL std::uint32_t fold_blocks(bytes_view data, std::uint32_t state) {
    auto so_far = load_blocks(data.data());
    so_far.first = _mm_xor_si128(so_far.first, _mm_cvtsi32_si128(static_cast<int>(state)));
    const auto factors = constant(over_blocks);
    for (std::size_t done = blocks_step; done < data.size(); done += blocks_step) {
        const auto next = load_blocks(data.data() + done);
        so_far.first = fold(so_far.first, factors, next.first);
        so_far.second = fold(so_far.second, factors, next.second);
        so_far.third = fold(so_far.third, factors, next.third);
        so_far.fourth = fold(so_far.fourth, factors, next.fourth);
    }
    return finish(so_far);
}

struct wides {
    wide first;
    wide second;
    wide third;
    wide fourth;
};

ISCSI_TARGET_VPCLMUL wides load_wides(const std::byte* at) {
    return {
        _mm512_loadu_si512(at),
        _mm512_loadu_si512(at + wide_size),
        _mm512_loadu_si512(at + 2 * wide_size),
        _mm512_loadu_si512(at + 3 * wide_size)};
}

// Here and below the forms with a mask of all: g++ 12 warns of the others' own headers.
ISCSI_TARGET_VPCLMUL wide wide_constant(fold_factors factors) {
    return _mm512_maskz_broadcast_i32x4(0xffff, constant(factors));
}

ISCSI_TARGET_VPCLMUL wide fold_wide(wide before, wide factors, wide into) {
    constexpr int exclusive_or_of_three = 0x96;
    return _mm512_ternarylogic_epi64(
        _mm512_clmulepi64_epi128(before, factors, 0x00),
        _mm512_clmulepi64_epi128(before, factors, 0x11),
        into,
        exclusive_or_of_three
    );
}

ISCSI_TARGET_VPCLMUL std::uint32_t finish_wide(const wides& left) {
    constexpr __mmask8 all_lanes = 0xf;
    const auto factors = wide_constant(over_wide);
    auto all = fold_wide(left.first, factors, left.second);
    all = fold_wide(all, factors, left.third);
    all = fold_wide(all, factors, left.fourth);
    return finish(
        {_mm512_maskz_extracti32x4_epi32(all_lanes, all, 0),
         _mm512_maskz_extracti32x4_epi32(all_lanes, all, 1),
         _mm512_maskz_extracti32x4_epi32(all_lanes, all, 2),
         _mm512_maskz_extracti32x4_epi32(all_lanes, all, 3)}
    );
}

ISCSI_TARGET_VPCLMUL std::uint32_t fold_wides(bytes_view data, std::uint32_t state) {
    auto so_far = load_wides(data.data());
    const auto before = _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(state)));
    so_far.first = _mm512_xor_si512(so_far.first, before);
    const auto factors = wide_constant(over_wides);
    for (std::size_t done = wides_step; done < data.size(); done += wides_step) {
        const auto next = load_wides(data.data() + done);
        so_far.first = fold_wide(so_far.first, factors, next.first);
        so_far.second = fold_wide(so_far.second, factors, next.second);
        so_far.third = fold_wide(so_far.third, factors, next.third);
        so_far.fourth = fold_wide(so_far.fourth, factors, next.fourth);
    }
    return finish_wide(so_far);
}

// The longest beginning of `data` in whole steps; none when it is not worth its setup.
bytes_view whole_steps(bytes_view data, std::size_t step) {
    return data.size() < 2 * step ? bytes_view{} : data.first(data.size() - data.size() % step);
}

} // namespace

bool crc32c_pclmul_available() {
    return crc32c_sse42_available() && __builtin_cpu_supports("pclmul") != 0;
}

bool crc32c_vpclmul_available() {
    return crc32c_pclmul_available() && __builtin_cpu_supports("avx512f") != 0 &&
           __builtin_cpu_supports("vpclmulqdq") != 0;
}

// Three lanes of the crc32 instruction are quicker than blocks, but for what is too short for them.
std::uint32_t crc32c_pclmul(bytes_view data, std::uint32_t crc) {
    const auto lanes = data.first(data.size() - data.size() % crc32c_sse42_step);
    const auto rest = data.subspan(lanes.size());
    const auto folded = whole_steps(rest, blocks_step);
    crc = crc32c_sse42(lanes, crc);
    if (!folded.empty())
        crc = ~fold_blocks(folded, ~crc);
    return crc32c_sse42(rest.subspan(folded.size()), crc);
}

std::uint32_t crc32c_vpclmul(bytes_view data, std::uint32_t crc) {
    const auto folded = whole_steps(data, wides_step);
    if (!folded.empty())
        crc = ~fold_wides(folded, ~crc);
    return crc32c_pclmul(data.subspan(folded.size()), crc);
}

} // namespace iscsi

#endif
