#include "iscsid/disk/fence_file.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

namespace iscsid::disk {
namespace {

struct fence_on_disk : testing::Test {
    fence_on_disk() {
        std::string name = testing::TempDir() + "fences.XXXXXX";
        folder = ::mkdtemp(name.data());
    }

    ~fence_on_disk() override { std::filesystem::remove_all(folder); }

    std::unique_ptr<fence_file> open(std::uint64_t nonce = 0xfeed) const {
        auto opened = fence_file::open(folder, nonce);
        EXPECT_TRUE(opened.has_value()) << opened.error().text();
        return *std::move(opened);
    }

    std::size_t count() const {
        const auto all = std::filesystem::directory_iterator(folder + "/fences");
        return static_cast<std::size_t>(std::distance(begin(all), end(all)));
    }

    std::string folder;
};

TEST_F(fence_on_disk, nothing_is_raised_at_first) {
    const auto file = open();
    EXPECT_EQ(file->raised(), 0U);
    EXPECT_FALSE(file->is_raised(0));
    EXPECT_FALSE(file->is_raised(fence_file::most_sessions));
}

TEST_F(fence_on_disk, a_later_daemon_finds_what_was_raised) {
    {
        const auto file = open();
        file->keep(0, true);
        file->keep(2, true);
        file->keep(0, false);
        file->keep(fence_file::most_sessions, true); // nowhere
    }
    const auto file = open();
    EXPECT_FALSE(file->is_raised(0));
    EXPECT_TRUE(file->is_raised(2));
    EXPECT_EQ(file->raised(), 1U);
    EXPECT_EQ(open(0xbeef)->raised(), 0U); // of another disk
}

TEST_F(fence_on_disk, it_is_noted_when_the_daemon_is_killed_right_after) {
    const auto child = ::fork();
    if (child == 0) {
        const auto file = fence_file::open(folder, 7);
        if (file)
            (*file)->keep(1, true);
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_TRUE(open(7)->is_raised(1));
}

TEST_F(fence_on_disk, a_queue_belongs_to_its_session) {
    const auto file = open();
    EXPECT_TRUE(file->has_sessions({4, 5})); // of a daemon that noted none
    file->note_sessions({4, 5});
    file->keep(1, true);
    EXPECT_TRUE(file->has_sessions({4, 5}));
    EXPECT_TRUE(file->has_sessions({4}));
    EXPECT_FALSE(file->has_sessions({5}));
    EXPECT_FALSE(file->has_sessions({4, 6}));
    EXPECT_TRUE(file->is_raised(1));
}

TEST_F(fence_on_disk, a_left_disk_goes_by_what_was_noted) {
    {
        const auto file = open();
        file->note_sessions({4, 5});
        file->keep(1, true);
    }
    const auto left = open_left_fence(folder, 0xfeed, {4, 5});
    EXPECT_EQ(left.trouble, "");
    EXPECT_FALSE(left.is_of_others);
    EXPECT_FALSE(left.memory->is_raised(0));
    EXPECT_TRUE(left.memory->is_raised(1));
    EXPECT_EQ(left.memory->raised(), 1U);
    EXPECT_TRUE(open_left_fence(folder, 0xfeed, {5, 4}).is_of_others);
}

TEST_F(fence_on_disk, every_session_of_a_left_disk_of_which_nothing_is_noted_has_raised_it) {
    {
        const auto left = open_left_fence(folder, 0xfeed, {4, 5});
        EXPECT_EQ(left.trouble, folder + "/fences/feed: missing");
        EXPECT_EQ(left.memory->raised(), 2U);
        left.memory->keep(0, false);
    }
    const auto again = open_left_fence(folder, 0xfeed, {4, 5}); // noted by now
    EXPECT_EQ(again.memory->raised(), 1U);
    EXPECT_EQ(again.trouble, "");
}

// Of a daemon that was killed before it had noted all.
TEST_F(fence_on_disk, a_note_with_a_queue_of_nobody_is_damaged) {
    open()->note_sessions({4});
    const auto left = open_left_fence(folder, 0xfeed, {4, 5});
    EXPECT_EQ(left.trouble, folder + "/fences/feed: damaged");
    EXPECT_FALSE(left.is_of_others);
    EXPECT_EQ(left.memory->raised(), 2U);
}

TEST_F(fence_on_disk, where_nothing_can_be_noted_this_process_remembers) {
    const auto left = open_left_fence(folder + "/missing", 7, {4, 5});
    EXPECT_NE(left.trouble.find("No such file"), std::string::npos) << left.trouble;
    EXPECT_EQ(left.memory->raised(), 2U);
    left.memory->keep(1, false);
    EXPECT_FALSE(left.memory->is_raised(1));
    EXPECT_EQ(left.memory->raised(), 1U);
}

// What it says is older than what this process will know.
TEST_F(fence_on_disk, a_note_that_cannot_be_opened_is_not_believed_later) {
    std::filesystem::create_directories(folder + "/fences");
    std::filesystem::create_symlink(folder + "/nowhere", folder + "/fences/feed");
    EXPECT_EQ(open_left_fence(folder, 0xfeed, {4, 5}).memory->raised(), 2U);
    EXPECT_EQ(count(), 0U);
}

TEST_F(fence_on_disk, a_file_of_another_length_is_replaced_and_not_touched) {
    const auto path = folder + "/fences/feed";
    for (const std::uintmax_t length : {8192U, 4U}) {
        const auto still_mapped = open();
        still_mapped->note_sessions({4, 5});
        std::filesystem::create_hard_link(path, folder + "/theirs");
        std::filesystem::resize_file(path, length);
        const auto left = open_left_fence(folder, 0xfeed, {4, 5});
        EXPECT_EQ(left.trouble, path + ": damaged");
        EXPECT_EQ(left.memory->raised(), 2U);
        EXPECT_EQ(std::filesystem::file_size(path), 4096U);
        EXPECT_EQ(std::filesystem::file_size(folder + "/theirs"), length);
        left.memory->keep(0, false);
        std::ifstream theirs(folder + "/theirs", std::ios::binary);
        std::uint32_t first = 0;
        theirs.read(reinterpret_cast<char*>(&first), sizeof first);
        EXPECT_EQ(first, 8U); // session 4, as it was
        std::filesystem::remove(folder + "/theirs");
        forget_fence(folder, 0xfeed);
    }
}

TEST_F(fence_on_disk, disks_that_are_gone_leave_nothing) {
    open(1);
    open(2);
    open(3);
    std::ofstream(folder + "/fences/something-else") << "x";
    EXPECT_TRUE(has_fence(folder, 2));
    forget_fence(folder, 2);
    EXPECT_FALSE(has_fence(folder, 2));
    EXPECT_EQ(count(), 3U);
    forget_other_fences(folder, [](auto nonce) { return nonce == 3; });
    EXPECT_EQ(count(), 1U);
    EXPECT_EQ(open(3)->raised(), 0U);
}

TEST_F(fence_on_disk, a_folder_that_is_not_there_is_a_fault) {
    const auto opened = fence_file::open(folder + "/missing", 1);
    ASSERT_TRUE(opened.has_error());
    EXPECT_NE(opened.error().text().find("No such file"), std::string::npos);
}

} // namespace
} // namespace iscsid::disk
