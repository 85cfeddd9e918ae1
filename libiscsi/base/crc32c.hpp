#pragma once

#include "libiscsi/base/bytes.hpp"

#include <cstdint>

namespace iscsi {

// CRC32C (Castagnoli), the digest of RFC 7143 §13.1. `crc` is the value of the bytes before, so
// that a digest can be taken in pieces: crc32c(b, crc32c(a)) is the digest of a followed by b.
// On the wire the value stands in little-endian order: 32 zero bytes give aa 36 91 8a.
// The fastest form that the processor has (SSE4.2 or a table) is chosen once.
std::uint32_t crc32c(bytes_view data, std::uint32_t crc = 0);

// The two forms, so that a test can hold them against each other.
std::uint32_t crc32c_table(bytes_view data, std::uint32_t crc = 0);
bool crc32c_sse42_available();
std::uint32_t crc32c_sse42(bytes_view data, std::uint32_t crc = 0);

} // namespace iscsi
