#include "libiscsi/base/bytes.hpp"

#include <gtest/gtest.h>

#include <array>

namespace iscsi {
namespace {

template <std::size_t N>
std::array<std::byte, N> bytes_of(const unsigned (&values)[N]) {
    std::array<std::byte, N> made{};
    for (std::size_t i = 0; i < N; ++i)
        made[i] = static_cast<std::byte>(values[i]);
    return made;
}

const auto counting = bytes_of({0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef});

TEST(bytes, loads_network_byte_order) {
    EXPECT_EQ(load_be16(counting.data()), 0x0123U);
    EXPECT_EQ(load_be24(counting.data()), 0x012345U);
    EXPECT_EQ(load_be32(counting.data() + 4), 0x89abcdefU);
    EXPECT_EQ(load_be64(counting.data()), 0x0123456789abcdefU);
}

TEST(bytes, stores_network_byte_order) {
    std::array<std::byte, 8> made{};
    store_be64(made.data(), 0x0123456789abcdefU);
    EXPECT_EQ(made, counting);

    std::array<std::byte, 4> small{};
    store_be32(small.data(), 0x89abcdefU);
    EXPECT_EQ(small, bytes_of({0x89, 0xab, 0xcd, 0xef}));
    store_be16(small.data(), 0xfffeU);
    EXPECT_EQ(small, bytes_of({0xff, 0xfe, 0xcd, 0xef}));
}

TEST(bytes, stores_24_bits_and_leaves_the_neighbours) {
    auto made = bytes_of({0xaa, 0xaa, 0xaa, 0xaa, 0xaa});
    store_be24(made.data() + 1, 0x123456U);
    EXPECT_EQ(made, bytes_of({0xaa, 0x12, 0x34, 0x56, 0xaa}));
}

TEST(bytes, keeps_all_bits_of_the_largest_numbers) {
    std::array<std::byte, 8> made{};
    store_be64(made.data(), ~0ULL);
    EXPECT_EQ(load_be64(made.data()), ~0ULL);
    EXPECT_EQ(load_be24(made.data()), 0xffffffU);
}

TEST(bytes, works_at_compile_time) {
    constexpr auto round_trip = [] {
        std::array<std::byte, 4> made{};
        store_be32(made.data(), 0xdeadbeefU);
        return load_be32(made.data());
    }();
    static_assert(round_trip == 0xdeadbeefU);
}

} // namespace
} // namespace iscsi
