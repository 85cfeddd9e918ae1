#include "libiscsi/base/crc32c.hpp"

#include <gtest/gtest.h>

#include <algorithm>
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

// One bit at a time, as the polynomial is defined: the judge of both forms.
std::uint32_t bit_by_bit(bytes_view data) {
    std::uint32_t state = ~0U;
    for (const std::byte byte : data) {
        state ^= std::to_integer<std::uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit)
            state = (state >> 1U) ^ ((state & 1U) != 0 ? 0x82f6'3b78U : 0U);
    }
    return ~state;
}

using form = std::uint32_t (*)(bytes_view, std::uint32_t);

class crc32c_form : public testing::TestWithParam<form> {
  protected:
    void SetUp() override {
        if (GetParam() == crc32c_sse42 && !crc32c_sse42_available())
            GTEST_SKIP() << "this processor has no SSE4.2";
    }
};

TEST_P(crc32c_form, gives_the_vectors_of_rfc_7143) {
    const form crc = GetParam();
    EXPECT_EQ(on_the_wire(crc(thirty_two(0, 0), 0)), 0xaa36918aU);
    EXPECT_EQ(on_the_wire(crc(thirty_two(0xff, 0), 0)), 0x43aba862U);
    EXPECT_EQ(on_the_wire(crc(thirty_two(0, 1), 0)), 0x4e79dd46U);
    EXPECT_EQ(on_the_wire(crc(thirty_two(31, -1), 0)), 0x5cdb3f11U);
}

TEST_P(crc32c_form, of_nothing_is_what_came_before) {
    EXPECT_EQ(GetParam()({}, 0), 0U);
    EXPECT_EQ(GetParam()({}, 0x1234'5678U), 0x1234'5678U);
}

TEST_P(crc32c_form, equals_the_definition_at_all_alignments_and_lengths) {
    const auto data = noise(160);
    for (std::size_t start = 0; start < 16; ++start)
        for (std::size_t length = 0; start + length <= data.size(); ++length) {
            const auto piece = bytes_view(data).subspan(start, length);
            ASSERT_EQ(GetParam()(piece, 0), bit_by_bit(piece)) << start << "+" << length;
        }
}

TEST_P(crc32c_form, equals_the_definition_around_the_lanes) {
    const auto data = noise(3 * 3 * 512 + 32);
    for (const std::size_t middle : {511U, 1536U, 3072U, 4608U})
        for (std::size_t length = middle - 9; length <= middle + 9; ++length)
            for (std::size_t start = 0; start < 8; ++start) {
                const auto piece = bytes_view(data).subspan(start, length);
                ASSERT_EQ(GetParam()(piece, 0), bit_by_bit(piece)) << start << "+" << length;
            }
}

TEST_P(crc32c_form, can_be_taken_in_pieces) {
    const auto data = noise(2000);
    const std::uint32_t whole = GetParam()(data, 0);
    for (std::size_t cut = 0; cut <= data.size(); cut += 7) {
        const auto first = bytes_view(data).first(cut);
        const auto second = bytes_view(data).subspan(cut);
        ASSERT_EQ(GetParam()(second, GetParam()(first, 0)), whole) << cut;
    }
}

TEST_P(crc32c_form, notices_every_flipped_bit) {
    auto data = noise(48);
    const std::uint32_t whole = GetParam()(data, 0);
    for (std::size_t bit = 0; bit < data.size() * 8; ++bit) {
        const auto mask = std::byte{1} << (bit % 8);
        data[bit / 8] ^= mask;
        EXPECT_NE(GetParam()(data, 0), whole) << bit;
        data[bit / 8] ^= mask;
    }
}

INSTANTIATE_TEST_SUITE_P(
    both,
    crc32c_form,
    testing::Values(crc32c_table, crc32c_sse42),
    [](const auto& test) { return test.param == crc32c_table ? "table" : "sse42"; }
);

TEST(crc32c, chosen_form_agrees_with_the_table) {
    const auto data = noise(10'000);
    EXPECT_EQ(crc32c(data), crc32c_table(data));
}

} // namespace
} // namespace iscsi
