#include "tests/support/memory_target.hpp"
#include "tests/support/target_link.hpp"

#include <gtest/gtest.h>

namespace iscsi::test {
namespace {

class memory_target_sessions : public ::testing::Test {
  protected:
    memory_target_sessions() { target.enter(host, isid, first); }

    const std::string host = "iqn.2026-01.org.example:host";
    const isid_field isid{std::byte{0x80}};
    memory_target target;
    target_link first{target}, second{target}, third{target};
};

// RFC 7143 §6.3.5: the former connection ends, as often as the session is reinstated.
TEST_F(memory_target_sessions, are_reinstated_by_a_login_of_the_same_name_and_isid) {
    target.enter(host, isid, second);
    EXPECT_TRUE(first.is_over());
    EXPECT_FALSE(second.is_over());

    target.enter(host, isid, third);
    EXPECT_TRUE(second.is_over());
    EXPECT_FALSE(third.is_over());
}

TEST_F(memory_target_sessions, are_left_alone_by_a_login_of_another_name_or_isid) {
    target.enter("iqn.2026-01.org.example:other", isid, second);
    target.enter(host, isid_field{std::byte{0x81}}, third);
    EXPECT_FALSE(first.is_over());
}

} // namespace
} // namespace iscsi::test
