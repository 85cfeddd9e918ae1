#include "iscsid/disk/fuse_way.hpp"

#include <gtest/gtest.h>

namespace {

using iscsid::disk::choose_way;
using iscsid::disk::fuse_shape;
using iscsid::disk::processors_in;
using iscsid::disk::ring_facts;
using iscsid::disk::ring_wish;
using iscsid::disk::with_queues;

ring_facts all_is_well(ring_wish wish = ring_wish::automatic) {
    return {wish, true, false, "Y", 4, false};
}

std::string way_of(const ring_facts& facts) {
    return choose_way(facts).words;
}

TEST(fuse_way, is_io_uring_where_everything_is_there) {
    EXPECT_TRUE(choose_way(all_is_well()).by_ring);
    EXPECT_TRUE(choose_way(all_is_well(ring_wish::yes)).by_ring);
    EXPECT_FALSE(choose_way(all_is_well(ring_wish::no)).by_ring);
    EXPECT_EQ(way_of(all_is_well()), "requests come by io_uring");
}

TEST(fuse_way, says_why_it_is_not_io_uring) {
    auto facts = all_is_well();
    facts.processors = 17;
    EXPECT_NE(way_of(facts).find("17 processors"), std::string::npos);
    facts.was_refused = true;
    EXPECT_NE(way_of(facts).find("was refused for a disk"), std::string::npos);
    facts.enable_uring = "N";
    EXPECT_NE(way_of(facts).find("enable_uring of the module fuse is N"), std::string::npos);
    facts.enable_uring.clear();
    EXPECT_NE(way_of(facts).find("Linux 6.14"), std::string::npos);
    facts.has_io_uring = false;
    EXPECT_NE(way_of(facts).find("there is no io_uring"), std::string::npos);
    facts.wish = ring_wish::no;
    EXPECT_NE(way_of(facts).find("as configured"), std::string::npos);
    for (const auto processors : {0U, 17U}) {
        auto other = all_is_well(ring_wish::yes);
        other.processors = processors;
        EXPECT_FALSE(choose_way(other).by_ring) << processors;
    }
}

TEST(fuse_way, takes_no_disk_its_life_unless_that_is_wanted) {
    auto facts = all_is_well();
    facts.is_kept = true;
    EXPECT_FALSE(choose_way(facts).by_ring);
    EXPECT_NE(way_of(facts).find("outlive the daemon"), std::string::npos);
    facts.wish = ring_wish::yes;
    EXPECT_TRUE(choose_way(facts).by_ring);
}

TEST(fuse_way, counts_the_processors_of_a_list) {
    EXPECT_EQ(processors_in("0"), 1U);
    EXPECT_EQ(processors_in("0-1"), 2U);
    EXPECT_EQ(processors_in("0-3,8,10-11"), 7U);
    for (const auto* const bad : {"", "x", "0-", "-1", "3-1", "0,", "0-3 ", "0;1"})
        EXPECT_EQ(processors_in(bad), 0U) << bad;
}

TEST(fuse_way, has_as_many_buffers_as_slots_and_sixteen_in_each_queue) {
    for (const auto& [processors, depth] :
         {std::pair{1U, 64U}, {2U, 32U}, {4U, 16U}, {8U, 16U}, {16U, 16U}}) {
        const auto shape = with_queues({}, processors);
        EXPECT_EQ(shape.queues, processors);
        EXPECT_EQ(shape.depth, depth);
        EXPECT_EQ(shape.slots, fuse_shape{}.slots);
    }
}

} // namespace
