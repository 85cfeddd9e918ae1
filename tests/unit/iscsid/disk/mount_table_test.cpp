#include "iscsid/disk/kernel/mount_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using iscsid::disk::fuse_mount_point;
using iscsid::disk::mounts_below;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* two_of_ours =
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
    "90 22 0:50 / /run/iscsid/disks/s1-lun0 rw,nosuid - fuse.iscsid iqn.x,lun0 rw,user_id=0\n"
    "91 22 0:51 / /run/iscsid/disks/s1-lun1 rw,nosuid shared:7 master:2 - fuse.iscsid y rw\n";

TEST(mounts_below, finds_ours_and_gives_the_newest_first) {
    EXPECT_THAT(
        mounts_below(two_of_ours, "/run/iscsid/disks/"),
        ElementsAre(
            fuse_mount_point{"/run/iscsid/disks/s1-lun1", 51, "y", "rw"},
            fuse_mount_point{"/run/iscsid/disks/s1-lun0", 50, "iqn.x,lun0", "rw,user_id=0"}
        )
    );
}

TEST(mounts_in, reads_device_path_type_and_source) {
    const auto all = iscsid::disk::mounts_in(
        std::string(two_of_ours) + "12 22 7:3\n" // cut off
        + "93 22 0:60 / /a\\040b rw - btrfs /dev/loop3 rw\n"
    );
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[0].device, "254:0");
    EXPECT_EQ(all[0].path, "/");
    EXPECT_EQ(all[0].type, "ext4");
    EXPECT_EQ(all[0].source, "/dev/root");
    EXPECT_EQ(all[2].type, "fuse.iscsid");
    EXPECT_EQ(all[3].path, "/a b");
    EXPECT_EQ(all[3].source, "/dev/loop3");
}

TEST(mounts_below, leaves_other_folders_and_types_alone) {
    EXPECT_THAT(mounts_below(two_of_ours, "/run/other/"), IsEmpty());
    EXPECT_THAT(
        mounts_below(
            "90 22 0:50 / /run/iscsid/disks/x rw - fuse.sshfs h rw\n", "/run/iscsid/disks/"
        ),
        IsEmpty()
    );
}

TEST(mounts_below, reads_escaped_names) {
    EXPECT_THAT(
        mounts_below("9 2 0:5 / /a\\040b\\134c/disk rw - fuse.iscsid s rw\n", "/a b\\c/"),
        ElementsAre(fuse_mount_point{"/a b\\c/disk", 5, "s", "rw"})
    );
}

TEST(mounts_below, survives_damaged_lines) {
    EXPECT_THAT(mounts_below("", "/"), IsEmpty());
    EXPECT_THAT(mounts_below("\n \n1 2\n - fuse.iscsid \n/x\\9", "/"), IsEmpty());
    for (const char* device : {"", "5", "0:", "0:x", "0:5x", "8:5", "0:99999999999"})
        EXPECT_THAT(
            mounts_below("9 2 " + std::string(device) + " / /a rw - fuse.iscsid s rw\n", "/"),
            IsEmpty()
        ) << device;
    EXPECT_THAT(
        mounts_below("9 2 0:5 / /a\\0zz\\8 rw - fuse.iscsid s rw\n", "/a"),
        ElementsAre(fuse_mount_point{"/a\\0zz\\8", 5, "s", "rw"})
    );
}

TEST(kept_source, says_under_which_number_a_mount_is_kept) {
    using iscsid::disk::kept_nonce;
    const auto source = iscsid::disk::kept_source("iqn.x,lun0", 18446744073709551615U);
    EXPECT_EQ(source, "iqn.x,lun0,kept=18446744073709551615");
    EXPECT_EQ(kept_nonce(source), 18446744073709551615U);
    for (const auto* none : {"", "x,lun0", "x,kept=1,lun0", "x,kept=", "x,kept=0", "x,kept=1x"})
        EXPECT_FALSE(kept_nonce(none)) << none;
}

TEST(largest_read, is_among_the_options_of_a_mount) {
    using iscsid::disk::largest_read;
    const auto with = [](std::string options) {
        return fuse_mount_point{"/a", 5, "s", std::move(options)};
    };
    EXPECT_EQ(largest_read(with("rw,user_id=0,max_read=262144")), 262144U);
    EXPECT_EQ(largest_read(with("max_read=4096,rw")), 4096U);
    for (const auto* none : {"", "rw", "rw,max_read=", "max_read=1k", "max_read=99999999999"})
        EXPECT_EQ(largest_read(with(none)), 0U) << none;
}

} // namespace
