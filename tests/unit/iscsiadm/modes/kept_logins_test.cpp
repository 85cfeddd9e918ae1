#include "tests/unit/iscsiadm/modes/mode_test.hpp"

#include <algorithm>

// --keep-trying, and what is said of such logins.
namespace iscsi::cli {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class kept_login : public mode_test {};

class kept_leading_login : public kept_login {
  protected:
    kept_leading_login() {
        add_node(t1, "10.9.9.1:3260,1");
        add_node(t1, "10.9.9.2:3260,1");
        update(t1, "node.leading_login", "Yes");
    }
};

TEST_F(kept_login, has_iscsid_keep_trying) {
    add_node(t1);
    add_node(t2);
    daemon.login_answers = {
        {1, exit_code::success, "", 4},
        {0, exit_code::transport_timeout, "Connection refused; iscsid keeps trying", 0}};
    const outcome got = run({"-m", "node", "-l", "--keep-trying"});
    EXPECT_EQ(got.code, 8);
    ASSERT_EQ(daemon.logins.size(), 1U);
    EXPECT_TRUE(daemon.logins[0].keep_trying);
    EXPECT_THAT(got.out, HasSubstr("Login to [iface: default, target: " + t2));
    EXPECT_THAT(got.err, HasSubstr(": Connection refused; iscsid keeps trying\n"));
    EXPECT_GE(daemon.patience, std::chrono::hours(1)); // iscsid.autologin_wait may be that long
}

TEST_F(kept_login, tells_the_end_of_each_session_of_a_kept_login) {
    add_node(t1);
    update(t1, "node.session.nr_sessions", "3");
    daemon.sessions = {session_of(node_id_of(t1), 1)};
    daemon.login_answers = {{0, exit_code::success, "", 4}};
    const std::string out = run_well({"-m", "node", "-l", "--keep-trying"});
    EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 4) << out;
}

TEST_F(kept_leading_login, is_the_choice_of_iscsid_when_it_keeps_trying) {
    daemon.login_answers = {{1, exit_code::success, "", 4}, {0, exit_code::success, "", 0}};
    daemon.login_answers[1].needless = true;
    const std::string out = run_well({"-m", "node", "-L", "all", "--keep-trying"});
    ASSERT_EQ(daemon.logins.size(), 1U);
    EXPECT_EQ(daemon.logins[0].nodes.size(), 2U);
    EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 2) << out;
    EXPECT_THAT(out, HasSubstr("10.9.9.2,3260] successful.\n"));
}

TEST_F(kept_leading_login, needs_no_other_session_when_it_keeps_trying) {
    daemon.sessions = {session_of({t1, "10.9.9.2", 3260, 1, "default"}, 4)};
    EXPECT_EQ(run_well({"-m", "node", "-L", "all", "--keep-trying"}), "");
    EXPECT_THAT(daemon.logins, IsEmpty());
}

TEST_F(kept_login, ends_kept_logins_with_a_logout) {
    add_node(t1);
    add_node(t2);
    for (const auto& logout : std::vector<std::vector<std::string>>{
             {"-m", "node", "-T", t1, "-u"},
             {"-m", "node", "-U", "all"},
             {"-m", "session", "-u"}}) {
        daemon.kept = {{node_id_of(t1), 3, 1, "x"}};
        const outcome got = run(logout);
        EXPECT_EQ(got.code, 0) << got.err;
        EXPECT_THAT(daemon.kept, IsEmpty());
        EXPECT_THAT(got.err, HasSubstr("iscsid tries no more to log in"));
    }
    daemon.kept = {{node_id_of(t1), 3, 1, "x"}};
    EXPECT_EQ(run({"-m", "node", "-T", t2, "-u"}).code, 21);
    EXPECT_EQ(run({"-m", "node", "-T", t1, "-u", "--dry-run"}).code, 21);
    EXPECT_EQ(run({"-m", "node", "-U", "automatic"}).code, 21);
    EXPECT_EQ(daemon.kept.size(), 1U);
}

// Programs take any line on stderr for a failure.
TEST_F(kept_login, tells_of_kept_logins_where_people_read) {
    daemon.sessions = {session_of({t1, "10.9.9.2", 3260, 1, "default"}, 4)};
    daemon.kept = {{{t2, "10.9.9.3", 3260, 1, "default"}, 61, 7, "Connection refused"}};
    EXPECT_THAT(run_well({"-m", "session"}), Not(HasSubstr(t2)));
    EXPECT_THAT(run({"-m", "session", "--json"}).out, HasSubstr("has tried for 61 s: Connection"));
    hints = true;
    const outcome shown = run({"-m", "session"});
    EXPECT_EQ(shown.code, 0);
    EXPECT_THAT(shown.err, HasSubstr(t2 + ", portal: 10.9.9.3,3260]: not logged in"));
    daemon.sessions.clear();
    EXPECT_THAT(run({"-m", "session"}).err, EndsWith("iscsiadm: No active sessions.\n"));
    daemon.kept[0].reason.clear();
    EXPECT_THAT(run({"-m", "session"}).err, HasSubstr("no try has ended yet"));
}

} // namespace
} // namespace iscsi::cli
