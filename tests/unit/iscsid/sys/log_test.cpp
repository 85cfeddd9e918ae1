#include "iscsid/sys/journal_sink.hpp"
#include "iscsid/sys/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/spdlog.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace {

using namespace iscsid::sys;

std::string logged(int debug) {
    testing::internal::CaptureStderr();
    set_up_log(log_place::standard_error, debug);
    spdlog::error("bad");
    spdlog::info("good");
    spdlog::debug("deep");
    spdlog::trace("deeper");
    return testing::internal::GetCapturedStderr();
}

TEST(log, goes_to_stderr_with_the_name_of_the_program) {
    ::unsetenv("JOURNAL_STREAM");
    EXPECT_EQ(logged(0), "iscsid: bad\niscsid: good\n");
    EXPECT_EQ(logged(1), "iscsid: bad\niscsid: good\niscsid: deep\n");
    EXPECT_EQ(logged(8), "iscsid: bad\niscsid: good\niscsid: deep\niscsid: deeper\n");
}

// What a sender has got of each line.
struct journal {
    std::vector<std::vector<std::string>> lines;
    bool takes = true;

    spdlog::logger logger() {
        const auto first_word = [](std::string_view line) {
            return std::vector<log_field>{{"ISCSI_WORD", std::string(line.substr(0, 3))}};
        };
        const auto send = [this](std::span<const std::string> fields) {
            lines.emplace_back(fields.begin(), fields.end());
            return takes;
        };
        auto sink = std::make_shared<journal_sink>(first_word, send);
        sink->set_formatter(std::make_unique<spdlog::pattern_formatter>(
            "%v", spdlog::pattern_time_type::local, "\n"
        ));
        return {"test", sink};
    }
};

TEST(journal_sink, sends_fields_with_each_line) {
    journal to;
    auto logger = to.logger();
    logger.error("bad\nthing");
    logger.log(event("0123456789abcdef0123456789abcdef"), spdlog::level::info, "it {}", "is");
    using testing::ElementsAre;
    EXPECT_THAT(
        to.lines,
        ElementsAre(
            ElementsAre(
                "MESSAGE=bad\nthing", "PRIORITY=3", "SYSLOG_IDENTIFIER=iscsid", "ISCSI_WORD=bad"
            ),
            ElementsAre(
                "MESSAGE=it is",
                "PRIORITY=6",
                "SYSLOG_IDENTIFIER=iscsid",
                "MESSAGE_ID=0123456789abcdef0123456789abcdef",
                "ISCSI_WORD=it "
            )
        )
    );
}

TEST(journal_sink, says_on_stderr_what_the_journal_does_not_take) {
    journal to;
    to.takes = false;
    testing::internal::CaptureStderr();
    to.logger().error("bad");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "bad\n");
}

TEST(is_journal_stream, compares_device_and_inode) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);

    struct stat found {};

    ASSERT_EQ(::fstat(ends[1], &found), 0);
    const auto name = std::to_string(found.st_dev) + ":" + std::to_string(found.st_ino);
    EXPECT_TRUE(is_journal_stream(ends[1], name.c_str()));
    EXPECT_FALSE(is_journal_stream(ends[1], (name + "1").c_str()));
    EXPECT_FALSE(is_journal_stream(ends[1], nullptr));
    EXPECT_FALSE(is_journal_stream(-1, name.c_str()));
    for (const int end : ends)
        ::close(end);
}

TEST(log, gives_priorities_to_the_journal) {
    ::setenv("JOURNAL_STREAM", "8:1", 1);
    EXPECT_EQ(logged(1), "<3>bad\n<6>good\n<7>deep\n");
    ::unsetenv("JOURNAL_STREAM");
}

} // namespace
