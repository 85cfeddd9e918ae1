#include "iscsid/disk/driver.hpp"
#include "iscsid/disk/kernel/waiting.hpp"

#include <gtest/gtest.h>

namespace {

using namespace iscsid::disk;

TEST(choose_driver, makes_nothing_when_none_is_wanted) {
    std::string reason;
    const auto driver = choose_driver("none", {"/nonexistent"}, reason);
    ASSERT_TRUE(driver);
    EXPECT_EQ((*driver)->name(), "none");
    EXPECT_FALSE(reason.empty());
}

TEST(choose_driver, says_what_a_forced_driver_lacks) {
    std::string reason;
    const auto driver =
        choose_driver("ublk", {.runtime_folder = {}, .has_io_uring = false}, reason);
    ASSERT_FALSE(driver);
    EXPECT_EQ(driver.error().code, iscsi::to_error_code(disk_errc::no_driver));
    EXPECT_EQ(driver.error().text(), "ublk: no disk driver, got no io_uring, expected it");
}

TEST(choose_driver, has_no_kernel_driver_without_the_process_that_waits_for_it) {
    for (const char* wanted : {"auto", "ublk", "nbd", "fuse"}) {
        std::string reason;
        const auto driver = choose_driver(wanted, {"/nonexistent"}, reason);
        ASSERT_FALSE(driver) << wanted;
        EXPECT_EQ(driver.error().code, iscsi::to_error_code(disk_errc::no_driver));
        EXPECT_NE(driver.error().text().find("no disk helper"), std::string::npos);
    }
}

TEST(choose_driver, refuses_words_that_it_does_not_know) {
    for (const char* wanted : {"", "FUSE", "fuse ", "scsi"}) {
        std::string reason;
        const auto driver = choose_driver(wanted, {"/nonexistent"}, reason);
        ASSERT_FALSE(driver) << wanted;
        EXPECT_EQ(driver.error().code, iscsi::to_error_code(disk_errc::unknown_driver));
    }
}

TEST(choose_driver, gives_an_export_without_asking_the_kernel) {
    std::string reason;
    const auto driver = choose_driver("export", {"/nonexistent", false}, reason);
    ASSERT_TRUE(driver);
    EXPECT_EQ((*driver)->name(), "export");
    EXPECT_EQ(reason, "as configured: an NBD server on a unix socket for each LUN");
}

class fixed_disk final : public disk {
  public:
    const std::string& node() const override { return node_; }

    iscsi::result<void> remove() override { return {}; }

  private:
    std::string node_ = "loop3";
};

TEST(driver, keeps_its_disks_as_they_are_unless_it_knows_better) {
    scsi::logical_unit now;
    now.block_count = 2;
    const auto resized = fixed_disk().resize(now);
    ASSERT_FALSE(resized);
    EXPECT_EQ(
        resized.error().text(),
        "loop3: no live resize, got 1024 bytes, expected the same size until the next login"
    );
}

TEST(disk_errc, has_words_for_each) {
    for (int each = 1; each <= static_cast<int>(disk_errc::helper_failed); ++each)
        EXPECT_NE(message_of(static_cast<disk_errc>(each)), "unknown disk error") << each;
}

TEST(waiting, asks_until_the_answer_is_yes) {
    int asked = 0;
    EXPECT_TRUE(wait_until(std::chrono::minutes(1), [&asked] { return ++asked == 3; }));
    EXPECT_EQ(asked, 3);
    EXPECT_FALSE(wait_until(std::chrono::milliseconds(0), [] { return false; }));
}

} // namespace
