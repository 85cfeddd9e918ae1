#include "iscsid/compat/sysfs_order.hpp"

#include <gtest/gtest.h>

namespace {

using namespace iscsid::compat;

TEST(a_scan_order, names_one_lun) {
    for (const auto* const text :
         {"0 0 5", "0 0 5\n", "  0\t0  5 ", "- - 5", "0 - 05", "- 0 0x5"}) {
        const auto order = read_scan(text);
        ASSERT_TRUE(order.has_value()) << text;
        EXPECT_EQ(order->lun, 5U) << text;
    }
}

TEST(a_scan_order, names_all_luns) {
    for (const auto* const text : {"- - -", "0 0 -", "- - -\n"}) {
        const auto order = read_scan(text);
        ASSERT_TRUE(order.has_value()) << text;
        EXPECT_FALSE(order->lun.has_value()) << text;
    }
}

TEST(a_scan_order, takes_each_number_that_linux_gives_a_lun) {
    EXPECT_EQ(read_scan("0 0 16640")->lun, 16640U) << "flat 256";
    EXPECT_EQ(read_scan("0 0 18446744073709551615")->lun, UINT64_MAX);
    EXPECT_EQ(read_scan("0 0 010")->lun, 8U) << "as the kernel reads it";
}

TEST(a_scan_order, is_nothing_else) {
    for (const auto* const text :
         {"",
          "\n",
          "0",
          "0 0",
          "0 0 0 0",
          "1 0 0",
          "0 1 0",
          "0 0 x",
          "0 0 -1",
          "0 0 +1",
          "0 0 1x",
          "0 0 0x",
          "0 0 08",
          "x 0 0",
          "-- - -",
          "0 0 --",
          "all",
          "0,0,1",
          "0 0 18446744073709551616"})
        EXPECT_FALSE(read_scan(text).has_value()) << text;
}

TEST(a_scan_order, ends_at_no_zero_byte) {
    EXPECT_FALSE(read_scan(std::string_view("0 0 1\0", 6)).has_value());
}

TEST(what_is_written_to_delete_and_rescan, is_one) {
    for (const auto* const text : {"1", "1\n", " 1 "})
        EXPECT_TRUE(is_one(text)) << text;
    for (const auto* const text : {"", "\n", "0", "2", "01", "11", "1 1", "-", "yes"})
        EXPECT_FALSE(is_one(text)) << text;
}

TEST(acting_files, have_names_that_differ) {
    EXPECT_EQ(name_of({acting_kind::scan, 1, 1001, 0}), "host1001.scan");
    EXPECT_EQ(name_of({acting_kind::remove, 1, 1001, 3}), "1001:0:0:3.delete");
    EXPECT_EQ(name_of({acting_kind::rescan, 1, 1001, 16640}), "1001:0:0:16640.rescan");
}

} // namespace
