#include "libiscsi/base/crc32c.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace iscsi {
namespace {

// The value as it stands on the wire (RFC 7143 §13.1 and Appendix A.4), read as a number.
std::uint32_t on_the_wire(std::uint32_t crc) {
    return __builtin_bswap32(crc);
}

std::vector<std::byte> thirty_two(std::uint8_t first, int step) {
    std::vector<std::byte> data(32);
    std::generate(data.begin(), data.end(), [value = int{first}, step]() mutable {
        const auto byte = static_cast<std::byte>(value);
        value += step;
        return byte;
    });
    return data;
}

std::vector<std::byte> noise(std::size_t size) {
    std::vector<std::byte> data(size);
    std::generate(data.begin(), data.end(), [state = 0x2545'f491U]() mutable {
        state = state * 1'664'525U + 1'013'904'223U;
        return static_cast<std::byte>(state >> 24U);
    });
    return data;
}

// One bit at a time, as the polynomial is defined: the judge of all forms.
std::uint32_t bit_by_bit(bytes_view data) {
    std::uint32_t state = ~0U;
    for (const std::byte byte : data) {
        state ^= std::to_integer<std::uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit)
            state = (state >> 1U) ^ ((state & 1U) != 0 ? 0x82f6'3b78U : 0U);
    }
    return ~state;
}

constexpr auto table = [](bytes_view data, std::uint32_t crc) {
    return crc32c_forms().back().digest(data, crc);
};

class crc32c_form_test : public testing::TestWithParam<std::size_t> {
  protected:
    void SetUp() override {
        if (!form().available)
            GTEST_SKIP() << "this processor has no instructions for " << form().name;
    }

    static const crc32c_form& form() { return crc32c_forms()[GetParam()]; }

    static std::uint32_t crc(bytes_view data, std::uint32_t before) {
        return form().digest(data, before);
    }
};

TEST_P(crc32c_form_test, gives_the_vectors_of_rfc_7143) {
    EXPECT_EQ(on_the_wire(crc(thirty_two(0, 0), 0)), 0xaa36918aU);
    EXPECT_EQ(on_the_wire(crc(thirty_two(0xff, 0), 0)), 0x43aba862U);
    EXPECT_EQ(on_the_wire(crc(thirty_two(0, 1), 0)), 0x4e79dd46U);
    EXPECT_EQ(on_the_wire(crc(thirty_two(31, -1), 0)), 0x5cdb3f11U);
}

TEST_P(crc32c_form_test, of_nothing_is_what_came_before) {
    EXPECT_EQ(crc({}, 0), 0U);
    EXPECT_EQ(crc({}, 0x1234'5678U), 0x1234'5678U);
}

TEST_P(crc32c_form_test, equals_the_definition_at_all_alignments_and_lengths) {
    const auto data = noise(160);
    for (std::size_t start = 0; start < 16; ++start)
        for (std::size_t length = 0; start + length <= data.size(); ++length) {
            const auto piece = bytes_view(data).subspan(start, length);
            ASSERT_EQ(crc(piece, 0), bit_by_bit(piece)) << start << "+" << length;
        }
}

TEST_P(crc32c_form_test, equals_the_definition_around_the_lanes) {
    const auto data = noise(3 * 3 * 512 + 32);
    for (const std::size_t middle : {511U, 1536U, 3072U, 4608U})
        for (std::size_t length = middle - 9; length <= middle + 9; ++length)
            for (std::size_t start = 0; start < 8; ++start) {
                const auto piece = bytes_view(data).subspan(start, length);
                ASSERT_EQ(crc(piece, 0), bit_by_bit(piece)) << start << "+" << length;
            }
}

// Longer than the longest step of any form and what it needs before it begins; the table, proven
// above bit by bit, takes one byte after the other.
TEST_P(crc32c_form_test, equals_the_table_at_all_alignments_and_lengths) {
    constexpr std::size_t cache_line = 64;
    constexpr std::size_t longest = 2 * 1536 + 300;
    const auto data = noise(cache_line + longest + 1);
    const std::size_t step = form().name == "table" ? 13 : 1; // it judges itself here
    for (std::size_t start = 0; start < cache_line; start += step) {
        std::uint32_t judge = 0x89ab'cdefU;
        for (std::size_t length = 0; length <= longest; ++length) {
            const auto piece = bytes_view(data).subspan(start, length);
            ASSERT_EQ(crc(piece, 0x89ab'cdefU), judge) << start << "+" << length;
            judge = table(bytes_view(data).subspan(start + length, 1), judge);
        }
    }
}

TEST_P(crc32c_form_test, can_be_taken_in_pieces) {
    const auto data = noise(2000);
    const std::uint32_t whole = crc(data, 0);
    for (std::size_t cut = 0; cut <= data.size(); cut += 7) {
        const auto first = bytes_view(data).first(cut);
        const auto second = bytes_view(data).subspan(cut);
        ASSERT_EQ(crc(second, crc(first, 0)), whole) << cut;
    }
}

TEST_P(crc32c_form_test, notices_every_flipped_bit) {
    auto data = noise(48);
    const std::uint32_t whole = crc(data, 0);
    for (std::size_t bit = 0; bit < data.size() * 8; ++bit) {
        const auto mask = std::byte{1} << (bit % 8);
        data[bit / 8] ^= mask;
        EXPECT_NE(crc(data, 0), whole) << bit;
        data[bit / 8] ^= mask;
    }
}

INSTANTIATE_TEST_SUITE_P(
    all,
    crc32c_form_test,
    testing::Range<std::size_t>(0, crc32c_forms().size()),
    [](const auto& test) { return std::string(crc32c_forms()[test.param].name); }
);

TEST(crc32c, chosen_form_agrees_with_the_table) {
    const auto data = noise(10'000);
    EXPECT_EQ(crc32c(data), table(data, 0));
}

TEST(crc32c, forms_end_with_one_that_is_always_there) {
    EXPECT_EQ(crc32c_forms().back().name, "table");
    EXPECT_TRUE(crc32c_forms().back().available);
}

TEST(crc32c, copies_and_digests_in_one_pass) {
    for (const std::size_t size : {0U, 1U, 8191U, 8192U, 8193U, 70'000U}) {
        const auto from = noise(size);
        std::vector<std::byte> to(size + 1, std::byte{0x5a});
        EXPECT_EQ(copy_with_crc32c(to, from, 7), crc32c(from, 7)) << size;
        EXPECT_TRUE(std::equal(from.begin(), from.end(), to.begin())) << size;
        EXPECT_EQ(to.back(), std::byte{0x5a}) << size;
    }
}

} // namespace
} // namespace iscsi
