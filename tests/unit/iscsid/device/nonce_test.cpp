#include "iscsid/device/nonce.hpp"

#include <gtest/gtest.h>

#include <stdlib.h>

#include <set>

namespace {

using iscsid::device::nonce_maker;
namespace fs = std::filesystem;

struct nonces : testing::Test {
    static fs::path fresh_folder() {
        std::string name = testing::TempDir() + "nonce.XXXXXX";
        return ::mkdtemp(name.data());
    }

    ~nonces() override {
        fs::remove_all(folder);
        fs::remove_all(other);
    }

    fs::path folder = fresh_folder();
    fs::path other = fresh_folder();
};

TEST_F(nonces, are_all_different_and_known_as_ours_by_a_later_daemon) {
    const nonce_maker mine("boot", folder);
    std::set<std::uint64_t> all;
    for (int i = 0; i < 1000; ++i)
        all.insert(mine.make());
    EXPECT_EQ(all.size(), 1000U);
    const nonce_maker later("boot", folder);
    for (const auto each : all)
        EXPECT_TRUE(later.is_ours(each));
    EXPECT_FALSE(later.is_ours(0)) << "devices of programs that set none";
}

TEST_F(nonces, of_another_folder_or_boot_are_not_ours) {
    const auto given = nonce_maker("boot", folder).make();
    EXPECT_FALSE(nonce_maker("boot", other).is_ours(given));
    EXPECT_FALSE(nonce_maker("another boot", folder).is_ours(given));
}

TEST_F(nonces, of_a_folder_that_was_made_anew_are_not_ours) {
    const auto given = nonce_maker("boot", folder).make();
    fs::rename(folder, other / "before"); // so that its number is not free
    fs::create_directory(folder);
    EXPECT_FALSE(nonce_maker("boot", folder).is_ours(given));
}

} // namespace
