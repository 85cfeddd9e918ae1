#include "iscsid/os/files.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <vector>

namespace {

namespace fs = std::filesystem;
using namespace iscsid::os;

class files : public ::testing::Test {
  protected:
    void SetUp() override {
        folder_ = "/tmp/iscsid-os-test.XXXXXX";
        ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    }

    void TearDown() override { fs::remove_all(folder_); }

    fs::path file() const { return fs::path(folder_) / "file"; }

    std::size_t count() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(folder_), fs::directory_iterator())
        );
    }

    std::string folder_;
};

TEST_F(files, are_made_and_replaced_whole_for_their_owner_only) {
    for (const std::string& text :
         {std::string("first"), std::string(100'000, 'x'), std::string()}) {
        EXPECT_EQ(replace_file(file(), text), 0);
        const auto found = read_file(file(), 200'000);
        EXPECT_EQ(found.error, 0);
        EXPECT_EQ(found.text, text);
        EXPECT_EQ(fs::status(file()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
        EXPECT_EQ(count(), 1U);
    }
}

TEST_F(files, stay_as_they_were_when_they_cannot_be_replaced) {
    fs::create_directory(file()); // a folder with something in it is not replaced
    ASSERT_EQ(replace_file(file() / "inner", "text"), 0);
    EXPECT_NE(replace_file(file(), "new"), 0);
    EXPECT_EQ(read_file(file() / "inner", 100).text, "text");
    EXPECT_EQ(count(), 1U) << "the staged file is left";
    EXPECT_EQ(replace_file(fs::path(folder_) / "none" / "file", "x"), ENOENT);
}

TEST_F(files, have_the_text_of_one_of_those_who_write_at_the_same_time) {
    std::vector<std::thread> writers;
    for (const char each : {'a', 'b', 'c', 'd'})
        writers.emplace_back([this, each] {
            for (int i = 0; i < 20; ++i)
                EXPECT_EQ(replace_file(file(), std::string(5000, each)), 0);
        });
    for (auto& each : writers)
        each.join();
    const auto text = read_file(file(), 10'000).text;
    ASSERT_EQ(text.size(), 5000U);
    EXPECT_TRUE(std::ranges::all_of(text, [&](char c) { return c == text.front(); }));
    EXPECT_EQ(count(), 1U);
}

TEST_F(files, that_are_too_long_are_read_one_byte_too_far) {
    ASSERT_EQ(replace_file(file(), std::string(5000, 'x')), 0);
    EXPECT_EQ(read_file(file(), 5000).text.size(), 5000U);
    EXPECT_EQ(read_file(file(), 4999).text.size(), 5000U);
    EXPECT_EQ(read_file(file(), 100).text.size(), 101U);
}

TEST_F(files, that_are_none_are_not_waited_for) {
    EXPECT_EQ(read_file(file(), 100).error, ENOENT);
    ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);
    EXPECT_FALSE(read_file(file(), 100).is_regular);
    fs::remove(file());
    fs::create_symlink("/etc/passwd", file());
    EXPECT_EQ(read_file(file(), 100).error, ELOOP);
}

} // namespace
