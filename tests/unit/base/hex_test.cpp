#include "libiscsi/base/hex.hpp"

#include <gtest/gtest.h>

#include <array>

namespace {

using iscsi::hex_of;

TEST(hex, has_two_digits_for_each_byte) {
    constexpr std::array bytes{std::byte{0}, std::byte{0x0a}, std::byte{0xa0}, std::byte{0xff}};
    EXPECT_EQ(hex_of(bytes), "000aa0ff");
    EXPECT_EQ(hex_of({}), "");
}

TEST(hex, has_the_lowest_digits_of_a_number) {
    EXPECT_EQ(hex_of(0x2a1, 4), "02a1");
    EXPECT_EQ(hex_of(0x12a1, 3), "2a1");
    EXPECT_EQ(hex_of(0, 1), "0");
    EXPECT_EQ(hex_of(0xfedc'ba98'7654'3210, 16), "fedcba9876543210");
}

} // namespace
