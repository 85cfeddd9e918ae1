#include "iscsid/sys/journal_sink.hpp"
#include "iscsid/sys/journal_socket.hpp"
#include "iscsid/sys/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

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

// stderr that nobody reads takes nothing any more, and neither does the journal.
TEST(journal_sink, waits_for_nobody_and_counts_what_is_lost) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_NONBLOCK), 0);
    const std::string filling(4096, 'x');
    while (::write(ends[1], filling.data(), filling.size()) > 0)
        continue;
    const int was = ::dup(STDERR_FILENO);
    ASSERT_EQ(::fcntl(ends[1], F_SETFL, 0), 0); // from here on who writes would wait
    ::dup2(ends[1], STDERR_FILENO);
    journal to;
    to.takes = false;
    auto logger = to.logger();
    for (int i = 0; i < 3; ++i)
        logger.error("bad");
    to.lines.clear();
    to.takes = true;
    logger.error("good");
    ::dup2(was, STDERR_FILENO);
    for (const int each : {was, ends[0], ends[1]})
        ::close(each);
    using testing::Contains;
    ASSERT_EQ(to.lines.size(), 2U);
    EXPECT_THAT(to.lines[0], Contains("MESSAGE=3 lines are missing here: the journal took none"));
    EXPECT_THAT(to.lines[1], Contains("MESSAGE=good"));
}

struct journal_socket_test : testing::Test {
    journal_socket_test() {
        std::string name = testing::TempDir() + "journal.XXXXXX";
        folder = ::mkdtemp(name.data());
        path = (folder / "socket").string();
    }

    ~journal_socket_test() override { std::filesystem::remove_all(folder); }

    iscsid::os::descriptor listen() const {
        iscsid::os::descriptor made(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(made.number(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        return made;
    }

    std::filesystem::path folder;
    std::string path;
    const std::vector<std::string> fields{"MESSAGE=a\nb=c", "PRIORITY=3"};
};

TEST_F(journal_socket_test, sends_values_with_newlines_by_their_length) {
    const auto journald = listen();
    journal_socket to(path);
    ASSERT_TRUE(to.send(fields));
    std::array<char, 100> room{};
    const auto length = ::recv(journald.number(), room.data(), room.size(), 0);
    ASSERT_GT(length, 0);
    const std::string expected("MESSAGE\n\5\0\0\0\0\0\0\0a\nb=c\nPRIORITY=3\n", 33);
    EXPECT_EQ(std::string(room.data(), static_cast<std::size_t>(length)), expected);
}

TEST_F(journal_socket_test, waits_for_no_journald_that_does_not_read) {
    journal_socket to(path);
    EXPECT_FALSE(to.send(fields)) << "nobody listens";
    const auto journald = listen();
    bool takes = true;
    for (int i = 0; i < 100'000 && takes; ++i)
        takes = to.send(fields);
    EXPECT_FALSE(takes);
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
