#include "tests/unit/iscsiadm/modes/mode_test.hpp"

namespace iscsi::cli {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

class watch_test : public mode_test {
  protected:
    static admin::session_info with_reads(std::uint32_t sid, std::uint64_t requests) {
        auto session = session_of(node_id_of(t1), sid);
        session.luns = {{0, "loop0", "running", {{"read", 0, requests, 0, 0, {}}}}};
        return session;
    }

    // What the watch sees, after what the command itself asks for.
    void see(std::vector<result<std::vector<admin::session_info>>> looks) {
        daemon.sessions = *looks.front();
        daemon.looks = std::move(looks);
        display.looks = daemon.looks.size();
    }

    static fault absence() {
        return {to_error_code(client_errc::not_running), "socket", "111", {}};
    }
};

using sessions = std::vector<admin::session_info>;

TEST_F(watch_test, draws_until_nobody_looks) {
    see({sessions{with_reads(1, 3)}, sessions{with_reads(1, 5)}, sessions{with_reads(1, 5)}});
    EXPECT_EQ(run_well({"-m", "session", "--watch"}), "");
    ASSERT_THAT(display.drawn, SizeIs(3));
    EXPECT_THAT(display.drawn[0], SizeIs(4));
    EXPECT_THAT(display.drawn[0][0], StartsWith("1 sessions, 1 LUNs"));
    EXPECT_THAT(display.drawn[2][3], HasSubstr("0 loop0         0      0"));
}

TEST_F(watch_test, is_about_one_session_when_one_is_named) {
    see({sessions{with_reads(1, 3), with_reads(2, 3)}, sessions{with_reads(1, 3)}});
    run_well({"-m", "session", "-r", "2", "--watch"});
    ASSERT_THAT(display.drawn, SizeIs(2));
    EXPECT_THAT(display.drawn[0], SizeIs(4));
    EXPECT_THAT(display.drawn[1], SizeIs(2)) << "it has ended";
}

TEST_F(watch_test, waits_for_a_daemon_that_is_away) {
    see({sessions{with_reads(1, 3)}, absence(), sessions{with_reads(1, 1)}});
    run_well({"-m", "session", "--watch"});
    ASSERT_THAT(display.drawn, SizeIs(3));
    EXPECT_THAT(display.drawn[1][0], StartsWith("iscsid does not answer: "));
    EXPECT_THAT(display.drawn[2], SizeIs(4));
}

TEST_F(watch_test, fails_as_its_last_look) {
    see({sessions{with_reads(1, 3)}, absence()});
    EXPECT_EQ(run({"-m", "session", "--watch"}).code, 20);
}

TEST_F(watch_test, has_nothing_to_show_without_a_session) {
    EXPECT_EQ(run({"-m", "session", "--watch"}).code, 21);
    EXPECT_THAT(display.drawn, SizeIs(0));
}

} // namespace
} // namespace iscsi::cli
