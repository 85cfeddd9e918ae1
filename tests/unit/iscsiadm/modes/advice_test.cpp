#include "tests/unit/iscsiadm/modes/mode_test.hpp"

// What people are told on a terminal, and programs are not: they take any line on stderr of a
// command that succeeds for a failure.
namespace iscsi::cli {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class advice : public mode_test {};

TEST_F(advice, is_given_to_whose_value_changes_nothing) {
    add_node(t1);
    const std::vector<std::string> line = {
        "-m", "node", "-T", t1, "-n", "node.startup", "-v", "automatic"};
    const std::string shown = run_well(line);
    EXPECT_THAT(shown, HasSubstr("node.startup = manual\n")) << "as open-iscsi";
    is_terminal = true;
    const outcome got = run(line);
    EXPECT_EQ(got.code, 0);
    EXPECT_EQ(got.out, shown);
    EXPECT_EQ(got.err, "iscsiadm: -n and -v change nothing here: use -o update\n");
    EXPECT_EQ(run({"-m", "node", "-T", t1}).err, "");
    EXPECT_EQ(
        run({"-m", "node", "-T", t1, "-o", "update", "-n", "node.startup", "-v", "onboot"}).err, ""
    );
}

TEST_F(advice, tells_which_sessions_only_come_or_go) {
    daemon.sessions = {golden_session(), golden_session(), golden_session()};
    daemon.sessions[0].sid = 1;
    daemon.sessions[1].sid = 2;
    daemon.sessions[1].login_pending = true;
    daemon.sessions[2].sid = 3;
    daemon.sessions[2].logout_pending = true;
    const std::string lines = run_well({"-m", "session"});
    is_terminal = true;
    const outcome got = run({"-m", "session"});
    EXPECT_EQ(got.out, lines);
    EXPECT_THAT(got.err, StartsWith("iscsiadm: [sid: 2, target: "));
    EXPECT_THAT(got.err, HasSubstr("]: the login is still under way\niscsiadm: [sid: 3, target: "));
    EXPECT_THAT(got.err, EndsWith("]: is being logged out\n"));
    EXPECT_EQ(run({"-m", "session", "-P", "1"}).err, "") << "it stands among the lines";
}

} // namespace
} // namespace iscsi::cli
