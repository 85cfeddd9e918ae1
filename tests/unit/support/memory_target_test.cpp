#include "tests/support/memory_target.hpp"
#include "tests/support/target_link.hpp"

#include <gtest/gtest.h>

namespace iscsi::test {
namespace {

// RFC 7143 §6.3.5: the former connection ends, as often as the session is reinstated.
TEST(memory_target, login_reinstates_the_session_of_the_same_name_and_isid) {
    memory_target target;
    target_link first(target), second(target), third(target);
    const isid_field isid{std::byte{0x80}};

    target.enter("iqn.2026-01.org.example:host", isid, first);
    target.enter("iqn.2026-01.org.example:host", isid, second);
    EXPECT_TRUE(first.is_over());
    EXPECT_FALSE(second.is_over());

    target.enter("iqn.2026-01.org.example:host", isid, third);
    EXPECT_TRUE(second.is_over());
    EXPECT_FALSE(third.is_over());
}

TEST(memory_target, login_of_another_name_or_isid_leaves_a_session_alone) {
    memory_target target;
    target_link first(target), of_other_name(target), of_other_isid(target);
    const isid_field isid{std::byte{0x80}};

    target.enter("iqn.2026-01.org.example:host", isid, first);
    target.enter("iqn.2026-01.org.example:other", isid, of_other_name);
    target.enter("iqn.2026-01.org.example:host", isid_field{std::byte{0x81}}, of_other_isid);
    EXPECT_FALSE(first.is_over());
}

} // namespace
} // namespace iscsi::test
