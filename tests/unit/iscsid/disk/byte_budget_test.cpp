#include "iscsid/disk/byte_budget.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <vector>

namespace {

using iscsid::disk::byte_budget;
using testing::ElementsAre;
using testing::IsEmpty;

struct byte_budgets : testing::Test {
    struct one final : byte_budget::client {
        void room_again() override {
            if (then)
                then();
        }

        std::function<void()> then;
    };

    // When told, `who` asks for as much again, once.
    void wants(one& who, std::size_t bytes, int number) {
        who.then = [this, &who, bytes, number] {
            if (budget.take(bytes, who))
                served.push_back(number);
        };
    }

    byte_budget budget{100};
    one first, second, third;
    std::vector<int> served;
};

TEST_F(byte_budgets, are_given_out_until_nothing_is_left) {
    EXPECT_TRUE(budget.take(60, first));
    EXPECT_TRUE(budget.take(40, second));
    EXPECT_FALSE(budget.take(1, third));
}

TEST_F(byte_budgets, give_more_than_there_is_to_one_who_is_alone) {
    EXPECT_TRUE(budget.take(1000, first));
    EXPECT_FALSE(budget.take(1, first));
}

TEST_F(byte_budgets, tell_those_who_wait_in_their_order) {
    ASSERT_TRUE(budget.take(100, first));
    wants(second, 80, 2);
    wants(third, 10, 3);
    EXPECT_FALSE(budget.take(80, second));
    EXPECT_FALSE(budget.take(10, third));
    budget.give_back(50);
    EXPECT_THAT(served, IsEmpty()) << "not enough for the second, and the third comes after it";
    budget.give_back(40);
    EXPECT_THAT(served, ElementsAre(2, 3));
}

TEST_F(byte_budgets, let_nobody_overtake_those_who_wait) {
    ASSERT_TRUE(budget.take(90, first));
    wants(second, 50, 2);
    EXPECT_FALSE(budget.take(50, second));
    EXPECT_FALSE(budget.take(5, third)) << "there is room, but not for the second";
}

TEST_F(byte_budgets, give_one_thing_for_each_turn) {
    ASSERT_TRUE(budget.take(100, first));
    second.then = [this] {
        while (budget.take(10, second))
            served.push_back(2);
    };
    wants(third, 10, 3);
    EXPECT_FALSE(budget.take(10, second));
    EXPECT_FALSE(budget.take(10, third));
    budget.give_back(100);
    ASSERT_GE(served.size(), 3U);
    EXPECT_EQ(served[0], 2);
    EXPECT_EQ(served[1], 3);
    EXPECT_EQ(served.size(), 10U);
}

TEST_F(byte_budgets, do_not_tell_those_who_have_gone) {
    ASSERT_TRUE(budget.take(100, first));
    wants(second, 10, 2);
    wants(third, 10, 3);
    EXPECT_FALSE(budget.take(10, second));
    EXPECT_FALSE(budget.take(10, third));
    budget.forget(second);
    budget.give_back(100);
    EXPECT_THAT(served, ElementsAre(3));
}

TEST_F(byte_budgets, count_what_was_taken_anyway) {
    budget.take_anyway(100);
    EXPECT_FALSE(budget.take(1, first));
    wants(first, 1, 1);
    budget.give_back(100);
    EXPECT_THAT(served, ElementsAre(1));
}

TEST_F(byte_budgets, may_be_given_back_by_whoever_is_told) {
    ASSERT_TRUE(budget.take(100, first));
    second.then = [this] {
        ASSERT_TRUE(budget.take(60, second));
        budget.give_back(60);
    };
    wants(third, 100, 3);
    EXPECT_FALSE(budget.take(60, second));
    EXPECT_FALSE(budget.take(100, third));
    budget.give_back(100);
    EXPECT_THAT(served, ElementsAre(3));
}

} // namespace
