#include "iscsid/device/udev_links.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <iterator>

namespace {

namespace fs = std::filesystem;
using namespace iscsid::device;
using testing::HasSubstr;

// Files of this process take no more than so many bytes, as on a disk that is full.
class small_files {
  public:
    explicit small_files(rlim_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit now{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &now);
    }

    small_files(const small_files&) = delete;
    small_files& operator=(const small_files&) = delete;

    ~small_files() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        ::signal(SIGXFSZ, handler_);
    }

  private:
    rlimit before_{};
    void (*handler_)(int);
};

struct announcements : testing::Test {
    ~announcements() override { fs::remove_all(folder); }

    std::size_t count() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(links_folder), fs::directory_iterator())
        );
    }

    static fs::path fresh_folder() {
        std::string name = testing::TempDir() + "links.XXXXXX";
        return ::mkdtemp(name.data());
    }

    fs::path folder = fresh_folder();
    fs::path links_folder = folder / "udev";
    udev_links links{links_folder};
    disk_identity_words disk{"iqn.2003-01.org.example:store", "192.0.2.7", 3260, 1, {}};
};

TEST_F(announcements, are_one_file_each_with_the_words_for_udev) {
    ASSERT_TRUE(links.announce("loop3", disk));
    ASSERT_TRUE(links.announce("loop3", disk));
    std::ifstream file(links_folder / "loop3");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), udev_entry_of(disk));
    EXPECT_EQ(count(), 1U);
    links.retract("loop3");
    EXPECT_EQ(count(), 0U);
}

TEST_F(announcements, without_room_are_told_and_leave_neither_a_half_nor_an_old_one) {
    ASSERT_TRUE(links.announce("loop3", disk));
    auto other = disk;
    other.lun = 2;
    for (const rlim_t room : {0UL, 20UL}) {
        const small_files full(room);
        const auto told = links.announce("loop3", other);
        ASSERT_FALSE(told) << room;
        EXPECT_THAT(told.error().text(), HasSubstr((links_folder / "loop3").string()));
        EXPECT_THAT(told.error().text(), HasSubstr("File too large"));
        EXPECT_EQ(count(), 0U) << room;
    }
    EXPECT_TRUE(links.announce("loop3", other));
}

TEST_F(announcements, without_their_folder_are_told) {
    std::ofstream{links_folder} << "a file where the folder should be";
    const auto told = links.announce("loop3", disk);
    ASSERT_FALSE(told);
    EXPECT_THAT(told.error().text(), HasSubstr((links_folder / "loop3").string()));
}

} // namespace
