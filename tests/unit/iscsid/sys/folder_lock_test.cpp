#include "iscsid/sys/folder_lock.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <optional>

namespace {

using namespace iscsid::sys;

struct folder_locks : testing::Test {
    folder_locks() {
        std::string name = testing::TempDir() + "folder.XXXXXX";
        root = ::mkdtemp(name.data());
    }

    ~folder_locks() override { std::filesystem::remove_all(root); }

    std::filesystem::path root;
};

TEST_F(folder_locks, keep_another_away_as_long_as_they_live) {
    std::optional<folder_lock> first(*folder_lock::take(root));
    const auto refused = folder_lock::take(root);
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, iscsi::to_error_code(folder_lock_errc::taken));
    EXPECT_EQ(refused.error().field, root.string());
    EXPECT_TRUE(folder_lock::take(root / "inner").has_value()) << "another folder";
    first.reset();
    EXPECT_TRUE(folder_lock::take(root).has_value());
}

TEST_F(folder_locks, are_on_the_folder_and_not_on_its_name) {
    const auto first = *folder_lock::take(root);
    std::filesystem::create_directory_symlink(root, root / "same");
    EXPECT_TRUE(folder_lock::take(root / "same").has_error());
}

TEST_F(folder_locks, make_the_folder_for_its_owner_alone) {
    const auto taken = folder_lock::take(root / "new");
    ASSERT_TRUE(taken.has_value());
    const auto mode = std::filesystem::status(root / "new").permissions();
    EXPECT_EQ(mode, std::filesystem::perms::owner_all);
    EXPECT_TRUE(std::filesystem::is_empty(root / "new")) << "nothing is left in it";
}

TEST_F(folder_locks, say_what_is_wrong_with_the_folder) {
    std::ofstream(root / "file");
    for (const auto* const name : {"file", "missing/inner"}) {
        const auto refused = folder_lock::take(root / name);
        ASSERT_TRUE(refused.has_error());
        EXPECT_EQ(refused.error().code, iscsi::to_error_code(folder_lock_errc::cannot_lock));
        EXPECT_FALSE(refused.error().got.empty());
    }
}

} // namespace
