#include "iscsid/compat/sysfs_places.hpp"

#include <gtest/gtest.h>

namespace {

using namespace iscsid::compat;

constexpr const char* mounts = R"(22 1 0:20 / /sys rw,relatime - sysfs sysfs rw
40 22 0:50 / /sys/class/iscsi_host rw,nosuid - tmpfs iscsid:/run/iscsid rw,mode=755
41 40 0:51 / /sys/class/iscsi_host/.acting rw shared:3 - fuse.iscsid iscsid:/run/iscsid rw
42 22 0:52 / /sys/class/scsi_host rw - tmpfs iscsid:/tmp/a\040b rw
43 1 0:53 / /run/iscsid/disks/x rw - fuse.iscsid iscsid:/run/iscsid rw
44 22 0:54 / /sys/fs/cgroup rw - tmpfs tmpfs rw
45 22 damaged
)";

TEST(our_mounts, are_those_with_our_source_in_the_folder_the_newest_first) {
    const std::vector<mounted> expected{
        {"/sys/class/scsi_host", "iscsid:/tmp/a b"},
        {"/sys/class/iscsi_host/.acting", "iscsid:/run/iscsid"},
        {"/sys/class/iscsi_host", "iscsid:/run/iscsid"}};
    EXPECT_EQ(our_mounts(mounts, "/sys"), expected);
}

TEST(our_mounts, are_none_where_there_is_nothing) {
    EXPECT_TRUE(our_mounts("", "/sys").empty());
    EXPECT_TRUE(our_mounts("22 1 0:20 / /sys rw - sysfs sysfs rw\n", "/sys").empty());
}

} // namespace
