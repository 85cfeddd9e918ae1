#include "iscsiadm/cli/nearest.hpp"
#include "iscsiadm/cli/parse.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace iscsi::cli {
namespace {

constexpr std::array<std::string_view, 4> modes_known{"node", "session", "iface", "fw"};

TEST(nearest_word, takes_letters_that_are_missing_too_many_others_or_exchanged) {
    EXPECT_EQ(nearest_word("node", modes_known), "node");
    EXPECT_EQ(nearest_word("nodes", modes_known), "node");
    EXPECT_EQ(nearest_word("nod", modes_known), "node");
    EXPECT_EQ(nearest_word("nide", modes_known), "node");
    EXPECT_EQ(nearest_word("ifcae", modes_known), "iface");
    EXPECT_EQ(nearest_word("sesion", modes_known), "session");
}

TEST(nearest_word, takes_nothing_that_is_far_away) {
    for (const char* word : {"", "x", "fs", "bogus", "3260", "interface", "sess"})
        EXPECT_EQ(nearest_word(word, modes_known), std::nullopt) << word;
}

TEST(nearest_name, takes_the_beginning_of_a_long_one) {
    constexpr std::array<std::string_view, 3> options{"targetname", "login", "loginall"};
    EXPECT_EQ(nearest_name("taget", options), "targetname");
    EXPECT_EQ(nearest_name("targt", options), "targetname");
    EXPECT_EQ(nearest_name("targetnmae", options), "targetname");
    EXPECT_EQ(nearest_name("logn", options), "login") << "a whole name before a beginning";
    EXPECT_EQ(nearest_name("nosuch", options), std::nullopt);
    EXPECT_EQ(nearest_name("", options), std::nullopt);
    EXPECT_EQ(nearest_name("x", options), std::nullopt);
}

TEST(did_you_mean, says_the_whole_form) {
    EXPECT_EQ(did_you_mean("-m", "nodes", modes_known), "did you mean -m node?");
    EXPECT_EQ(did_you_mean("-m", "bogus", modes_known), std::nullopt);
}

// The last line of a refusal that ends with 7.
std::string hint_for(const std::vector<std::string>& arguments) {
    testing::internal::CaptureStderr(); // getopt's own words
    const auto line = parse(arguments);
    testing::internal::GetCapturedStderr();
    if (line) {
        ADD_FAILURE() << "not refused";
        return {};
    }
    EXPECT_EQ(line.error().code, admin::exit_code::invalid);
    return line.error().lines.back();
}

TEST(nearest_form, is_named_of_the_word_of_each_option) {
    EXPECT_EQ(hint_for({"-m", "node", "-o", "shw"}), "did you mean -o show?");
    EXPECT_EQ(hint_for({"-m", "node", "-o", "udpate"}), "did you mean -o update?");
    EXPECT_EQ(hint_for({"-m", "discovery", "-t", "sendtarget"}), "did you mean -t sendtargets?");
    EXPECT_EQ(hint_for({"-m", "node", "-L", "automatik"}), "did you mean -L automatic?");
    EXPECT_EQ(hint_for({"-m", "node", "-U", "maual"}), "did you mean -U manual?");
    EXPECT_EQ(
        hint_for({"-m", "session", "-r", "1", "--lun", "1", "--persist", "resreve"}),
        "did you mean --persist reserve?"
    );
    EXPECT_EQ(
        hint_for({"-m", "node", "-U", "onboot"}), "Try `iscsiadm --help' for more information."
    );
}

TEST(nearest_form, is_named_of_a_long_option) {
    EXPECT_EQ(hint_for({"-m", "node", "--taget", "x"}), "did you mean --targetname?");
    EXPECT_EQ(hint_for({"-m", "node", "--taget=x"}), "did you mean --targetname?");
    EXPECT_EQ(hint_for({"-m", "node", "--logn"}), "did you mean --login?");
    EXPECT_EQ(hint_for({"-m", "node", "--prtal", "x"}), "did you mean --portal?");
    EXPECT_EQ(hint_for({"--mdoe", "node"}), "'node' belongs to no option: did you mean -m node?");
    EXPECT_EQ(
        hint_for({"-m", "node", "--nosuch"}), "node mode: option '-?' is not allowed/supported"
    );
    // getopt_long says itself what these are.
    EXPECT_EQ(
        hint_for({"-m", "node", "--target"}), "node mode: option '-?' is not allowed/supported"
    );
    EXPECT_EQ(hint_for({"-m", "node", "--lo"}), "node mode: option '-?' is not allowed/supported");
}

} // namespace
} // namespace iscsi::cli
