#include "tests/unit/iscsiadm/modes/mode_test.hpp"

namespace iscsi::cli {
namespace {

using admin::exit_code;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct session_change_test : mode_test {
    session_change_test() {
        add_node(t1);
        daemon.sessions = {session_of(node_id_of(t1), 5)};
    }

    outcome change(std::vector<std::string> more = {}) {
        std::vector<std::string> line{
            "-m",
            "session",
            "-r",
            "5",
            "-o",
            "update",
            "-n",
            "node.session.queue_depth",
            "-v",
            "64",
            "-n",
            "node.session.cmds_max",
            "-v",
            "256"};
        line.insert(line.end(), more.begin(), more.end());
        return run(line);
    }
};

TEST_F(session_change_test, changes_the_record_and_tells_the_session_which_keys) {
    const auto got = change();
    EXPECT_EQ(got.code, 0);
    EXPECT_EQ(got.out + got.err, "") << "open-iscsi prints nothing";
    EXPECT_EQ(value_of(t1, "node.session.queue_depth"), "64");
    ASSERT_EQ(daemon.changed_sessions.size(), 1U);
    EXPECT_EQ(daemon.changed_sessions.front().sid, 5U);
    EXPECT_THAT(
        daemon.changed_sessions.front().keys,
        ElementsAre("node.session.queue_depth", "node.session.cmds_max")
    );
}

TEST_F(session_change_test, tells_people_what_does_not_hold_yet) {
    is_terminal = true;
    daemon.change_answer.at_login = {"node.session.auth.password"};
    daemon.change_answer.later = {"node.session.cmds_max"};
    const auto got = change();
    EXPECT_EQ(got.code, 0);
    EXPECT_THAT(
        got.err, HasSubstr("from the next login of this session on: node.session.auth.password\n")
    );
    EXPECT_THAT(
        got.err, HasSubstr("not in this session, but in the next one: node.session.cmds_max\n")
    );
}

TEST_F(session_change_test, says_that_the_record_is_changed_when_the_session_is_not) {
    daemon.change_answer = {exit_code::session_not_connected, "its login is under way"};
    const auto got = change();
    EXPECT_EQ(got.code, static_cast<int>(exit_code::session_not_connected));
    EXPECT_EQ(
        got.err,
        "iscsiadm: The record is changed, but session 5 goes on as it was: its login is under way\n"
    );
    EXPECT_EQ(value_of(t1, "node.session.queue_depth"), "64");
}

TEST_F(session_change_test, asks_nothing_of_the_session_when_the_record_cannot_be_changed) {
    EXPECT_NE(run({"-m", "session", "-r", "5", "-o", "update", "-n", "node.x", "-v", "1"}).code, 0);
    EXPECT_THAT(daemon.changed_sessions, IsEmpty());
}

TEST_F(session_change_test, is_for_sessions_only) {
    run_well({"-m", "node", "-o", "update", "-n", "node.session.queue_depth", "-v", "64"});
    EXPECT_THAT(daemon.changed_sessions, IsEmpty());
}

TEST_F(session_change_test, is_in_the_document) {
    daemon.change_answer.now = {"node.session.queue_depth"};
    const auto got = change({"--json"});
    EXPECT_EQ(got.code, 0);
    EXPECT_THAT(got.out, HasSubstr(R"("record":"session")"));
    EXPECT_THAT(got.out, HasSubstr(R"("now":["node.session.queue_depth"])"));
}

} // namespace
} // namespace iscsi::cli
