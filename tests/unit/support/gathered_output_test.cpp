#include "tests/support/gathered_output.hpp"
#include "tests/support/pdu_stream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace {

using namespace iscsi;
using namespace iscsi::test;
using testing::Each;

void copy(gathered_output& to, std::string_view text) {
    const auto bytes = bytes_of(text);
    to.bytes().insert(to.bytes().end(), bytes.begin(), bytes.end());
}

std::string text_of(const std::vector<std::byte>& bytes) {
    std::string text;
    for (const auto each : bytes)
        text += each == std::byte{0} ? '.' : static_cast<char>(each);
    return text;
}

TEST(gathered_output, keeps_the_order_of_what_is_copied_and_what_is_named) {
    gathered_output output;
    EXPECT_TRUE(output.is_empty());
    output.name(zero_bytes(1));
    copy(output, "ab");
    output.name(zero_bytes(2));
    output.name(zero_bytes(1));
    copy(output, "c");
    EXPECT_EQ(output.size(), 7U);
    gathered_output more;
    copy(more, "d");
    more.name(zero_bytes(3));
    output.append(std::move(more));
    EXPECT_EQ(output.pieces().size(), 6U);
    EXPECT_EQ(text_of(output.take_flat()), ".ab...cd...");
    EXPECT_TRUE(output.is_empty());
    EXPECT_TRUE(output.pieces().empty());
}

TEST(gathered_output, takes_over_what_is_appended_to_nothing) {
    gathered_output more;
    copy(more, "a");
    more.name(zero_bytes(2));
    gathered_output output;
    output.append(std::move(more));
    EXPECT_EQ(text_of(output.take_flat()), "a..");
}

TEST(zero_bytes, are_zeros_that_are_told_from_others) {
    const auto zeros = zero_bytes(100'000);
    EXPECT_THAT(zeros, Each(std::byte{0}));
    EXPECT_TRUE(are_lasting(zeros.subspan(17, 5)));
    EXPECT_TRUE(are_lasting(zero_bytes(most_zero_bytes)));
    const std::vector<std::byte> others(10);
    EXPECT_FALSE(are_lasting(others));
    EXPECT_FALSE(are_lasting({}));
}

// What is named must be on the wire what it would be copied: padding and digests, too.
TEST(append_pdu, has_the_same_bytes_for_data_that_are_named) {
    constexpr digests both{digest::crc32c, digest::crc32c};
    for (const std::size_t length : {1U, 4U, 4096U, 65537U}) {
        basic_header header{};
        encode(target_pdu(data_in{}), static_cast<std::uint32_t>(length), header);
        gathered_output named;
        append_pdu(named, header, zero_bytes(length), both);
        std::vector<std::byte> copied;
        append_pdu(copied, header, std::vector<std::byte>(length), both);
        EXPECT_EQ(named.pieces().size(), length % 4 == 0 ? 3U : 1U) << length;
        EXPECT_EQ(named.take_flat(), copied) << length;
        pdu_cutter cutter;
        cutter.use(both);
        cutter.feed(copied);
        const auto read = cutter.next();
        ASSERT_TRUE(read.has_value() && *read) << length;
        EXPECT_EQ((*read)->data.size(), length);
    }
}

} // namespace
