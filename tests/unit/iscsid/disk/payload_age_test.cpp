#include "iscsid/disk/payload_age.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

constexpr std::size_t page = iscsid::disk::payload_age::first_page;
constexpr std::size_t stride = 16 * page;
constexpr std::uint32_t slots = 4;

class payload_age : public ::testing::Test {
  protected:
    // A request writes so much into a slot.
    void use(std::uint32_t slot, std::size_t length) {
        std::ranges::fill(memory.of(slot, length), std::byte{1});
        told = age.use(slot, length);
    }

    // So many intervals pass; `busy` is the slot that somebody has.
    bool pass(unsigned intervals, std::uint32_t busy = slots) {
        bool some_is_left = false;
        while (intervals-- > 0) {
            std::size_t most = room;
            some_is_left = age.give_back(most, [&](std::uint32_t slot) { return slot != busy; });
        }
        return some_is_left;
    }

    bool has_gone(std::uint32_t slot) const { return memory.of(slot)[page] == std::byte{}; }

    iscsid::disk::payload_memory memory{slots, stride};
    iscsid::disk::payload_age age{memory, slots, page};
    std::size_t room = slots * stride;
    bool told = false;
};

constexpr unsigned until_it_goes = iscsid::disk::payload_age::ripe + 1;

TEST_F(payload_age, gives_back_what_was_not_used_for_a_while_but_for_the_first_page) {
    use(1, stride);
    EXPECT_TRUE(told);
    EXPECT_TRUE(pass(until_it_goes - 1));
    EXPECT_FALSE(has_gone(1));
    EXPECT_FALSE(pass(1));
    EXPECT_TRUE(has_gone(1));
    EXPECT_EQ(memory.of(1)[page - 1], std::byte{1});
}

TEST_F(payload_age, small_requests_leave_nothing_to_give_back) {
    use(0, page);
    EXPECT_FALSE(told);
    EXPECT_FALSE(pass(1));
}

TEST_F(payload_age, begins_anew_with_each_use) {
    use(0, stride);
    pass(until_it_goes - 1);
    use(0, stride);
    EXPECT_TRUE(pass(until_it_goes - 1));
    EXPECT_FALSE(has_gone(0));
    EXPECT_FALSE(pass(1));
}

TEST_F(payload_age, small_requests_do_not_keep_what_a_large_one_has_left) {
    use(0, stride);
    pass(until_it_goes - 1);
    use(0, page);
    pass(1);
    EXPECT_TRUE(has_gone(0));
}

TEST_F(payload_age, leaves_what_somebody_has_until_he_has_not) {
    use(2, stride);
    use(3, stride);
    EXPECT_TRUE(pass(2 * until_it_goes, 2));
    EXPECT_FALSE(has_gone(2));
    EXPECT_TRUE(has_gone(3));
    EXPECT_FALSE(pass(1));
    EXPECT_TRUE(has_gone(2));
}

TEST_F(payload_age, gives_back_no_more_at_a_time_than_it_may) {
    for (std::uint32_t slot = 0; slot < slots; ++slot)
        use(slot, stride);
    room = 2 * stride;
    EXPECT_TRUE(pass(until_it_goes));
    EXPECT_TRUE(has_gone(1));
    EXPECT_FALSE(has_gone(2));
    EXPECT_FALSE(pass(1));
    EXPECT_TRUE(has_gone(3));
}

} // namespace
