#include "libiscsi/metrics/session_metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace iscsi::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string of_session = R"(target="iqn.a:b",portal="10.0.0.1:3260",iface="default",sid="7")";
const std::string of_lun = of_session + R"(,lun="2",disk="ublkb0")";

observation one_session() {
    admin::session_info session;
    session.sid = 7;
    session.node = {"iqn.a:b", "10.0.0.1", 3260, 1, "default"};
    session.session_state = "LOGGED_IN";
    session.statistics = {{"txdata_octets", 100}, {"digest_err", 3}, {"r2t_pdus", 4}};
    session.events = {{"logins", 3}, {"abort_task", 5}};
    admin::attached_lun lun;
    lun.lun = 2;
    lun.disk = "ublkb0";
    lun.commands = 2;
    lun.io = {
        {"read",
         3,
         6,
         1,
         4096,
         {{16, 1}, {20, 2}, {32, 1}, {1U << 25, 1}, {1U << 30, 1}},
         2'500'000},
        {"write", 0, 0, 0, 0, {}, 0},
        {"flush", 0, 0, 0, 0, {}, 0},
        {"discard", 1, 0, 0, 0, {}, 0}};
    session.luns = {lun};
    return {{"0.1", "ublk", "io_uring", 1, ""}, {session}, {}};
}

std::string text_of(const observation& seen) {
    return metrics_text(seen, form::openmetrics);
}

TEST(session_metrics, tell_of_a_session) {
    const auto text = text_of(one_session());
    for (const auto& line :
         {std::string(R"(iscsi_build_info{version="0.1",disk_driver="ublk",ring="io_uring"} 1)"),
          std::string("iscsi_sessions 1"),
          "iscsi_session_up{" + of_session + "} 1",
          "iscsi_session_state{" + of_session + ",iscsi_session_state=\"logged_in\"} 1",
          "iscsi_session_state{" + of_session + ",iscsi_session_state=\"failed\"} 0",
          "iscsi_session_transmit_bytes_total{" + of_session + "} 100",
          "iscsi_session_receive_bytes_total{" + of_session + "} 0",
          "iscsi_session_digest_errors_total{" + of_session + "} 3",
          "iscsi_session_pdus_total{" + of_session + ",direction=\"receive\",type=\"r2t\"} 4",
          "iscsi_session_reconnects_total{" + of_session + "} 2",
          "iscsi_session_task_management_total{" + of_session + ",function=\"abort_task\"} 5"})
        EXPECT_THAT(text, HasSubstr("\n" + line + "\n")) << line;
}

TEST(session_metrics, tell_of_a_lun) {
    const auto text = text_of(one_session());
    const auto reads = of_lun + ",operation=\"read\"";
    for (const auto& line :
         {"iscsi_lun_up{" + of_lun + "} 1",
          "iscsi_lun_requests_total{" + reads + "} 6",
          "iscsi_lun_request_errors_total{" + reads + "} 1",
          "iscsi_lun_bytes_total{" + reads + "} 4096",
          "iscsi_lun_requests_in_flight{" + reads + "} 3",
          "iscsi_lun_requests_in_flight{" + of_lun + ",operation=\"discard\"} 1",
          "iscsi_lun_commands_sent{" + of_lun + "} 2",
          "iscsi_lun_requests_waiting{" + of_lun + "} 2"})
        EXPECT_THAT(text, HasSubstr("\n" + line + "\n")) << line;
    EXPECT_THAT(text, Not(HasSubstr("operation=\"flush\""))) << "there was none";
}

// A bucket of the meter counts where it ends; what is above the last bound, at the end alone.
TEST(session_metrics, have_a_bucket_for_each_power_of_two) {
    const auto text = text_of(one_session());
    const auto bucket = [](std::string_view bound, int count) {
        return "iscsi_lun_request_duration_seconds_bucket{" + of_lun + ",operation=\"read\",le=\"" +
               std::string(bound) + "\"} " + std::to_string(count) + "\n";
    };
    for (const auto& line :
         {bucket("1.6e-05", 1),
          bucket("3.2e-05", 4),
          bucket("0.000256", 4),
          bucket("16.777216", 4),
          bucket("33.554432", 5),
          bucket("+Inf", 6)})
        EXPECT_THAT(text, HasSubstr(line));
    const auto all = "{" + of_lun + ",operation=\"read\"} ";
    EXPECT_THAT(text, HasSubstr("iscsi_lun_request_duration_seconds_count" + all + "6\n"));
    EXPECT_THAT(text, HasSubstr("iscsi_lun_request_duration_seconds_sum" + all + "2.5\n"));
}

TEST(session_metrics, tell_the_states_apart) {
    auto seen = one_session();
    auto& session = seen.sessions.front();
    const auto state_is = [&](const std::string& state) {
        return testing::AllOf(
            HasSubstr(",iscsi_session_state=\"" + state + "\"} 1\n"),
            HasSubstr("iscsi_session_up{" + of_session + "} 0\n")
        );
    };
    session.session_state = "FAILED";
    EXPECT_THAT(text_of(seen), state_is("failed"));
    session.session_state = "FREE";
    EXPECT_THAT(text_of(seen), state_is("free"));
    session.login_pending = true;
    EXPECT_THAT(text_of(seen), state_is("login"));
    session.luns.front().state = "offline";
    EXPECT_THAT(text_of(seen), HasSubstr("iscsi_lun_up{" + of_lun + "} 0\n"));
}

TEST(session_metrics, tell_of_logins_that_are_missing) {
    observation seen;
    seen.kept_logins = {{{"iqn.x:y", "fe80::1%eth0", 3260, -1, "eth"}, 90, 4, "refused"}};
    const auto text = text_of(seen);
    const std::string node = R"({target="iqn.x:y",portal="[fe80::1%eth0]:3260",iface="eth"})";
    EXPECT_THAT(text, HasSubstr("iscsi_kept_logins 1\n"));
    EXPECT_THAT(text, HasSubstr("iscsi_kept_login_age_seconds" + node + " 90\n"));
    EXPECT_THAT(text, HasSubstr("iscsi_kept_login_failures_total" + node + " 4\n"));
}

TEST(session_metrics, cannot_be_forged_by_a_name) {
    auto seen = one_session();
    seen.sessions.front().node.target = "iqn.a\"} 1\n# EOF\n\xff";
    const auto text = text_of(seen);
    EXPECT_THAT(text, HasSubstr("target=\"iqn.a\\\"} 1\\n# EOF\\n\xef\xbf\xbd\""));
    EXPECT_EQ(text.find("# EOF\n"), text.size() - 6);
    EXPECT_EQ(std::ranges::count(text, '\n'), std::ranges::count(text_of(one_session()), '\n'));
}

} // namespace
} // namespace iscsi::metrics
