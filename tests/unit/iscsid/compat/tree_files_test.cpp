#include "iscsid/compat/errors.hpp"
#include "iscsid/compat/tree_files.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <fstream>
#include <iterator>

namespace {

using namespace iscsid::compat;
namespace fs = std::filesystem;

const tree a_tree{
    {"a", {}},
    {"a/file", {entry::type::file, "text\n"}},
    {"a/link", {entry::type::link, "file"}},
    {"a/b", {}},
    {"a/b/secret", {entry::type::file, "name\n", true}}};

struct files_of_a_tree : testing::Test {
    files_of_a_tree() {
        std::string name = testing::TempDir() + "tree.XXXXXX";
        root = ::mkdtemp(name.data());
    }

    ~files_of_a_tree() override { fs::remove_all(root); }

    std::string text(const std::string& path) const {
        std::ifstream file(root / path);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    std::size_t count() const {
        return static_cast<std::size_t>(std::distance(
            fs::recursive_directory_iterator(root), fs::recursive_directory_iterator()
        ));
    }

    fs::path root;
};

TEST_F(files_of_a_tree, are_made_and_removed) {
    const auto mask = ::umask(077);
    ASSERT_TRUE(change_files(root, {}, a_tree).has_value());
    ::umask(mask);
    EXPECT_EQ(text("a/file"), "text\n");
    EXPECT_EQ(fs::read_symlink(root / "a/link"), "file");
    EXPECT_EQ(fs::status(root / "a/file").permissions(), fs::perms(0444)) << "for everybody";
    EXPECT_EQ(fs::status(root / "a").permissions(), fs::perms(0755));
    EXPECT_EQ(fs::status(root / "a/b/secret").permissions(), fs::perms(0400));
    EXPECT_EQ(count(), a_tree.size());
    remove_files(root, a_tree);
    EXPECT_EQ(count(), 0U);
}

TEST_F(files_of_a_tree, change_only_where_the_tree_does) {
    ASSERT_TRUE(change_files(root, {}, a_tree).has_value());

    struct stat before {};

    ASSERT_EQ(::stat((root / "a/file").c_str(), &before), 0);
    auto other = a_tree;
    other["a/b/secret"].text = "other\n";
    other["a/link"].text = "b";
    other["a/new"] = {entry::type::file, "new\n"};
    ASSERT_TRUE(change_files(root, a_tree, other).has_value());

    struct stat after {};

    ASSERT_EQ(::stat((root / "a/file").c_str(), &after), 0);
    EXPECT_EQ(before.st_ino, after.st_ino);
    EXPECT_EQ(text("a/b/secret"), "other\n");
    EXPECT_EQ(fs::read_symlink(root / "a/link"), "b");
    ASSERT_TRUE(change_files(root, other, a_tree).has_value());
    EXPECT_FALSE(fs::exists(root / "a/new"));
    EXPECT_EQ(count(), a_tree.size());
}

TEST_F(files_of_a_tree, give_their_readers_one_text_or_the_other) {
    ASSERT_TRUE(change_files(root, {}, a_tree).has_value());
    std::ifstream reader(root / "a/file");
    auto other = a_tree;
    other["a/file"].text = "x\n";
    ASSERT_TRUE(change_files(root, a_tree, other).has_value());
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(reader), {}), "text\n");
}

TEST_F(files_of_a_tree, leave_alone_what_is_somebody_elses) {
    fs::create_directory(root / "z");
    auto wanted = a_tree;
    wanted["z"] = {};
    const auto refused = change_files(root, {}, wanted);
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, iscsi::to_error_code(compat_errc::not_ours));
    EXPECT_EQ(count(), 1U) << "and nothing else is left";
    EXPECT_TRUE(fs::exists(root / "z"));
}

TEST_F(files_of_a_tree, are_gone_when_a_change_of_them_fails) {
    ASSERT_TRUE(change_files(root, {}, a_tree).has_value());
    fs::create_directory(root / "a/b/c");
    auto wanted = a_tree;
    wanted["a/b/c"] = {};
    EXPECT_TRUE(change_files(root, a_tree, wanted).has_error());
    EXPECT_EQ(count(), 3U) << "the other's, and what it is in";
    EXPECT_TRUE(fs::exists(root / "a/b/c"));
}

} // namespace
