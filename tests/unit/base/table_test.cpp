#include "libiscsi/base/table.hpp"

#include <gtest/gtest.h>

namespace iscsi {
namespace {

enum class lamp : unsigned char { off, on };
enum class event : unsigned char { pressed, failed };

struct lamp_row {
    lamp now;
    event what;
    lamp next;
};

constexpr std::array rows{
    lamp_row{lamp::off, event::pressed, lamp::on},
    lamp_row{lamp::on, event::pressed, lamp::off},
    lamp_row{lamp::on, event::failed, lamp::off}};

constexpr std::array with_a_double{
    lamp_row{lamp::off, event::pressed, lamp::on},
    lamp_row{lamp::on, event::pressed, lamp::off},
    lamp_row{lamp::off, event::pressed, lamp::off}};

TEST(table, finds_the_row_of_a_state_and_an_event) {
    EXPECT_EQ(find_row(rows, lamp::on, event::failed), &rows[2]);
    EXPECT_EQ(find_row(rows, lamp::off, event::pressed), &rows[0]);
    EXPECT_EQ(find_row(rows, lamp::off, event::failed), nullptr);
}

TEST(table, knows_a_row_that_would_never_count) {
    static_assert(has_one_row_each(rows));
    static_assert(!has_one_row_each(with_a_double));
    EXPECT_EQ(find_row(with_a_double, lamp::off, event::pressed), &with_a_double[0]);
}

} // namespace
} // namespace iscsi
