#include "tests/unit/iscsiadm/modes/mode_test.hpp"

#include "iscsiadm/modes/explained_daemon.hpp"

namespace iscsi::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class explained_daemon_test : public testing::Test {
  protected:
    // What is explained when a session is logged in to, with the secrets of a user that must not
    // be.
    std::string explained(int level) {
        std::ostringstream out, err;
        console screen(out, err, level);
        fake_daemon daemon;
        daemon.sessions = {golden_session()};
        daemon.sessions[0].statistics = {{"login_pdus", 2}, {"rjt_pdus", 0}};
        explained_daemon explained(daemon, screen);
        (void)explained.list_sessions();
        (void
        )explained.log_in({{golden_session().node}}, std::chrono::seconds(90), [](const auto&) {});
        return err.str();
    }
};

TEST_F(explained_daemon_test, says_nothing_without_being_asked) {
    EXPECT_EQ(explained(0), "");
}

TEST_F(explained_daemon_test, names_calls_and_answers) {
    EXPECT_EQ(
        explained(1),
        "iscsiadm: iscsid is asked for its sessions: 1\n"
        "iscsiadm: iscsid is asked to log in to 1 nodes, for 90s at most without an answer\n"
        "iscsiadm: answer for node 0, session 1: well\n"
        "iscsiadm: iscsid has done it\n"
    );
}

TEST_F(explained_daemon_test, names_nodes_addresses_and_pdus_at_higher_levels) {
    EXPECT_THAT(
        explained(2),
        AllOf(
            HasSubstr("LOGGED IN, connected to 10.9.9.1:3260,1 from 10.9.9.1\n"),
            HasSubstr("[iface: default, target: iqn.2020-01.test:t1, portal: 10.9.9.1,3260]\n"),
            Not(HasSubstr("login_pdus"))
        )
    );
    EXPECT_THAT(explained(4), AllOf(HasSubstr(" login_pdus=2\n"), Not(HasSubstr("rjt_pdus"))));
}

class explained_records_test : public mode_test {};

TEST_F(explained_records_test, name_what_is_meant_and_no_secret) {
    add_node(t1);
    add_node(t2);
    update(t1, "node.session.auth.password", "open-sesame-1");
    const outcome got = run({"-m", "node", "-T", t1, "-d", "8"});
    EXPECT_EQ(got.code, 0);
    EXPECT_THAT(
        got.err,
        AllOf(
            HasSubstr("iscsiadm: 1 node records are meant, in " + where.database.string() + "\n"),
            HasSubstr("[iface: default, target: " + t1),
            Not(HasSubstr(t2)),
            Not(HasSubstr("open-sesame"))
        )
    );
}

} // namespace
} // namespace iscsi::cli
