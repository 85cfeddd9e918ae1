#pragma once

#include "libiscsi/base/bytes.hpp"

#include <array>
#include <cerrno>
#include <cstdint>

// The transmission phase of the NBD protocol, as the kernel's client and others speak it: proto.md
// of NetworkBlockDevice/nbd, "Transmission phase". All numbers are big-endian.
namespace iscsid::disk::nbd {

inline constexpr std::uint32_t request_magic = 0x2560'9513;
inline constexpr std::uint32_t simple_reply_magic = 0x6744'6698;
inline constexpr std::uint32_t structured_reply_magic = 0x668e'33ef;

// Of the transmission phase; every number on the wire is big-endian.
inline constexpr std::size_t request_size = 28;
inline constexpr std::size_t simple_reply_size = 16;
inline constexpr std::size_t structured_reply_size = 20;
// What servers must at least be ready for ("Block size constraints"); more is no request of the
// protocol, for nobody has negotiated it.
inline constexpr std::size_t largest_payload = std::size_t{32} << 20U;

// "Request types". cache is a hint that is answered without doing anything.
enum class command : std::uint16_t {
    read = 0, // the reply carries the data
    write = 1,
    disconnect = 2, // has no reply: the server ends when all others are answered
    flush = 3,      // covers the writes that were answered before it was sent
    trim = 4,
    cache = 5, // a hint; not offered, so a client that sends it is told EINVAL
    write_zeroes = 6,
};

// Flags of a request.
inline constexpr std::uint16_t flag_fua = 1U << 0U;     // on the medium before the reply
inline constexpr std::uint16_t flag_no_hole = 1U << 1U; // zeroes must stay allocated

// Flags of an export; the kernel has them as server flags.
inline constexpr std::uint16_t has_flags = 1U << 0U; // always set
inline constexpr std::uint16_t read_only = 1U << 1U;
inline constexpr std::uint16_t send_flush = 1U << 2U;
inline constexpr std::uint16_t send_fua = 1U << 3U;
inline constexpr std::uint16_t rotational = 1U << 4U;
inline constexpr std::uint16_t send_trim = 1U << 5U;
inline constexpr std::uint16_t send_write_zeroes = 1U << 6U;
inline constexpr std::uint16_t send_df = 1U << 7U;        // structured replies may be asked whole
inline constexpr std::uint16_t can_multi_conn = 1U << 8U; // a flush covers all connections

// The cookie is the client's and goes back as it came.
struct request {
    std::uint32_t magic = 0;
    std::uint16_t flags = 0;
    command type = command::read;
    std::uint64_t cookie = 0; // the client's; unique among its requests under way
    std::uint64_t offset = 0; // bytes
    std::uint32_t length = 0; // bytes
};

inline request decode_request(std::span<const std::byte, request_size> from) {
    request what;
    what.magic = iscsi::load_be32(from.data());
    what.flags = iscsi::load_be16(from.data() + 4);
    what.type = static_cast<command>(iscsi::load_be16(from.data() + 6));
    what.cookie = iscsi::load_be64(from.data() + 8);
    what.offset = iscsi::load_be64(from.data() + 16);
    what.length = iscsi::load_be32(from.data() + 24);
    return what;
}

// The few errors that the protocol knows, as numbers of its own.
// Linux's numbers are not portable, so the protocol has a list; what is not on it is an I/O error.
constexpr std::uint32_t error_number(int error) {
    switch (error) {
    case 0:
        return 0;
    case EPERM:
    case EROFS:
        return 1;
    case ENOMEM:
        return 12;
    case EINVAL:
        return 22;
    case ENOSPC:
        return 28;
    case EOPNOTSUPP:
        return 95;
    case ESHUTDOWN:
        return 108;
    default:
        return 5;
    }
}

// A simple reply's header. READ data follow it when the error is 0.
inline std::size_t encode_simple_reply(std::span<std::byte> to, std::uint64_t cookie, int error) {
    iscsi::store_be32(to.data(), simple_reply_magic);
    iscsi::store_be32(to.data() + 4, error_number(error));
    iscsi::store_be64(to.data() + 8, cookie);
    return simple_reply_size;
}

// The only chunk of a structured reply to a READ: all its data, or an error without a message.
inline std::size_t
encode_structured_read_reply(std::span<std::byte> to, const request& asked, int error) {
    constexpr std::uint16_t done = 1;
    constexpr std::uint16_t type_offset_data = 1;
    constexpr std::uint16_t type_error = (1U << 15U) + 1;
    iscsi::store_be32(to.data(), structured_reply_magic);
    iscsi::store_be16(to.data() + 4, done);
    iscsi::store_be16(to.data() + 6, error == 0 ? type_offset_data : type_error);
    iscsi::store_be64(to.data() + 8, asked.cookie);
    if (error != 0) {
        constexpr std::uint32_t error_and_length_of_message = 6;
        iscsi::store_be32(to.data() + 16, error_and_length_of_message);
        iscsi::store_be32(to.data() + 20, error_number(error));
        iscsi::store_be16(to.data() + 24, 0);
        return structured_reply_size + error_and_length_of_message;
    }
    iscsi::store_be32(to.data() + 16, asked.length + 8);
    iscsi::store_be64(to.data() + 20, asked.offset);
    return structured_reply_size + 8;
}

inline constexpr std::size_t longest_reply_header = structured_reply_size + 8;

} // namespace iscsid::disk::nbd
