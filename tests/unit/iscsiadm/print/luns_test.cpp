#include "iscsiadm/print/luns.hpp"

#include <gtest/gtest.h>

namespace iscsi::cli {
namespace {

TEST(lun_table, has_a_line_for_each_lun_in_columns) {
    admin::session_info session;
    session.sid = 3;
    session.node = {"iqn.a:b", "10.0.0.1", 3260, 1, "default"};
    const std::string disk = "direct access block device";
    const std::vector<admin::lun_details> luns{
        {0,
         "storage array controller",
         "IET",
         "Controller",
         "0001",
         "",
         0,
         0,
         false,
         false,
         false,
         false,
         "unusable",
         "storage array controller",
         ""},
        {1,
         disk,
         "IET",
         "VIRTUAL-DISK",
         "0001",
         "360000",
         64U << 20U,
         512,
         true,
         true,
         true,
         false,
         "running",
         "",
         "ublkb0"},
        {16640, disk, "", "", "", "", 1536, 512, false, true, false, true, "no disk", "", ""},
        {9,
         "",
         "",
         "",
         "",
         "",
         0,
         0,
         false,
         true,
         true,
         true,
         "no answer",
         "INQUIRY: no answer within 4 s",
         ""}};
    EXPECT_EQ(
        lun_table(session, luns),
        "LUNs of session [sid: 3, target: iqn.a:b, portal: 10.0.0.1,3260]\n"
        "LUN    KIND                      MODEL                  SIZE      BLOCK  WWID    THIN  "
        "WCE "
        " RO   STATE      DISK\n"
        "0      storage array controller  IET Controller 0001    -         -      -       -     -  "
        " "
        " -    unusable   -       storage array controller\n"
        "1      disk                      IET VIRTUAL-DISK 0001  64.0 MiB  512    360000  yes   "
        "yes "
        " no   running    ublkb0\n"
        "16640  disk                      -                      1.5 KiB   512    -       no    -  "
        " "
        " yes  no disk    -\n"
        "9      -                         -                      -         -      -       -     -  "
        " "
        " -    no answer  -       INQUIRY: no answer within 4 s\n"
    );
}

TEST(lun_table, has_sizes_in_units_that_people_read) {
    EXPECT_EQ(size_in_words(0), "0 B");
    EXPECT_EQ(size_in_words(1023), "1023 B");
    EXPECT_EQ(size_in_words(1024), "1.0 KiB");
    EXPECT_EQ(size_in_words(std::uint64_t{3} << 39U), "1.5 TiB");
    EXPECT_EQ(size_in_words(~std::uint64_t{0}), "16.0 EiB");
}

} // namespace
} // namespace iscsi::cli
