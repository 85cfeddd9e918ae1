#include "iscsid/disk/byte_budget.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <vector>

namespace {

using iscsid::disk::byte_budget;
using iscsid::disk::byte_share;
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

    void divide(std::size_t always) { all = std::make_shared<byte_budget>(100, always); }

    // When told, `who` asks for as much again, once.
    void wants(one& who, std::size_t bytes, int number) { wants(budget, who, bytes, number); }

    void wants(byte_share& of, one& who, std::size_t bytes, int number) {
        who.then = [this, &of, &who, bytes, number] {
            if (of.take(bytes, 0, who))
                served.push_back(number);
        };
    }

    std::shared_ptr<byte_budget> all = std::make_shared<byte_budget>(100, 0);
    byte_share budget{all};
    one first, second, third;
    std::vector<int> served;
};

TEST_F(byte_budgets, are_given_out_until_nothing_is_left) {
    EXPECT_TRUE(budget.take(60, 0, first));
    EXPECT_TRUE(budget.take(40, 0, second));
    EXPECT_FALSE(budget.take(1, 0, third));
}

TEST_F(byte_budgets, give_more_than_there_is_to_one_who_is_alone) {
    EXPECT_TRUE(budget.take(1000, 0, first));
    EXPECT_FALSE(budget.take(1, 1000, first));
}

TEST_F(byte_budgets, tell_those_who_wait_in_their_order) {
    ASSERT_TRUE(budget.take(100, 0, first));
    wants(second, 80, 2);
    wants(third, 10, 3);
    EXPECT_FALSE(budget.take(80, 0, second));
    EXPECT_FALSE(budget.take(10, 0, third));
    budget.give_back(50);
    EXPECT_THAT(served, IsEmpty()) << "not enough for the second, and the third comes after it";
    budget.give_back(40);
    EXPECT_THAT(served, ElementsAre(2, 3));
}

TEST_F(byte_budgets, let_nobody_overtake_those_who_wait) {
    ASSERT_TRUE(budget.take(90, 0, first));
    wants(second, 50, 2);
    EXPECT_FALSE(budget.take(50, 0, second));
    EXPECT_FALSE(budget.take(5, 0, third)) << "there is room, but not for the second";
}

TEST_F(byte_budgets, give_one_thing_for_each_turn) {
    ASSERT_TRUE(budget.take(100, 0, first));
    second.then = [this] {
        while (budget.take(10, 0, second))
            served.push_back(2);
    };
    wants(third, 10, 3);
    EXPECT_FALSE(budget.take(10, 0, second));
    EXPECT_FALSE(budget.take(10, 0, third));
    budget.give_back(100);
    ASSERT_GE(served.size(), 3U);
    EXPECT_EQ(served[0], 2);
    EXPECT_EQ(served[1], 3);
    EXPECT_EQ(served.size(), 10U);
}

TEST_F(byte_budgets, do_not_tell_those_who_have_gone) {
    ASSERT_TRUE(budget.take(100, 0, first));
    wants(second, 10, 2);
    wants(third, 10, 3);
    EXPECT_FALSE(budget.take(10, 0, second));
    EXPECT_FALSE(budget.take(10, 0, third));
    budget.forget(second);
    budget.give_back(100);
    EXPECT_THAT(served, ElementsAre(3));
}

TEST_F(byte_budgets, count_what_was_taken_anyway) {
    budget.take_anyway(100);
    EXPECT_FALSE(budget.take(1, 0, first));
    wants(first, 1, 1);
    budget.give_back(100);
    EXPECT_THAT(served, ElementsAre(1));
}

TEST_F(byte_budgets, may_be_given_back_by_whoever_is_told) {
    ASSERT_TRUE(budget.take(100, 0, first));
    second.then = [this] {
        ASSERT_TRUE(budget.take(60, 0, second));
        budget.give_back(60);
    };
    wants(third, 100, 3);
    EXPECT_FALSE(budget.take(60, 0, second));
    EXPECT_FALSE(budget.take(100, 0, third));
    budget.give_back(100);
    EXPECT_THAT(served, ElementsAre(3));
}

TEST_F(byte_budgets, leave_as_much_free_as_each_holds_of_them) {
    ASSERT_TRUE(budget.take(10, 0, first));
    ASSERT_TRUE(budget.take(10, 10, first));
    ASSERT_TRUE(budget.take(10, 20, first));
    ASSERT_TRUE(budget.take(20, 30, first)) << "50 held, 50 free";
    EXPECT_FALSE(budget.take(1, 50, first));
    ASSERT_TRUE(budget.take(25, 0, second));
    EXPECT_FALSE(budget.take(1, 25, second));
    EXPECT_TRUE(budget.take(25, 0, third)) << "whoever holds nothing takes what is left";
}

TEST_F(byte_budgets, do_not_queue_those_who_hold_something) {
    ASSERT_TRUE(budget.take(50, 0, first));
    EXPECT_FALSE(budget.take(10, 50, first));
    EXPECT_TRUE(budget.take(10, 0, second)) << "it waits for nothing but its own";
}

TEST_F(byte_budgets, give_a_lun_with_little_what_it_asks_for) {
    divide(10);
    byte_share hog{all}, other{all};
    ASSERT_TRUE(hog.take(100, 0, first));
    EXPECT_FALSE(hog.take(1, 0, second)) << "of the same LUN, which has enough";
    EXPECT_TRUE(other.take(9, 0, third));
    EXPECT_TRUE(other.take(50, 9, third)) << "it held less than 10";
    EXPECT_FALSE(other.take(1, 59, third));
}

TEST_F(byte_budgets, count_for_a_lun_what_was_taken_anyway) {
    divide(10);
    byte_share hog{all}, other{all};
    ASSERT_TRUE(hog.take(100, 0, first));
    other.take_anyway(10);
    EXPECT_FALSE(other.take(1, 0, second));
}

TEST_F(byte_budgets, tell_a_lun_whose_own_has_ended_before_those_who_wait_for_others) {
    divide(10);
    byte_share hog{all}, other{all};
    ASSERT_TRUE(hog.take(100, 0, first));
    ASSERT_TRUE(other.take(20, 0, second));
    wants(hog, first, 90, 1);
    wants(other, third, 90, 3);
    EXPECT_FALSE(hog.take(90, 0, first));
    EXPECT_FALSE(other.take(90, 0, third));
    other.give_back(20);
    EXPECT_THAT(served, ElementsAre(3));
    other.give_back(90);
    EXPECT_THAT(served, ElementsAre(3)) << "the first waits for the rest of its LUN";
    hog.give_back(100);
    EXPECT_THAT(served, ElementsAre(3, 1));
}

} // namespace
