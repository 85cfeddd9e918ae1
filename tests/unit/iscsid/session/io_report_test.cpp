#include "tests/unit/iscsid/session/captured_log.hpp"

#include "iscsid/session/io_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace iscsid::session {
namespace {

using lane::identity_change;
using lane::identity_news;
using lane::io_trouble;
using lane::trouble_kind;

io_trouble failed_write() {
    io_trouble what;
    what.lun[1] = std::byte{2};
    what.op = lane::operation::write;
    what.lba = 1234;
    what.blocks = 8;
    what.bytes = 4096;
    what.reason = "CHECK CONDITION, MEDIUM ERROR 0C/00";
    what.tries = 6;
    what.error = EIO;
    what.count = 1;
    return what;
}

TEST(io_report, names_all_that_is_known_of_an_error) {
    EXPECT_EQ(
        describe(failed_write(), "ublkb0"),
        "LUN 2 (ublkb0): WRITE of 8 blocks (4096 bytes) at LBA 1234 failed after 6 tries with "
        "Input/output error: CHECK CONDITION, MEDIUM ERROR 0C/00"
    );
}

TEST(io_report, has_no_empty_names) {
    auto flush = failed_write();
    flush.op = lane::operation::flush;
    flush.blocks = flush.bytes = flush.lba = 0;
    flush.tries = 1;
    EXPECT_EQ(
        describe(flush, ""),
        "LUN 2: flush failed after 1 try with Input/output error: CHECK CONDITION, MEDIUM ERROR "
        "0C/00"
    );
    flush.tries = 0;
    EXPECT_THAT(describe(flush, ""), ::testing::HasSubstr("flush failed before it was sent with"));
}

TEST(io_report, says_how_many_errors_a_line_stands_for) {
    auto fourth = failed_write();
    fourth.count = 4;
    fourth.untold = 1;
    EXPECT_THAT(describe(fourth, ""), ::testing::EndsWith("(4 in a row; 1 without a line)"));
    fourth.count = 1; // after a quiet time
    EXPECT_THAT(describe(fourth, ""), ::testing::EndsWith("(1 in a row; 1 without a line)"));
}

TEST(io_report, an_abort_says_that_the_request_goes_on) {
    auto aborted = failed_write();
    aborted.kind = trouble_kind::aborted;
    aborted.reason = "no answer, aborted";
    aborted.tries = 2;
    const captured_log log;
    report("session 1", "sdc", aborted);
    EXPECT_TRUE(
        log.has("session 1: LUN 2 (sdc): WRITE of 8 blocks (4096 bytes) at LBA 1234, try 2: "
                "no answer, aborted")
    );
    report("session 1", "sdc", failed_write());
    EXPECT_TRUE(log.has("session 1: LUN 2 (sdc): WRITE of 8 blocks (4096 bytes) at LBA 1234 failed")
    );
}

TEST(io_report, tells_of_lost_writes) {
    io_trouble lost;
    lost.kind = trouble_kind::lost_write;
    EXPECT_EQ(
        describe(lost, "sdc"),
        "LUN 0 (sdc): a write that was answered before is lost, the next flush fails"
    );
    lost.reason = "CHECK CONDITION, deferred MEDIUM ERROR 0C/00";
    EXPECT_THAT(describe(lost, ""), ::testing::EndsWith("fails: " + lost.reason));
}

TEST(io_report, tells_of_units_that_are_not_what_they_were) {
    identity_change what;
    what.recorded = "S1";
    what.shown = "S2";
    const auto words = [&what](identity_news news) {
        what.what = news;
        return describe(what, "sdc");
    };
    EXPECT_EQ(
        words(identity_news::other),
        "LUN 0 (sdc): it is S2 now, not S1: its I/O fails until that is back"
    );
    EXPECT_THAT(words(identity_news::silent), ::testing::HasSubstr("whether it is still S1"));
    EXPECT_THAT(words(identity_news::unclear), ::testing::HasSubstr("it is taken for S1"));
    EXPECT_EQ(words(identity_news::confirmed), "LUN 0 (sdc): it is S1 again");
    what.shown.clear();
    EXPECT_THAT(words(identity_news::other), ::testing::HasSubstr("S1 is not there"));
}

TEST(io_report, tells_of_a_write_that_bars_other_sessions_and_when_that_is_over) {
    captured_log log;
    lane::fence_moved what;
    what.lun[1] = std::byte{2};
    what.is_raised = true;
    report("sid 1", "ublkb1", what);
    EXPECT_TRUE(
        log.has("sid 1: LUN 2 (ublkb1): a write of this session may still run at the target: "
                "writes of the other sessions of the disk fail until that is over")
    );
    what.is_raised = false;
    what.lasted = std::chrono::milliseconds(12'700);
    report("sid 1", "ublkb1", what);
    EXPECT_TRUE(
        log.has("sid 1: LUN 2 (ublkb1): no write of this session runs at the target any more, 12 s "
                "after one was lost: it bars the other sessions of the disk no longer")
    );
}

TEST(io_report, says_why_a_unit_is_reset_before_it_is_used) {
    captured_log log;
    lane::reset_ordered what;
    what.lun[1] = std::byte{2};
    what.why = "ublkb0 has ended";
    report("sid 1", "ublkb1", what);
    EXPECT_TRUE(log.has(
        "sid 1: LUN 2 (ublkb1): ublkb0 has ended, and the target may still run a write of one of "
        "its sessions: nothing goes to the unit before a reset of it is answered"
    ));
}

} // namespace
} // namespace iscsid::session
