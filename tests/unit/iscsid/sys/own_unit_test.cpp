#include "iscsid/sys/own_unit.hpp"

#include <gtest/gtest.h>

namespace {

using iscsid::sys::is_started_again;

TEST(own_unit, is_started_again_by_a_job_that_starts_it) {
    for (const auto* job : {"restart", "try-restart", "start"})
        for (const auto* restart : {"no", "always"})
            EXPECT_TRUE(is_started_again(job, restart)) << job << ' ' << restart;
}

TEST(own_unit, is_not_started_again_after_a_stop) {
    EXPECT_FALSE(is_started_again("stop", "always"));
    EXPECT_FALSE(is_started_again("stop", "no"));
}

// An end with exit code 0 that nobody asked systemd for.
TEST(own_unit, is_started_again_without_a_job_where_it_always_is) {
    for (const auto* job : {"", "reload", "verify-active"}) {
        EXPECT_TRUE(is_started_again(job, "always")) << job;
        EXPECT_FALSE(is_started_again(job, "no")) << job;
        EXPECT_FALSE(is_started_again(job, "on-failure")) << job;
    }
}

} // namespace
