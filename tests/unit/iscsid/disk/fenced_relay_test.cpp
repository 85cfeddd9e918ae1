#include "iscsid/disk/fence_file.hpp"
#include "iscsid/disk/fenced_relay.hpp"

#include <gtest/gtest.h>

#include <stdlib.h>

#include <filesystem>

namespace iscsid::disk {
namespace {

using lane::operation;

struct relay_of_a_disk : testing::Test {
    relay_of_a_disk() {
        std::string name = testing::TempDir() + "relay.XXXXXX";
        folder = ::mkdtemp(name.data());
    }

    ~relay_of_a_disk() override { std::filesystem::remove_all(folder); }

    relay_pointer found(const queue_owners& of) {
        auto relay = find_relay(folder, of, [this](const auto& words) { told.push_back(words); });
        EXPECT_TRUE(relay.has_value()) << relay.error().text();
        return relay.has_value() ? *std::move(relay) : nullptr;
    }

    std::string refusal(const queue_owners& of) const {
        const auto relay = find_relay(folder, of, {});
        return relay.has_error() ? relay.error().text() : "";
    }

    std::string folder;
    const queue_owners of_two{"ublkb3", 0xfeed, 2, {4, 5}};
    std::vector<std::string> told;
};

TEST_F(relay_of_a_disk, of_one_session_is_none) {
    const auto relay = make_relay(folder, {"ublkb3", 0xfeed, 1, {4}});
    ASSERT_TRUE(relay.has_value());
    EXPECT_EQ(*relay, nullptr);
    EXPECT_EQ(found({"ublkb3", 0xfeed, 1, {4}}), nullptr);
    EXPECT_FALSE(has_fence(folder, 0xfeed));
}

TEST_F(relay_of_a_disk, begins_with_a_note_of_its_own) {
    fence_file::open(folder, 0xfeed).value()->note_sessions({7, 8}, true); // of an earlier disk
    const auto relay = make_relay(folder, of_two);
    ASSERT_TRUE(relay.has_value());
    EXPECT_EQ((*relay)->fence()->raised(), 0U);
    EXPECT_TRUE(fence_file::open(folder, 0xfeed).value()->has_sessions({4, 5}));
}

TEST_F(relay_of_a_disk, that_cannot_note_anything_is_none_of_several) {
    EXPECT_TRUE(make_relay(folder + "/missing", of_two).has_error());
}

TEST_F(relay_of_a_disk, that_was_left_goes_by_what_was_noted) {
    const auto relay = make_relay(folder, of_two).value();
    const auto fence = relay->fence();
    fence->raise(1);
    const auto now = found(of_two)->fence();
    EXPECT_TRUE(now->is_left());
    EXPECT_EQ(now->raised(), 1U);
    EXPECT_TRUE(now->was_raised(1));
    EXPECT_TRUE(told.empty());
}

// Of each the first answer shows that nothing of before runs any more.
TEST_F(relay_of_a_disk, without_a_note_holds_each_session_up_until_the_others_have_an_answer) {
    const auto fence = found(of_two)->fence();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_NE(told[0].find("ublkb3: "), std::string::npos) << told[0];
    EXPECT_NE(told[0].find("/fences/feed: missing"), std::string::npos) << told[0];
    lane::fence_post one({fence, 0});
    lane::fence_post two({fence, 1});
    EXPECT_TRUE(one.bars(operation::write));
    EXPECT_TRUE(two.bars(operation::write));
    one.answered(one.age());
    EXPECT_TRUE(one.bars(operation::write));
    EXPECT_FALSE(two.bars(operation::write));
    two.answered(two.age());
    EXPECT_FALSE(one.bars(operation::write));
}

TEST_F(relay_of_a_disk, that_was_left_goes_on_where_nothing_can_be_noted) {
    const std::string folder_that_is_there = folder;
    folder += "/missing";
    const auto fence = found(of_two)->fence();
    EXPECT_EQ(told.size(), 1U);
    EXPECT_EQ(fence->raised(), 2U);
    fence->lower(1);
    EXPECT_EQ(fence->raised(), 1U);
    folder = folder_that_is_there;
}

TEST_F(relay_of_a_disk, has_the_sessions_that_it_had) {
    ASSERT_TRUE(make_relay(folder, of_two).has_value());
    EXPECT_NE(refusal({"ublkb3", 0xfeed, 2, {5, 6}}).find("other sessions"), std::string::npos);
    EXPECT_NE(refusal({"ublkb3", 0xfeed, 2, {4}}).find("1 sessions"), std::string::npos);
    EXPECT_NE(refusal({"ublkb3", 0xfeed, 1, {5}}).find("other sessions"), std::string::npos);
    EXPECT_EQ(refusal({"ublkb3", 0xfeed, 1, {4}}), "");
    EXPECT_EQ(refusal(of_two), "");
}

TEST_F(relay_of_a_disk, fences_the_sessions_that_have_a_queue) {
    ASSERT_TRUE(make_relay(folder, {"ublkb3", 0xfeed, 1, {4, 5}}).has_value());
    EXPECT_EQ(found({"ublkb3", 0xfeed, 1, {4, 6}})->fence()->raised(), 0U);
    forget_fence(folder, 0xfeed);
    EXPECT_EQ(found({"ublkb3", 0xfeed, 1, {4, 5}})->fence()->raised(), 1U);
}

} // namespace
} // namespace iscsid::disk
