#pragma once

#include "libiscsi/base/bytes.hpp"

#include <linux/fuse.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

// The messages of /dev/fuse are those of <linux/fuse.h> in host byte order: a fuse_in_header and a
// structure of the operation one way, a fuse_out_header and a structure or data the other.
namespace iscsid::disk::fuse {

inline constexpr std::size_t page = 4096;
inline constexpr std::size_t write_header_size = sizeof(fuse_in_header) + sizeof(fuse_write_in);

// The kernel does not hand out any request to a reader with less room (fuse_dev_do_read).
inline constexpr std::size_t smallest_room = FUSE_MIN_READ_BUFFER - write_header_size;

// An error of a reply is -1 … -511 (fuse_dev_do_write); everything else would be refused.
inline constexpr int largest_error = 511;

// From Linux 6.9 on, which may be newer than the headers here: the kernel offers in INIT to hand
// out requests again that were read and not answered (then bit 63 of their number is set, and the
// answer repeats it). Bit 39 of the flags is bit 7 of their second half.
inline constexpr std::uint32_t has_resend_in_flags2 = 1U << 7U;
inline constexpr std::int32_t notify_resend = 7; // the `error` of a message without a number

// Reads a structure from the start of a message part; nullopt when the part is shorter.
template <class Message>
std::optional<Message> read_as(iscsi::bytes_view part, std::size_t least = sizeof(Message)) {
    static_assert(std::is_trivially_copyable_v<Message>);
    if (part.size() < least)
        return std::nullopt;
    Message message{};
    std::memcpy(&message, part.data(), std::min(part.size(), sizeof message));
    return message;
}

template <class Message>
iscsi::bytes_view bytes_of(const Message& message) {
    static_assert(std::is_trivially_copyable_v<Message>);
    return std::as_bytes(std::span(&message, 1));
}

} // namespace iscsid::disk::fuse
