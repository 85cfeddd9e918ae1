#include "tests/support/registrations.hpp"

#include <gtest/gtest.h>

namespace iscsi::test {
namespace {

constexpr std::uint8_t conflict = 0x18;

struct registrations_test : testing::Test {
    const nexus alice = "iqn.alice,\x80\1\2\3\4\5";
    const nexus bob = "iqn.bob,\x80\1\2\3\4\5";

    std::uint8_t
    out(const nexus& from, unsigned action, std::uint64_t key, std::uint64_t other, unsigned type) {
        cdb_bytes cdb{
            std::byte{0x5f}, static_cast<std::byte>(action), static_cast<std::byte>(type)};
        cdb[8] = std::byte{24};
        std::array<std::byte, 24> list{};
        store_be64(list.data(), key);
        store_be64(list.data() + 8, other);
        return unit.answer_to(from, cdb, list)->status;
    }

    std::vector<std::byte> in(unsigned action) {
        cdb_bytes cdb{std::byte{0x5e}, static_cast<std::byte>(action)};
        cdb[7] = std::byte{4};
        return unit.answer_to(alice, cdb, {})->data;
    }

    // Of a READ(10) or a WRITE(10).
    bool is_refused(const nexus& from, unsigned operation) {
        const cdb_bytes cdb{static_cast<std::byte>(operation)};
        return unit.answer_to(from, cdb, {}).has_value();
    }

    registrations unit;
};

TEST_F(registrations_test, belong_to_a_nexus) {
    EXPECT_EQ(out(alice, 0, 0, 10, 0), 0);
    EXPECT_EQ(out(alice, 0, 0, 11, 0), conflict) << "another key is registered";
    EXPECT_EQ(out(bob, 1, 10, 0, 1), conflict) << "it is not bob's";
    EXPECT_EQ(out(alice, 1, 10, 0, 1), 0);
    EXPECT_EQ(in(0).size(), 16U);
    EXPECT_EQ(in(1).size(), 24U);
    const auto status = in(3);
    const std::string name = "iqn.alice,i,0x800102030405";
    ASSERT_GE(status.size(), 8 + 28 + name.size());
    for (std::size_t i = 0; i < name.size(); ++i)
        EXPECT_EQ(std::to_integer<char>(status[8 + 28 + i]), name[i]);
}

TEST_F(registrations_test, keep_others_out_by_their_type) {
    out(alice, 0, 0, 10, 0);
    out(bob, 0, 0, 11, 0);
    out(alice, 1, 10, 0, 1);
    EXPECT_FALSE(is_refused(alice, 0x2a));
    EXPECT_TRUE(is_refused(bob, 0x2a));
    EXPECT_FALSE(is_refused(bob, 0x28)) << "write-exclusive lets readers in";
    EXPECT_EQ(out(bob, 1, 11, 0, 1), conflict);
    EXPECT_EQ(out(alice, 2, 10, 0, 1), 0);
    out(alice, 1, 10, 0, 6);
    EXPECT_FALSE(is_refused(bob, 0x28)) << "a registrant";
    EXPECT_TRUE(is_refused("iqn.carol,\x80\1\2\3\4\5", 0x28));
}

TEST_F(registrations_test, are_preempted_and_cleared) {
    out(alice, 0, 0, 10, 0);
    out(bob, 0, 0, 11, 0);
    out(alice, 1, 10, 0, 3);
    EXPECT_TRUE(is_refused(bob, 0x28));
    EXPECT_EQ(out(bob, 4, 11, 12, 3), conflict) << "nobody has this key";
    EXPECT_EQ(out(bob, 4, 11, 10, 3), 0);
    EXPECT_TRUE(is_refused(alice, 0x28));
    EXPECT_FALSE(is_refused(bob, 0x2a));
    EXPECT_EQ(out(bob, 3, 11, 0, 0), 0);
    EXPECT_FALSE(is_refused(alice, 0x2a));
    EXPECT_EQ(in(0).size(), 8U);
}

} // namespace
} // namespace iscsi::test
