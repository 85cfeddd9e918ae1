#include "iscsiadm/cli/nearest.hpp"

#include <gtest/gtest.h>

#include <array>

namespace iscsi::cli {
namespace {

constexpr std::array<std::string_view, 4> modes_known{"node", "session", "iface", "fw"};

TEST(nearest_word, takes_letters_that_are_missing_too_many_others_or_exchanged) {
    EXPECT_EQ(nearest_word("node", modes_known), "node");
    EXPECT_EQ(nearest_word("nodes", modes_known), "node");
    EXPECT_EQ(nearest_word("nod", modes_known), "node");
    EXPECT_EQ(nearest_word("nide", modes_known), "node");
    EXPECT_EQ(nearest_word("ifcae", modes_known), "iface");
    EXPECT_EQ(nearest_word("sesion", modes_known), "session");
}

TEST(nearest_word, takes_nothing_that_is_far_away) {
    for (const char* word : {"", "x", "fs", "bogus", "3260", "interface", "sess"})
        EXPECT_EQ(nearest_word(word, modes_known), std::nullopt) << word;
}

} // namespace
} // namespace iscsi::cli
