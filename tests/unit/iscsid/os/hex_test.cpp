#include "iscsid/os/hex.hpp"
#include "iscsid/os/random.hpp"

#include <gtest/gtest.h>

#include <array>

namespace {

using namespace iscsid::os;

TEST(hex, has_two_digits_for_each_byte) {
    constexpr std::array bytes{std::byte{0}, std::byte{0x0a}, std::byte{0xa0}, std::byte{0xff}};
    EXPECT_EQ(hex_of(bytes), "000aa0ff");
    EXPECT_EQ(hex_of({}), "");
}

TEST(random, gives_as_many_bytes_as_wanted_and_others_each_time) {
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{100'000}})
        EXPECT_EQ(random_bytes(count).size(), count);
    EXPECT_NE(random_bytes(32), random_bytes(32));
}

} // namespace
