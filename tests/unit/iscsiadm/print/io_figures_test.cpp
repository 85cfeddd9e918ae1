#include "tests/unit/iscsiadm/print/golden_sessions.hpp"

#include "iscsiadm/print/io_figures.hpp"
#include "iscsiadm/print/watch_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iscsi::cli {
namespace {

using admin::io_figures;
using admin::latency_bucket;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

using buckets = std::vector<latency_bucket>;

io_figures reads(std::uint64_t requests, buckets latencies = {}) {
    constexpr std::uint64_t each = 4096;
    return {"read", 0, requests, 0, requests * each, std::move(latencies)};
}

TEST(io_figures, percentiles_are_bounds_of_buckets) {
    EXPECT_EQ(percentile({}, 50), std::nullopt);
    EXPECT_EQ(percentile({{128, 1}}, 50), 128U);
    const buckets some{{128, 50}, {160, 48}, {1024, 1}, {2048, 1}};
    EXPECT_EQ(percentile(some, 50), 128U);
    EXPECT_EQ(percentile(some, 51), 160U);
    EXPECT_EQ(percentile(some, 99), 1024U);
    EXPECT_EQ(percentile(some, 100), 2048U);
}

TEST(io_figures, times_have_two_digits_and_a_unit) {
    EXPECT_EQ(time_words(0), "0 us");
    EXPECT_EQ(time_words(999), "999 us");
    EXPECT_EQ(time_words(1000), "1 ms");
    EXPECT_EQ(time_words(1280), "1.3 ms");
    EXPECT_EQ(time_words(20480), "20 ms");
    EXPECT_EQ(time_words(1048576), "1 s");
    EXPECT_EQ(time_words(1342177), "1.3 s");
}

TEST(io_figures, a_difference_is_what_has_ended_meanwhile) {
    const auto change = difference(reads(7, {{128, 3}, {160, 4}}), reads(4, {{128, 3}, {160, 1}}));
    EXPECT_EQ(change.requests, 3U);
    EXPECT_EQ(change.bytes, 3U * 4096);
    ASSERT_THAT(change.latencies, SizeIs(1));
    EXPECT_EQ(change.latencies[0].below_us, 160U);
    EXPECT_EQ(change.latencies[0].count, 3U);
}

TEST(io_figures, figures_that_went_back_are_of_a_new_daemon) {
    EXPECT_EQ(difference(reads(2), reads(9)).requests, 2U);
}

TEST(io_figures, statistics_name_the_kinds_that_were_asked_for_by_powers_of_two) {
    admin::attached_lun lun{3, "loop1", "running", {reads(7, {{112, 2}, {128, 3}, {160, 2}})}};
    lun.io.push_back({"flush"});
    EXPECT_EQ(
        io_lines(lun),
        "\tLUN 3, loop1\n"
        "\t\tread: 7 ended, 0 failed, 0 in flight, 28672 bytes; 50 % < 128 us, 99 % < 160 us\n"
        "\t\t\t< 128 us: 5\n"
        "\t\t\t< 256 us: 2\n"
    );
    EXPECT_EQ(io_lines({3, "loop1", "running", {{"read"}, {"write"}}}), "");
}

sample sample_with(int second, std::vector<admin::attached_lun> luns) {
    admin::session_info session = golden_session();
    session.luns = std::move(luns);
    return {std::chrono::steady_clock::time_point(seconds(second)), {session}};
}

admin::attached_lun lun_with(std::uint64_t number, std::vector<io_figures> io) {
    return {number, "loop" + std::to_string(number), "running", std::move(io)};
}

TEST(watch_table, shows_rates_of_each_lun_and_their_sum) {
    const auto before = sample_with(0, {lun_with(0, {reads(0)}), lun_with(1, {reads(10)})});
    const auto now = sample_with(
        2, {lun_with(0, {reads(2000, {{128, 2000}})}), lun_with(1, {reads(30, {{4096, 20}})})}
    );
    const auto lines = watch_table(now, before);
    ASSERT_THAT(lines, SizeIs(4));
    EXPECT_EQ(
        lines[0], " SID  LUN DISK        r/s    w/s   rB/s   wB/s depth   r50%   r99%   w50%   w99%"
    );
    EXPECT_THAT(lines[1], HasSubstr("LOGGED_IN       1.0k      0   4.1M      0"));
    EXPECT_EQ(
        lines[2], "        0 loop0      1.0k      0   4.1M      0     0  128us  128us      -      -"
    );
    EXPECT_EQ(
        lines[3], "        1 loop1        10      0    41k      0     0  4.1ms  4.1ms      -      -"
    );
}

TEST(watch_table, says_nothing_of_what_was_not_there_before) {
    const auto lines = watch_table(sample_with(1, {lun_with(0, {reads(5)})}), {});
    EXPECT_THAT(lines[1], HasSubstr(" - "));
    EXPECT_THAT(lines[2], Not(HasSubstr("5")));
}

TEST(watch_table, names_failures_flushes_and_disks_that_are_offline) {
    auto lun = lun_with(0, {{"write", 3, 4, 2, 0, {}}, {"flush", 0, 8, 0, 0, {}}});
    lun.state = "offline";
    const auto before = sample_with(0, {lun_with(0, {})});
    EXPECT_THAT(
        watch_table(sample_with(1, {lun}), before)[2], EndsWith(" offline 8 flushes/s 2 FAILED")
    );
}

TEST(cut_to, leaves_out_what_a_terminal_has_no_room_for) {
    EXPECT_EQ(cut_to({"one", "two", "three"}, 0, 0), "one\ntwo\nthree\n");
    EXPECT_EQ(cut_to({"one", "two", "three"}, 3, 3), "one\ntwo\nthr\n");
    EXPECT_EQ(cut_to({"one", "two", "three"}, 2, 80), "one\n(2 lines more)\n");
}

} // namespace
} // namespace iscsi::cli
