#include "iscsiadm/start/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace iscsi::start {
namespace {

using testing::HasSubstr;
using verb = request::what;

// Words as main() has them, to be looked at afterwards.
struct command_line {
    explicit command_line(std::vector<std::string> arguments) : words(std::move(arguments)) {
        words.insert(words.begin(), "iscsistart");
        std::ranges::transform(words, std::back_inserter(pointers), [](auto& word) {
            return word.data();
        });
        pointers.push_back(nullptr);
    }

    auto parsed() { return parse(static_cast<int>(words.size()), pointers.data()); }

    // What /proc/PID/cmdline would show.
    std::string shown() const {
        std::string all;
        for (const auto* word : pointers)
            all.append(word == nullptr ? "" : word).append(" ");
        return all;
    }

    std::vector<std::string> words;
    std::vector<char*> pointers;
};

auto parsed(const std::vector<std::string>& arguments) {
    return command_line(arguments).parsed();
}

std::string refusal_of(const std::vector<std::string>& arguments) {
    const auto got = parsed(arguments);
    return got ? "taken" : got.error().line;
}

const std::vector<std::string> whole{"-i", "iqn.a:me", "-t", "iqn.a:disk", "-g", "7", "-a", "::1"};

std::vector<std::string> whole_and(std::vector<std::string> more) {
    more.insert(more.begin(), whole.begin(), whole.end());
    return more;
}

TEST(start_options, are_open_iscsis) {
    const auto got = parsed(
        {"--initiatorname=iqn.a:me",
         "--targetname",
         "iqn.a:disk",
         "--tgpt=7",
         "--address=::1",
         "--port=4000",
         "--username=u",
         "--password=w",
         "--username_in=U",
         "--password_in=W",
         "--debug=3",
         "--config=/c",
         "--param=a.b=c=d"}
    );
    ASSERT_TRUE(got) << got.error().line;
    EXPECT_EQ(got->verb, verb::log_in);
    EXPECT_EQ(got->initiator_name, "iqn.a:me");
    EXPECT_EQ(got->target, "iqn.a:disk");
    EXPECT_EQ(got->group_tag, 7);
    EXPECT_EQ(got->address, "::1");
    EXPECT_EQ(got->port, 4000);
    EXPECT_EQ(got->user + got->password + got->user_in + got->password_in, "uwUW");
    EXPECT_EQ(got->debug, 3);
    EXPECT_EQ(got->config_file, "/c");
    ASSERT_EQ(got->parameters.size(), 1U);
    EXPECT_EQ(got->parameters.front(), (std::pair<std::string, std::string>{"a.b", "c=d"}));
}

TEST(start_options, have_the_usual_port) {
    EXPECT_EQ(parsed(whole)->port, 3260);
}

TEST(start_options, that_are_missing_are_named_in_open_iscsis_order) {
    EXPECT_EQ(refusal_of({}), "InitiatorName not set. Exiting iscsistart");
    EXPECT_EQ(refusal_of({"-i", "n"}), "Portal Group not set. Exiting iscsistart");
    EXPECT_EQ(refusal_of({"-i", "n", "-g", "1"}), "TargetName not set. Exiting iscsistart");
    EXPECT_EQ(
        refusal_of({"-i", "n", "-g", "1", "-t", "t"}), "IP Address not set. Exiting iscsistart"
    );
}

TEST(start_options, of_the_firmware_need_no_others) {
    EXPECT_EQ(parsed({"-b"})->verb, verb::log_in_firmware);
    EXPECT_EQ(parsed({"-N"})->verb, verb::bring_up_network);
    EXPECT_EQ(parsed({"-f"})->verb, verb::print_firmware);
    EXPECT_EQ(parsed({"-b", "-h"})->verb, verb::help);
    EXPECT_EQ(parsed({"-v"})->verb, verb::version);
}

TEST(start_options, refuse_what_is_no_number_of_theirs) {
    EXPECT_THAT(
        refusal_of({"-p", "abc"}), HasSubstr("-p: expected a number from 1 to 65535, got 'abc'")
    );
    EXPECT_THAT(refusal_of({"-p", "0"}), HasSubstr("-p"));
    EXPECT_THAT(refusal_of({"-g", "65536"}), HasSubstr("-g: expected a number from 0 to 65535"));
    EXPECT_THAT(refusal_of({"-g", "-1"}), HasSubstr("-g"));
    EXPECT_THAT(refusal_of({"-d", "9"}), HasSubstr("-d"));
    EXPECT_EQ(refusal_of(whole_and({"-p", "65535", "-d", "8"})), "taken");
}

TEST(start_options, refuse_words_and_half_parameters) {
    EXPECT_EQ(refusal_of(whole_and({"word"})), "unexpected word 'word'");
    EXPECT_EQ(refusal_of({"-P", "foo"}), "Invalid --param foo. Missing value.");
    EXPECT_EQ(refusal_of({"-P", "foo="}), "Invalid --param foo. Missing value.");
    EXPECT_EQ(refusal_of({"-P", "=foo"}), "Invalid --param. Missing name.");
}

TEST(start_options, refuse_half_of_chap) {
    EXPECT_THAT(refusal_of(whole_and({"-u", "me"})), HasSubstr("-u (CHAP name) needs -w"));
    EXPECT_THAT(refusal_of(whole_and({"-w", "secret"})), HasSubstr("needs -u,"));
    EXPECT_THAT(refusal_of(whole_and({"-u", "me", "-w", "s", "-U", "d"})), HasSubstr("needs -W,"));
    EXPECT_THAT(refusal_of(whole_and({"-u", "me", "-w", "s", "-W", "d"})), HasSubstr("needs -U,"));
    EXPECT_THAT(refusal_of(whole_and({"-U", "d", "-W", "s"})), HasSubstr("needs -u and -w,"));
    EXPECT_EQ(refusal_of(whole_and({"-u", "me", "-w", "s"})), "taken");
}

TEST(start_options, do_not_leave_secrets_where_others_read_them) {
    command_line line(whole_and(
        {"-w",
         "secret-1",
         "--password_in=secret-2",
         "-P",
         "node.session.auth.password=secret-3",
         "-u",
         "me",
         "-U",
         "disk"}
    ));
    const auto got = line.parsed();
    ASSERT_TRUE(got);
    EXPECT_EQ(got->password, "secret-1");
    EXPECT_EQ(got->password_in, "secret-2");
    EXPECT_EQ(got->parameters.front().second, "secret-3");
    EXPECT_THAT(line.shown(), testing::Not(HasSubstr("secret")));
}

TEST(start_usage, names_every_option) {
    for (const char* option :
         {"-c",
          "-i",
          "-t",
          "-g",
          "-a",
          "-p",
          "-u",
          "-w",
          "-U",
          "-W",
          "-d",
          "-b",
          "-N",
          "-f",
          "-P",
          "-h",
          "-v"})
        EXPECT_THAT(usage(), HasSubstr(std::string("  ") + option + ", --"));
}

} // namespace
} // namespace iscsi::start
