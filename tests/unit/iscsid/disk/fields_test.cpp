#include "iscsid/disk/kernel/errors.hpp"
#include "iscsid/disk/kernel/fields.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace iscsid::disk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(fields, come_back_as_they_were_with_any_bytes) {
    const fields all{"bind", "", std::string("\0\n\xff", 3), std::string(3000, 'x')};
    const auto back = decode(encode(all));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, all);
    EXPECT_THAT(*decode(""), IsEmpty());
}

TEST(fields, have_a_largest_message) {
    const std::size_t room = longest_message - 2;
    EXPECT_EQ(encode({std::string(room, 'x')}).size(), longest_message);
    EXPECT_TRUE(encode({std::string(room + 1, 'x')}).empty());
    EXPECT_TRUE(encode({std::string(std::size_t{1} << 20U, 'x')}).empty());
}

TEST(fields, that_are_cut_anywhere_else_than_between_two_are_refused) {
    const std::string whole = encode({"set", "nbd0", "5000"});
    for (std::size_t length = 0; length <= whole.size(); ++length) {
        const bool between = length == 0 || length == 5 || length == 11 || length == whole.size();
        EXPECT_EQ(decode(whole.substr(0, length)).has_value(), between) << length;
    }
}

TEST(argument_reader, takes_texts_numbers_and_flags_in_turn) {
    const fields request{"name", "loop3", "18446744073709551615", "1"};
    argument_reader from(request);
    EXPECT_EQ(from.text(), "loop3");
    EXPECT_FALSE(from.is_complete()); // more is there
    EXPECT_EQ(from.number(), 18446744073709551615U);
    EXPECT_TRUE(from.flag());
    EXPECT_TRUE(from.is_complete());
    EXPECT_EQ(from.text(), "");
    EXPECT_FALSE(from.is_complete()); // less is there
}

TEST(argument_reader, sees_what_is_no_number_or_no_flag) {
    for (const char* text : {"", "x", "5x", "-1", "18446744073709551616", " 5"}) {
        const fields request{"name", text};
        argument_reader from(request);
        from.number();
        EXPECT_FALSE(from.is_complete()) << text;
    }
    const fields request{"name", "2"};
    argument_reader from(request);
    EXPECT_FALSE(from.flag());
    EXPECT_FALSE(from.is_complete());
}

TEST(results, are_what_was_done_or_the_fault) {
    EXPECT_THAT(*results_of(encode(done({"loop3"}))), ElementsAre("loop3"));
    const iscsi::fault busy{iscsi::to_error_code(disk_errc::busy), "/dev/loop3", "in use", "free"};
    const auto failure = results_of(encode(failed(busy)));
    ASSERT_FALSE(failure);
    EXPECT_EQ(failure.error(), busy);
}

TEST(results, of_a_fault_with_endless_texts_are_cut_to_what_fits) {
    const std::string endless(std::size_t{1} << 16U, 'x');
    const auto code = iscsi::to_error_code(disk_errc::busy);
    const auto failure = results_of(encode(failed({code, endless, endless, endless})));
    ASSERT_FALSE(failure);
    EXPECT_EQ(failure.error().code, code);
    EXPECT_FALSE(failure.error().field.empty());
}

TEST(results, of_something_else_say_that_the_helper_is_another_one) {
    const auto wrong = iscsi::to_error_code(disk_errc::helper_failed);
    for (const auto& reply :
         {std::string(),
          std::string("x"),
          encode({"ok"}),
          encode({"fault"}),
          encode({"fault", "0", "", "", ""}),
          encode({"fault", "999", "", "", ""}),
          encode({"fault", "x", "", "", ""}),
          encode({"fault", "1", "", "", "", ""})}) {
        const auto read = results_of(reply);
        ASSERT_FALSE(read);
        EXPECT_EQ(read.error().code, wrong);
    }
}

} // namespace
