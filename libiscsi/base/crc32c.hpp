#pragma once

#include "libiscsi/base/bytes.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace iscsi {

// CRC32C (Castagnoli), the digest of RFC 7143 §13.1. `crc` is the value of the bytes before, so
// that a digest can be taken in pieces: crc32c(b, crc32c(a)) is the digest of a followed by b.
// On the wire the value stands in little-endian order: 32 zero bytes give aa 36 91 8a.
std::uint32_t crc32c(bytes_view data, std::uint32_t crc = 0);

// Copies `from` to the beginning of `to`, which is at least as long and does not overlap it, and
// returns crc32c(from, crc): in one pass, so that each byte comes from memory once.
std::uint32_t copy_with_crc32c(mutable_bytes to, bytes_view from, std::uint32_t crc = 0);

// One way to compute it. All give the same values; the processor decides which are available.
struct crc32c_form {
    std::string_view name;
    std::uint32_t (*digest)(bytes_view data, std::uint32_t crc);
    bool available; // on this processor; calling another form ends the program
};

// The forms of this architecture, the fastest first; the last one, a table, is always available.
// crc32c() uses the first that is.
std::span<const crc32c_form> crc32c_forms();

} // namespace iscsi
