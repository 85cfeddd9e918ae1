#include "iscsid/sys/log.hpp"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <cstdlib>

namespace {

using namespace iscsid::sys;

std::string logged(int debug) {
    testing::internal::CaptureStderr();
    set_up_log(log_place::standard_error, debug);
    spdlog::error("bad");
    spdlog::info("good");
    spdlog::debug("deep");
    spdlog::trace("deeper");
    return testing::internal::GetCapturedStderr();
}

TEST(log, goes_to_stderr_with_the_name_of_the_program) {
    ::unsetenv("JOURNAL_STREAM");
    EXPECT_EQ(logged(0), "iscsid: bad\niscsid: good\n");
    EXPECT_EQ(logged(1), "iscsid: bad\niscsid: good\niscsid: deep\n");
    EXPECT_EQ(logged(8), "iscsid: bad\niscsid: good\niscsid: deep\niscsid: deeper\n");
}

TEST(log, gives_priorities_to_the_journal) {
    ::setenv("JOURNAL_STREAM", "8:1", 1);
    EXPECT_EQ(logged(1), "<3>bad\n<6>good\n<7>deep\n");
    ::unsetenv("JOURNAL_STREAM");
}

} // namespace
