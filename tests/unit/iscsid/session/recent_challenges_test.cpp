#include "iscsid/session/recent_challenges.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace iscsid::session {
namespace {

std::vector<std::byte> numbered(std::size_t number) {
    return {std::byte{1}, static_cast<std::byte>(number >> 8U), static_cast<std::byte>(number)};
}

TEST(recent_challenges, knows_what_was_issued_and_nothing_else) {
    recent_challenges watch;
    EXPECT_FALSE(watch.is_ours(numbered(1)));
    watch.issued(numbered(1));
    EXPECT_TRUE(watch.is_ours(numbered(1)));
    EXPECT_FALSE(watch.is_ours(numbered(2)));
    EXPECT_FALSE(watch.is_ours(iscsi::bytes_view(numbered(1)).first(2)));
}

TEST(recent_challenges, forgets_the_oldest_first) {
    recent_challenges watch;
    for (std::size_t i = 0; i < recent_challenges::most + 2; ++i)
        watch.issued(numbered(i));
    EXPECT_FALSE(watch.is_ours(numbered(0)));
    EXPECT_FALSE(watch.is_ours(numbered(1)));
    EXPECT_TRUE(watch.is_ours(numbered(2)));
    EXPECT_TRUE(watch.is_ours(numbered(recent_challenges::most + 1)));
}

TEST(recent_challenges, may_be_used_by_several_threads) {
    recent_challenges watch;
    std::thread other([&watch] {
        for (std::size_t i = 0; i < 2000; ++i)
            watch.issued(numbered(i));
    });
    for (std::size_t i = 0; i < 2000; ++i)
        (void)watch.is_ours(numbered(i));
    other.join();
    EXPECT_TRUE(watch.is_ours(numbered(1999)));
}

} // namespace
} // namespace iscsid::session
