#include "iscsiadm/cli/lun.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iscsi::cli {
namespace {

using testing::HasSubstr;

TEST(lun_number, is_what_linux_counts) {
    EXPECT_EQ(*parse_lun("0"), 0U);
    EXPECT_EQ(*parse_lun("255"), 255U);
    EXPECT_EQ(*parse_lun("256"), 16640U); // 41 00: flat, SAM-5 §4.7.7.3
    EXPECT_EQ(*parse_lun("16383"), 32767U);
    EXPECT_EQ(*parse_lun("0x4100000000000000"), 16640U);
    EXPECT_EQ(*parse_lun("0x0005000000000000"), 5U);
    EXPECT_EQ(*parse_lun("0x4100000200000000"), 0x24100U);
}

TEST(lun_number, comes_back_from_its_written_form) {
    for (const std::uint64_t number :
         {0ULL, 7ULL, 255ULL, 256ULL, 16383ULL, 16385ULL, 16640ULL, 32767ULL, 0x24100ULL, ~0ULL}) {
        const auto read = parse_lun(written_lun(number));
        ASSERT_TRUE(read) << written_lun(number);
        EXPECT_EQ(*read, number);
    }
    EXPECT_EQ(written_lun(16640), "256");
}

TEST(lun_number, is_refused_in_a_sentence_when_it_is_none) {
    for (const char* text :
         {"",
          "-1",
          "+1",
          " 1",
          "1 ",
          "x",
          "1x",
          "0x",
          "0x41",
          "0x41000000000000000",
          "16384",
          "99999999999999999999",
          "0xg100000000000000"}) {
        const auto read = parse_lun(text);
        ASSERT_FALSE(read) << text;
        EXPECT_EQ(read.error().code, admin::exit_code::invalid);
        EXPECT_THAT(
            read.error().lines.front(),
            HasSubstr("Invalid LUN '" + std::string(text) + "'. It must be from 0 to 16383")
        );
    }
    EXPECT_THAT(parse_lun("16640").error().lines.front(), HasSubstr("did you mean --lun 256?"));
    EXPECT_THAT(
        parse_lun("16385").error().lines.front(),
        HasSubstr("did you mean --lun 0x4001000000000000?")
    );
}

} // namespace
} // namespace iscsi::cli
