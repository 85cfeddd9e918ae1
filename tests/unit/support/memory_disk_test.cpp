#include "tests/support/memory_disk.hpp"

#include <gtest/gtest.h>

namespace iscsi::test {
namespace {

constexpr std::size_t block = 512;

std::vector<std::byte> filled(std::size_t blocks, unsigned value) {
    return std::vector<std::byte>(blocks * block, static_cast<std::byte>(value));
}

cdb_bytes cdb(unsigned code, unsigned flags, std::uint32_t first, std::uint16_t count) {
    cdb_bytes all{};
    all[0] = static_cast<std::byte>(code);
    all[1] = static_cast<std::byte>(flags);
    store_be32(all.data() + 2, first);
    store_be16(all.data() + 7, count);
    return all;
}

// A disk with a cache that a power cut empties.
class memory_disk_cache : public ::testing::Test {
  protected:
    void write(std::uint32_t first, std::uint16_t count, unsigned value, bool fua = false) {
        EXPECT_EQ(
            disk.execute(cdb(0x2a, fua ? 0x08 : 0, first, count), filled(count, value)).status, 0
        );
    }

    void flush(std::uint32_t first = 0, std::uint16_t count = 0) {
        EXPECT_EQ(disk.execute(cdb(0x35, 0, first, count), {}).status, 0);
    }

    void cut_power() {
        disk.cut_power([] { return false; });
    }

    // What a READ gives for the block.
    unsigned at(std::uint32_t which) {
        const auto answer = disk.execute(cdb(0x28, 0, which, 1), {});
        EXPECT_EQ(answer.data.size(), block);
        for (const std::byte each : answer.data)
            EXPECT_EQ(each, answer.data.front());
        return std::to_integer<unsigned>(answer.data.front());
    }

    memory_disk disk{{.size = 64 * block, .loses_cache = true}};
};

TEST_F(memory_disk_cache, loses_what_was_not_flushed) {
    write(1, 2, 7);
    EXPECT_EQ(at(1), 7U);
    cut_power();
    EXPECT_EQ(at(1), 0U);
    EXPECT_EQ(at(2), 0U);
}

TEST_F(memory_disk_cache, keeps_what_was_flushed) {
    write(1, 1, 7);
    flush();
    write(1, 1, 8);
    write(1, 1, 9);
    cut_power();
    EXPECT_EQ(at(1), 7U);
}

TEST_F(memory_disk_cache, flushes_what_it_is_asked_to) {
    write(0, 8, 7);
    flush(2, 3);
    cut_power();
    EXPECT_EQ(at(1), 0U);
    EXPECT_EQ(at(2), 7U);
    EXPECT_EQ(at(4), 7U);
    EXPECT_EQ(at(5), 0U);
    write(0, 8, 7);
    flush(6, 0); // to the end
    cut_power();
    EXPECT_EQ(at(5), 0U);
    EXPECT_EQ(at(7), 7U);
}

TEST_F(memory_disk_cache, a_fua_write_is_on_the_medium) {
    write(1, 1, 7, true);
    write(2, 1, 7);
    cut_power();
    EXPECT_EQ(at(1), 7U);
    EXPECT_EQ(at(2), 0U);
}

TEST_F(memory_disk_cache, may_lose_any_part) {
    write(0, 4, 7);
    bool keeps = false;
    disk.cut_power([&keeps] { return keeps = !keeps; });
    EXPECT_EQ(at(0) + at(1) + at(2) + at(3), 14U);
    cut_power();
    EXPECT_EQ(at(0) + at(1) + at(2) + at(3), 14U) << "what was kept is on the medium";
}

TEST_F(memory_disk_cache, loses_zeroes_too) {
    write(0, 4, 7);
    flush();
    EXPECT_EQ(disk.execute(cdb(0x41, 0x08, 0, 2), filled(1, 0)).status, 0); // WRITE SAME(10), UNMAP
    std::vector<std::byte> list(24);
    store_be16(list.data(), 22);
    store_be16(list.data() + 2, 16);
    store_be64(list.data() + 8, 2);
    store_be32(list.data() + 16, 1);
    EXPECT_EQ(disk.execute(cdb(0x42, 0, 0, 24), list).status, 0); // UNMAP
    EXPECT_EQ(at(0) + at(2), 0U);
    cut_power();
    EXPECT_EQ(at(0), 7U);
    EXPECT_EQ(at(2), 7U);
}

TEST_F(memory_disk_cache, may_lie) {
    disk.ignore_flushes();
    write(0, 1, 7);
    write(1, 1, 7, true);
    flush();
    EXPECT_EQ(disk.flushes(), 1U);
    cut_power();
    EXPECT_EQ(at(0) + at(1), 0U);
}

TEST(memory_disk, loses_nothing_without_such_a_cache) {
    memory_disk disk{{.size = 64 * block}};
    EXPECT_EQ(disk.execute(cdb(0x2a, 0, 0, 1), filled(1, 7)).status, 0);
    disk.cut_power([] { return false; });
    EXPECT_EQ(disk.content().front(), std::byte{7});
}

} // namespace
} // namespace iscsi::test
