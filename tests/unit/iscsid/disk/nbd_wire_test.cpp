#include "iscsid/disk/nbd_wire.hpp"

#include <gtest/gtest.h>

namespace {

using namespace iscsid::disk;

template <class... Numbers>
std::vector<std::byte> bytes_of(Numbers... numbers) {
    return {static_cast<std::byte>(numbers)...};
}

TEST(nbd_wire, reads_a_request) {
    std::array<std::byte, nbd::request_size> header{};
    for (std::size_t at = 0; at < header.size(); ++at)
        header.at(at) = static_cast<std::byte>(at + 1);
    const auto request = nbd::decode_request(header);
    EXPECT_EQ(request.magic, 0x01020304U);
    EXPECT_EQ(request.flags, 0x0506U);
    EXPECT_EQ(static_cast<unsigned>(request.type), 0x0708U);
    EXPECT_EQ(request.cookie, 0x090a0b0c0d0e0f10U);
    EXPECT_EQ(request.offset, 0x1112131415161718U);
    EXPECT_EQ(request.length, 0x191a1b1cU);
}

TEST(nbd_wire, writes_a_simple_reply) {
    std::vector<std::byte> header(16);
    EXPECT_EQ(nbd::encode_simple_reply(header, 0x0102030405060708, ENOSPC), 16U);
    EXPECT_EQ(header, bytes_of(0x67, 0x44, 0x66, 0x98, 0, 0, 0, 28, 1, 2, 3, 4, 5, 6, 7, 8));
}

nbd::request asked() {
    nbd::request request;
    request.cookie = 0x0102030405060708;
    request.offset = 0x1112131415161718;
    request.length = 512;
    return request;
}

TEST(nbd_wire, writes_a_chunk_of_data) {
    std::vector<std::byte> header(nbd::longest_reply_header);
    EXPECT_EQ(nbd::encode_structured_read_reply(header, asked(), 0), 28U);
    // magic, flags, type, cookie, length, offset
    EXPECT_EQ(
        header,
        bytes_of(
            0x66,
            0x8e,
            0x33,
            0xef,
            0,
            1,
            0,
            1,
            1,
            2,
            3,
            4,
            5,
            6,
            7,
            8,
            0,
            0,
            2,
            8,
            0x11,
            0x12,
            0x13,
            0x14,
            0x15,
            0x16,
            0x17,
            0x18
        )
    );
}

TEST(nbd_wire, writes_a_chunk_with_an_error) {
    std::vector<std::byte> header(nbd::longest_reply_header, std::byte{0xff});
    ASSERT_EQ(nbd::encode_structured_read_reply(header, asked(), EIO), 26U);
    header.resize(26);
    // magic, flags, type, cookie, length, error, length of the message
    EXPECT_EQ(
        header,
        bytes_of(
            0x66,
            0x8e,
            0x33,
            0xef,
            0,
            1,
            0x80,
            1,
            1,
            2,
            3,
            4,
            5,
            6,
            7,
            8,
            0,
            0,
            0,
            6,
            0,
            0,
            0,
            5,
            0,
            0
        )
    );
}

TEST(nbd_wire, knows_few_errors) {
    EXPECT_EQ(nbd::error_number(0), 0U);
    EXPECT_EQ(nbd::error_number(EPERM), 1U);
    EXPECT_EQ(nbd::error_number(EROFS), 1U);
    EXPECT_EQ(nbd::error_number(ENOMEM), 12U);
    EXPECT_EQ(nbd::error_number(EINVAL), 22U);
    EXPECT_EQ(nbd::error_number(ENOSPC), 28U);
    EXPECT_EQ(nbd::error_number(EOPNOTSUPP), 95U);
    for (const int other : {EIO, ENOLINK, ENODATA, EILSEQ, EBADE, 4000})
        EXPECT_EQ(nbd::error_number(other), 5U) << other;
}

} // namespace
