#pragma once

#include "libiscsi/base/bytes.hpp"

#include <cstddef>
#include <cstdint>

// The forms of crc32c() that need instructions of x86-64; whoever calls one has asked the
// processor.
#if defined(__x86_64__)

namespace iscsi {

// The crc32 instruction: three lanes side by side in each whole step, bytes after it one by one.
inline constexpr std::size_t crc32c_sse42_step = std::size_t{3} * 512;
bool crc32c_sse42_available();
std::uint32_t crc32c_sse42(bytes_view data, std::uint32_t crc);

// Folding by carry-less multiplication: of blocks of 16 bytes, for what is left after those steps;
// and of 64 bytes with AVX-512, for all but the ends.
bool crc32c_pclmul_available();
std::uint32_t crc32c_pclmul(bytes_view data, std::uint32_t crc);
bool crc32c_vpclmul_available();
std::uint32_t crc32c_vpclmul(bytes_view data, std::uint32_t crc);

} // namespace iscsi

#endif
