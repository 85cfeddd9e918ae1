#pragma once

#include "libiscsi/base/bytes.hpp"

#include <linux/fuse.h>

#include <algorithm>
#include <array>
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

// FUSE over io_uring, from Linux 6.14 on (include/uapi/linux/fuse.h, minor version 42, and
// Documentation/filesystems/fuse/fuse-io-uring.rst). Bit 41 of the flags.
inline constexpr std::uint32_t over_io_uring_in_flags2 = 1U << 9U;

// What IORING_OP_URING_CMD on /dev/fuse does with an entry: it gets its memory (the two buffers of
// the SQE: headers and payload), or it gives the reply and waits for the next request. Each ends
// with 0 when there is a request in the entry.
enum class ring_command : std::uint32_t { enter = 1, commit_and_fetch = 2 };

// The field of such a command (fuse_uring_cmd_req).
struct ring_field {
    std::uint64_t flags = 0;
    std::uint64_t commit_id = 0; // commit_and_fetch: which request is answered
    std::uint16_t queue = 0;     // there is one for each processor that the machine may have
    std::array<std::uint8_t, 6> padding{};
};

// fuse_uring_ent_in_out, with the sizes of the other two in the same structure.
struct ring_entry_part {
    std::uint64_t flags = 0;
    std::uint64_t commit_id = 0;
    std::uint32_t payload_size = 0; // bytes of the payload buffer that count, of request and reply
    std::uint32_t padding = 0;
    std::uint64_t reserved = 0;
};

inline constexpr std::size_t ring_header_size = 128;

// The headers of an entry (fuse_uring_req_header): the kernel writes them for a request, and reads
// the first and the last part of them for a reply.
struct ring_headers {
    std::array<std::byte, ring_header_size> in_out{};    // fuse_in_header, fuse_out_header
    std::array<std::byte, ring_header_size> operation{}; // the structure of the operation
    ring_entry_part entry;
};

static_assert(sizeof(ring_field) == 24 && sizeof(ring_headers) == 288);

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
