#include "iscsid/sys/pid_file.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <fstream>

namespace {

using namespace iscsid::sys;

struct pid_files : testing::Test {
    pid_files() {
        std::string name = testing::TempDir() + "pid.XXXXXX";
        folder = ::mkdtemp(name.data());
        path = folder / "iscsid.pid";
    }

    ~pid_files() override { std::filesystem::remove_all(folder); }

    std::string content() const {
        std::string text;
        std::getline(std::ifstream(path), text);
        return text;
    }

    std::filesystem::path folder;
    std::filesystem::path path;
};

TEST_F(pid_files, name_the_process_as_long_as_it_lives) {
    {
        const auto taken = pid_file::take(path);
        ASSERT_TRUE(taken.has_value()) << taken.error().text();
        EXPECT_EQ(content(), std::to_string(::getpid()));
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(pid_files, can_be_taken_once) {
    const auto first = pid_file::take(path);
    const auto second = pid_file::take(path);
    ASSERT_TRUE(second.has_error());
    EXPECT_EQ(second.error().code, iscsi::to_error_code(pid_file_errc::taken));
    EXPECT_EQ(second.error().got, "PID " + std::to_string(::getpid()));
    EXPECT_EQ(content(), std::to_string(::getpid()));
}

TEST_F(pid_files, of_a_killed_daemon_do_not_count) {
    std::ofstream(path) << "123456789012345\n";
    const auto taken = pid_file::take(path);
    ASSERT_TRUE(taken.has_value());
    EXPECT_EQ(content(), std::to_string(::getpid()));
}

TEST_F(pid_files, are_not_written_through_a_link) {
    const auto victim = folder / "victim";
    std::ofstream(victim) << "precious";
    std::filesystem::create_symlink(victim, path);
    const auto taken = pid_file::take(path);
    ASSERT_TRUE(taken.has_error());
    EXPECT_EQ(taken.error().code, iscsi::to_error_code(pid_file_errc::cannot_write));
    std::string text;
    std::getline(std::ifstream(victim), text);
    EXPECT_EQ(text, "precious");
}

TEST_F(pid_files, need_their_folder) {
    EXPECT_TRUE(pid_file::take(folder / "no" / "such").has_error());
}

} // namespace
