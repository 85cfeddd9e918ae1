#include "libiscsi/base/serial.hpp"

#include <gtest/gtest.h>

namespace iscsi {
namespace {

TEST(serial, orders_neighbours) {
    EXPECT_TRUE(serial_before(1, 2));
    EXPECT_FALSE(serial_before(2, 1));
    EXPECT_FALSE(serial_before(2, 2));
}

TEST(serial, orders_over_the_wrap) {
    EXPECT_TRUE(serial_before(0xffff'ffffU, 0));
    EXPECT_FALSE(serial_before(0, 0xffff'ffffU));
    EXPECT_TRUE(serial_before(0xffff'fff0U, 0x10));
}

TEST(serial, has_a_horizon_of_half_the_circle) {
    EXPECT_TRUE(serial_before(5, 5 + 0x7fff'ffffU));
    EXPECT_FALSE(serial_before(5 + 0x7fff'ffffU, 5));
}

TEST(serial, leaves_opposite_numbers_unordered) {
    EXPECT_FALSE(serial_before(5, 5 + 0x8000'0000U));
    EXPECT_FALSE(serial_before(5 + 0x8000'0000U, 5));
    EXPECT_FALSE(serial_at_or_before(5, 5 + 0x8000'0000U));
}

TEST(serial, at_or_before_takes_equal_numbers) {
    EXPECT_TRUE(serial_at_or_before(7, 7));
    EXPECT_TRUE(serial_at_or_before(7, 8));
    EXPECT_FALSE(serial_at_or_before(8, 7));
}

} // namespace
} // namespace iscsi
