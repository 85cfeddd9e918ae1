#include "libiscsi/admin/reservation_words.hpp"

#include <gtest/gtest.h>

namespace iscsi::admin {
namespace {

TEST(reservation_words, keys_are_decimal_or_behind_0x) {
    EXPECT_EQ(read_reservation_key("0"), 0U);
    EXPECT_EQ(read_reservation_key("10"), 10U);
    EXPECT_EQ(read_reservation_key("0x10"), 16U);
    EXPECT_EQ(read_reservation_key("0XaBcDef"), 0xabcdefU);
    EXPECT_EQ(read_reservation_key("0xffffffffffffffff"), 0xffffffffffffffffU);
    EXPECT_EQ(read_reservation_key("18446744073709551615"), 0xffffffffffffffffU);
    for (const auto* bad :
         {"",
          "0x",
          "-1",
          "+1",
          " 1",
          "1 ",
          "abc",
          "0x1ffffffffffffffff",
          "18446744073709551616",
          "0x-1",
          "1.5"})
        EXPECT_FALSE(read_reservation_key(bad)) << bad;
}

TEST(reservation_words, keys_are_shown_as_they_are_read) {
    for (const std::uint64_t key : {std::uint64_t{0}, std::uint64_t{31}, ~std::uint64_t{0}})
        EXPECT_EQ(read_reservation_key(reservation_key_text(key)), key);
    EXPECT_EQ(reservation_key_text(0x1f), "0x1f");
}

TEST(reservation_words, types_are_those_of_the_standard) {
    EXPECT_EQ(reservation_types().size(), 6U);
    for (const auto& row : reservation_types()) {
        EXPECT_EQ(reservation_type_of(row.word), row.code);
        EXPECT_EQ(reservation_type_word(row.code), row.word);
    }
    EXPECT_EQ(reservation_type_of("write-exclusive-all-registrants"), 7);
    EXPECT_FALSE(reservation_type_of("write_exclusive"));
    EXPECT_EQ(reservation_type_word(2), "type 2");
}

TEST(reservation_words, every_verb_is_found) {
    for (const auto& row : reserve_verbs()) {
        ASSERT_NE(find_reserve_verb(row.word), nullptr);
        EXPECT_EQ(find_reserve_verb(row.word)->verb, row.verb);
        EXPECT_EQ(row_of(row.verb).word, row.word);
        const bool asks = row.word.starts_with("read-") || row.word.starts_with("report-");
        EXPECT_EQ(row.changes(), !asks) << row.word;
    }
    EXPECT_EQ(find_reserve_verb("reser"), nullptr);
}

} // namespace
} // namespace iscsi::admin
