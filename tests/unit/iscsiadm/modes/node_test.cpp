#include "tests/unit/iscsiadm/modes/mode_test.hpp"

namespace iscsi::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class node_test : public mode_test {};

TEST_F(node_test, says_when_there_are_no_records) {
    for (const std::vector<std::string>& wish :
         {std::vector<std::string>{},
          {"-l"},
          {"-o", "show"},
          {"-o", "delete"},
          {"-L", "all"},
          {"-o", "update", "-n", "node.startup", "-v", "manual"}}) {
        std::vector<std::string> arguments{"-m", "node"};
        arguments.insert(arguments.end(), wish.begin(), wish.end());
        const outcome got = run(arguments);
        EXPECT_EQ(got.code, 21);
        EXPECT_EQ(got.err, "iscsiadm: No records found\n");
        EXPECT_EQ(got.out, "");
    }
}

TEST_F(node_test, adds_a_record_by_hand) {
    EXPECT_EQ(
        run_well({"-m", "node", "-T", t1, "-p", "10.9.9.1:3260", "-o", "new"}),
        "New iSCSI node [tcp:[hw=,ip=,net_if=,iscsi_if=default] 10.9.9.1,3260,-1 " + t1 +
            "] added\n"
    );
    EXPECT_EQ(run_well({"-m", "node"}), "10.9.9.1:3260,4294967295 " + t1 + "\n");
    EXPECT_EQ(value_of(t1, "node.discovery_type"), "static");
}

TEST_F(node_test, refuses_incomplete_and_bad_records) {
    EXPECT_EQ(run({"-m", "node", "-T", t1, "-o", "new"}).code, 7);
    EXPECT_EQ(run({"-m", "node", "-p", "10.9.9.1", "-o", "new"}).code, 7);
    EXPECT_EQ(run({"-m", "node", "-o", "new"}).code, 7);
    EXPECT_EQ(run({"-m", "node", "-T", "../x", "-p", "10.9.9.1", "-o", "new"}).code, 7);
    EXPECT_EQ(run({"-m", "node", "-T", t1, "-p", "10.9.9.1", "-I", "nosuch", "-o", "new"}).code, 3);
    EXPECT_EQ(run({"-m", "node"}).code, 21);
}

// What an -o update of these says first.
class refused_update : public mode_test {
  protected:
    void
    expect_refused(const std::string& key, const std::string& value, const std::string& words) {
        add_node(t1);
        const outcome got = run({"-m", "node", "-T", t1, "-o", "update", "-n", key, "-v", value});
        EXPECT_EQ(got.code, 7);
        EXPECT_THAT(got.err, StartsWith(words));
    }
};

TEST_F(refused_update, suggests_the_nearest_key) {
    expect_refused(
        "node.startp",
        "automatic",
        "iscsiadm: Cannot modify node.startp. Invalid param name.\n"
        "iscsiadm: did you mean node.startup?\n"
    );
}

TEST_F(refused_update, says_words_in_open_iscsis_form) {
    expect_refused(
        "node.startup",
        "sometimes",
        "iscsiadm: unknown value format 'sometimes' for parameter name 'node.startup'\n"
        "iscsiadm: Unknown parameter node.startup.\n"
        "iscsiadm: node.startup: unknown value, got sometimes, expected manual "
    );
}

TEST_F(node_test, binds_what_is_meant_to_another_interface_from_the_template) {
    add_node(t1);
    add_node(t2);
    update(t1, "node.startup", "automatic");
    run_well({"-m", "iface", "-I", "eth", "-o", "new"});
    run_well({"-m", "node", "-T", t1, "-I", "eth", "-o", "new"});
    EXPECT_THAT(
        run_well({"-m", "node", "-I", "eth"}),
        AllOf(HasSubstr(t1), Not(HasSubstr(t2)), HasSubstr("node.startup = manual"))
    );
}

TEST_F(node_test, names_an_interface_that_does_not_exist) {
    const outcome got = run({"-m", "node", "-I", "nosuch"});
    EXPECT_EQ(got.code, 3);
    EXPECT_EQ(got.err, "iscsiadm: Could not read iface info for nosuch.\n");
}

TEST_F(node_test, binds_every_portal_to_another_interface) {
    add_node(t1);
    add_node(t2);
    run_well({"-m", "iface", "-I", "eth", "-o", "new"});
    run_well({"-m", "node", "-I", "eth", "-o", "new"});
    const auto shown = run_well({"-m", "node", "-I", "eth"});
    EXPECT_THAT(shown, HasSubstr("node.name = " + t1));
    EXPECT_THAT(shown, HasSubstr("node.name = " + t2));
    EXPECT_THAT(shown, Not(HasSubstr("iface.iscsi_ifacename = default")));
}

TEST_F(node_test, lists_and_shows) {
    add_node(t1);
    add_node(t2);
    EXPECT_THAT(run_well({"-m", "node", "-P", "1"}), StartsWith("Target: " + t1 + "\n\tPortal: "));
    const std::string shown = run_well({"-m", "node", "-T", t1});
    EXPECT_THAT(shown, StartsWith("# BEGIN RECORD 2.1.8\nnode.name = " + t1 + "\nnode.tpgt = 1\n"));
    EXPECT_THAT(shown, HasSubstr("\nnode.discovery_address = <empty>\n"));
    EXPECT_THAT(shown, testing::EndsWith("\n# END RECORD\n"));
    EXPECT_THAT(run_well({"-m", "node", "-o", "show"}), HasSubstr("# END RECORD\n# BEGIN RECORD"));
    EXPECT_EQ(run({"-m", "node", "-P", "2"}).code, 7);
}

TEST_F(node_test, masks_secrets) {
    add_node(t1);
    update(t1, "node.session.auth.password", "geheimnis");
    EXPECT_THAT(run_well({"-m", "node", "-T", t1}), HasSubstr("auth.password = ********\n"));
    EXPECT_THAT(run_well({"-m", "node", "-T", t1}), HasSubstr("auth.password_in = <empty>\n"));
    EXPECT_THAT(run_well({"-m", "node", "-T", t1, "-S"}), HasSubstr("auth.password = geheimnis\n"));
}

TEST_F(node_test, updates_several_keys_at_once) {
    add_node(t1);
    EXPECT_EQ(
        run_well(
            {"-m",
             "node",
             "-o",
             "update",
             "-n",
             "node.startup",
             "-v",
             "automatic",
             "-n",
             "node.session.auth.username",
             "-v",
             "me"}
        ),
        ""
    );
    EXPECT_EQ(value_of(t1, "node.startup"), "automatic");
    EXPECT_EQ(value_of(t1, "node.session.auth.username"), "me");
    update(t1, "node.session.auth.username", "");
    EXPECT_EQ(value_of(t1, "node.session.auth.username"), "<empty>");
}

TEST_F(node_test, explains_keys_that_cannot_change) {
    add_node(t1);
    const auto complaint = [&](const std::string& name) {
        const outcome got = run({"-m", "node", "-o", "update", "-n", name, "-v", "1"});
        EXPECT_EQ(got.code, 7);
        return got.err;
    };
    const std::string last =
        "iscsiadm: Could not execute operation on all records: invalid parameter\n";
    EXPECT_EQ(
        complaint("node.nosuch"),
        "iscsiadm: Cannot modify node.nosuch. Invalid param name.\n" + last
    );
    EXPECT_EQ(
        complaint("discovery.sendtargets.auth.authmethod"),
        "iscsiadm: Cannot modify discovery.sendtargets.auth.authmethod. Invalid param name.\n" +
            last
    );
    EXPECT_EQ(
        complaint("node.tpgt"),
        "iscsiadm: Cannot modify node.tpgt. It is used to look up the record and cannot be "
        "changed.\n" +
            last
    );
    EXPECT_EQ(
        complaint("iface.mtu"),
        "iscsiadm: Cannot modify iface.mtu. Use iface mode to update this value.\n"
    );
}

TEST_F(node_test, changes_all_records_or_none) {
    add_node(t1);
    const outcome got = run(
        {"-m",
         "node",
         "-o",
         "update",
         "-n",
         "node.startup",
         "-v",
         "automatic",
         "-n",
         "node.session.cmds_max",
         "-v",
         "many"}
    );
    EXPECT_EQ(got.code, 7);
    EXPECT_THAT(got.err, HasSubstr("node.session.cmds_max"));
    EXPECT_EQ(value_of(t1, "node.startup"), "manual");
}

TEST_F(node_test, deletes_records) {
    add_node(t1);
    add_node(t2);
    EXPECT_EQ(run_well({"-m", "node", "-T", t1, "-o", "delete"}), "");
    EXPECT_EQ(run_well({"-m", "node"}), "10.9.9.1:3260,1 " + t2 + "\n");
}

TEST_F(node_test, deletes_without_a_daemon_but_not_past_a_broken_one) {
    add_node(t1);
    daemon.broken = fault{to_error_code(client_errc::timed_out), {}, {}, {}};
    daemon.lists = false;
    EXPECT_EQ(run({"-m", "node", "-o", "delete"}).code, 33);
    daemon.not_running();
    run_well({"-m", "node", "-o", "delete"});
    EXPECT_EQ(run({"-m", "node"}).code, 21);
}

TEST_F(node_test, keeps_a_record_that_a_session_uses) {
    add_node(t1);
    add_node(t2);
    daemon.sessions = {session_of(node_id_of(t1), 5)};
    const outcome got = run({"-m", "node", "-o", "delete"});
    EXPECT_EQ(got.code, 15);
    EXPECT_EQ(
        got.err,
        "iscsiadm: This command will remove the record [iface: default, target: " + t1 +
            ", portal: 10.9.9.1,3260], but a session is using it. Logout session then rerun "
            "command to remove record.\n"
            "iscsiadm: Could not execute operation on all records: session exists\n"
    );
    EXPECT_EQ(run_well({"-m", "node"}), "10.9.9.1:3260,1 " + t1 + "\n");
}

TEST_F(node_test, goes_on_past_a_truncated_record) {
    add_node(t1);
    add_node(t2);
    const auto file = where.database / "nodes" / t1 / "10.9.9.1,3260,1" / "default";
    std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
    const outcome got = run({"-m", "node"});
    EXPECT_EQ(got.code, 0);
    EXPECT_EQ(got.out, "10.9.9.1:3260,1 " + t1 + "\n10.9.9.1:3260,1 " + t2 + "\n");
    EXPECT_THAT(got.err, HasSubstr(file.string() + ": truncated"));
    const std::vector<std::string> change{
        "-m", "node", "-T", t1, "-o", "update", "-n", "node.startup", "-v", "automatic"};
    EXPECT_EQ(run(change).code, 6) << "half of it would look whole";
    EXPECT_EQ(run({"-m", "node", "-T", t1, "-o", "delete"}).code, 0);
    EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(node_test, refuses_operations_that_it_does_not_have) {
    add_node(t1);
    EXPECT_EQ(
        run({"-m", "node", "-o", "nonpersistent"}).err, "iscsiadm: operation is not supported.\n"
    );
    EXPECT_EQ(run({"-m", "node", "-o", "applyall"}).code, 7);
    EXPECT_EQ(run({"-m", "node", "-o", "show", "-o", "delete"}).code, 7);
    EXPECT_EQ(run({"-m", "node", "-s"}).err, "iscsiadm: No session found.\n");
}

// ---- login and logout ----

std::string login_words(const std::string& target) {
    return "[iface: default, target: " + target + ", portal: 10.9.9.1,3260]";
}

TEST_F(node_test, logs_in) {
    add_node(t1);
    EXPECT_EQ(
        run_well({"-m", "node", "-T", t1, "-l"}),
        "Logging in to " + login_words(t1) + "\nLogin to " + login_words(t1) + " successful.\n"
    );
    ASSERT_EQ(daemon.logins.size(), 1U);
    EXPECT_THAT(daemon.logins[0].nodes, ElementsAre(node_id_of(t1)));
    EXPECT_TRUE(daemon.logins[0].wait);
    EXPECT_GE(daemon.patience, std::chrono::seconds(60));
}

TEST_F(node_test, does_not_wait_for_a_login_on_demand) {
    add_node(t1);
    EXPECT_EQ(run_well({"-m", "node", "-l", "-W"}), "Logging in to " + login_words(t1) + "\n");
    EXPECT_FALSE(daemon.logins[0].wait);
}

TEST_F(node_test, explains_a_login_that_failed) {
    add_node(t2);
    daemon.login_answers = {{0, exit_code::login_auth_failed, "the target says no", 0}};
    const outcome got = run({"-m", "node", "-l"});
    EXPECT_EQ(got.code, 24);
    EXPECT_EQ(got.out, "Logging in to " + login_words(t2) + "\n");
    EXPECT_EQ(
        got.err,
        "iscsiadm: Could not login to " + login_words(t2) +
            ".\n"
            "iscsiadm: initiator reported error (24 - iSCSI login failed due to authorization "
            "failure)\n"
            "iscsiadm: " +
            login_words(t2) +
            ": the target says no\n"
            "iscsiadm: Could not log into all portals\n"
    );
}

// Programs read the first line of stderr.
TEST_F(node_test, prints_what_open_iscsi_says_first) {
    add_node(t1);
    daemon.login_answers = {{0, exit_code::error, "", 0, {"LUN 4 does not answer"}}};
    EXPECT_THAT(
        run({"-m", "node", "-l"}).err, testing::StartsWith("iscsiadm: Could not login to ")
    );
    daemon.sessions = {session_of(node_id_of(t1), 1)};
    daemon.logout_answers = {{1, exit_code::logout, "", {"LUN 4: nothing is lost"}}};
    EXPECT_THAT(
        run({"-m", "node", "-u"}).err, testing::StartsWith("iscsiadm: Could not logout of ")
    );
}

TEST_F(node_test, prints_results_in_the_order_in_which_they_come) {
    add_node(t1);
    add_node(t2);
    daemon.login_answers = {
        {1, exit_code::success, "", 1},
        {0, exit_code::login, "", 0},
        {0, exit_code::fatal_login, "", 0}};
    const outcome got = run({"-m", "node", "-l"});
    EXPECT_EQ(got.code, 5);
    EXPECT_EQ(
        got.out,
        "Logging in to " + login_words(t1) + "\nLogging in to " + login_words(t2) + "\nLogin to " +
            login_words(t2) + " successful.\n"
    );
}

TEST_F(node_test, does_not_log_in_twice) {
    add_node(t1);
    daemon.sessions = {session_of(node_id_of(t1), 5)};
    const outcome got = run({"-m", "node", "-l"});
    EXPECT_EQ(got.code, 15);
    EXPECT_EQ(got.out, "");
    EXPECT_EQ(
        got.err,
        "iscsiadm: default: 1 session requested, but 1 already present.\n"
        "iscsiadm: Could not log into all portals\n"
    );
    EXPECT_THAT(daemon.logins, IsEmpty());
}

TEST_F(node_test, asks_for_the_sessions_that_are_missing) {
    add_node(t1);
    update(t1, "node.session.nr_sessions", "3");
    daemon.sessions = {session_of(node_id_of(t1), 5)};
    daemon.login_answers = {{0, exit_code::success, "", 6}, {0, exit_code::success, "", 7}};
    const std::string start = "Logging in to " + login_words(t1) + " (multiple)\n";
    const std::string end = "Login to " + login_words(t1) + " successful.\n";
    EXPECT_EQ(run_well({"-m", "node", "-l"}), start + start + end + end);
}

TEST_F(node_test, takes_a_missing_or_wrong_answer_for_a_failure) {
    add_node(t1);
    add_node(t2);
    daemon.login_answers = {{0, exit_code::success, "", 1}};
    outcome got = run({"-m", "node", "-l"});
    EXPECT_EQ(got.code, 18);
    EXPECT_THAT(got.err, HasSubstr("Could not login to " + login_words(t2)));
    daemon.login_answers = {{0, exit_code::success, "", 1}, {7, exit_code::success, "", 2}};
    got = run({"-m", "node", "-l"});
    EXPECT_EQ(got.code, 18);
    EXPECT_THAT(got.err, HasSubstr("an answer for node 7 of 2"));
}

TEST_F(node_test, keeps_the_results_that_came_before_the_connection_was_cut) {
    add_node(t1);
    add_node(t2);
    daemon.login_answers = {{0, exit_code::success, "", 1}};
    daemon.broken = fault{to_error_code(client_errc::cut), "socket", "end", {}};
    const outcome got = run({"-m", "node", "-l"});
    EXPECT_EQ(got.code, 18);
    EXPECT_THAT(got.out, HasSubstr("Login to " + login_words(t1) + " successful.\n"));
    EXPECT_THAT(got.err, HasSubstr("Could not login to " + login_words(t2)));
    EXPECT_THAT(got.err, Not(HasSubstr("Could not login to " + login_words(t1))));
}

TEST_F(node_test, fails_every_login_without_a_daemon) {
    add_node(t1);
    daemon.not_running();
    const outcome got = run({"-m", "node", "-l"});
    EXPECT_EQ(got.code, 20);
    EXPECT_THAT(
        got.err, HasSubstr("initiator reported error (20 - could not connect to iscsid)\n")
    );
    EXPECT_THAT(got.err, HasSubstr("systemctl start iscsid.socket"));
}

// Where no session can exist, that is the answer; where disks wait for a daemon, its absence is.
TEST_F(node_test, knows_that_there_is_no_session_without_a_daemon) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> wishes{
        {{"-m", "node", "-u"}, "No matching sessions found"},
        {{"-m", "node", "-U", "all"}, "No matching sessions found"},
        {{"-m", "node", "-R"}, "No session found."},
        {{"-m", "session"}, "No active sessions."},
        {{"-m", "session", "-u"}, "No matching sessions found"},
        {{"-m", "session", "-R"}, "No session found."},
        {{"-m", "host"}, "No iSCSI hosts."}};
    add_node(t1);
    daemon.not_running();
    where.runtime = root / "run";
    for (const auto& [wish, words] : wishes) {
        const outcome got = run(wish);
        EXPECT_EQ(got.code, 21) << words;
        EXPECT_EQ(got.err, "iscsiadm: " + words + "\n");
    }
    std::filesystem::create_directories(where.runtime / "state");
    std::ofstream(where.runtime / "state/1-1") << "{}";
    for (const auto& [wish, words] : wishes)
        EXPECT_EQ(run(wish).code, 20) << words;
}

TEST_F(node_test, logs_out_grouped_by_target) {
    daemon.sessions = {
        session_of(node_id_of(t2), 1),
        session_of(node_id_of(t1), 2),
        session_of(node_id_of(t2), 3)};
    const std::string out = run_well({"-m", "node", "-u"});
    EXPECT_THAT(daemon.logouts[0].sids, ElementsAre(2, 1, 3));
    EXPECT_THAT(
        out,
        StartsWith("Logging out of session [sid: 2, target: " + t1 + ", portal: 10.9.9.1,3260]\n")
    );
    EXPECT_THAT(
        out,
        testing::EndsWith(
            "Logout of [sid: 3, target: " + t2 + ", portal: 10.9.9.1,3260] successful.\n"
        )
    );
}

TEST_F(node_test, logs_out_of_the_chosen_sessions_only) {
    daemon.sessions = {session_of(node_id_of(t1, -1), 1), session_of(node_id_of(t2), 2)};
    run_well({"-m", "node", "-T", t1, "-p", "10.9.9.1:3260,1", "-u"}); // tag known since the login
    EXPECT_THAT(daemon.logouts[0].sids, ElementsAre(1));
    const outcome got = run({"-m", "node", "-p", "10.9.9.2:3260", "-T", t1, "-u"});
    EXPECT_EQ(got.code, 21);
    EXPECT_EQ(got.err, "iscsiadm: No matching sessions found\n");
}

TEST_F(node_test, explains_a_logout_that_failed) {
    daemon.sessions = {session_of(node_id_of(t1), 1)};
    daemon.logout_answers = {{1, exit_code::busy, "mounted"}};
    const outcome got = run({"-m", "node", "-u"});
    EXPECT_EQ(got.code, 28);
    EXPECT_EQ(
        got.err,
        "iscsiadm: Could not logout of [sid: 1, target: " + t1 +
            ", portal: 10.9.9.1,3260].\n"
            "iscsiadm: initiator reported error (28 - device or resource in use)\n"
            "iscsiadm: [sid: 1, target: " +
            t1 +
            ", portal: 10.9.9.1,3260]: mounted\n"
            "iscsiadm: Could not logout of all requested sessions\n"
    );
}

TEST_F(node_test, prints_each_warning_of_a_login_and_a_logout_that_went_well) {
    add_node(t1);
    daemon.login_answers = {{0, exit_code::success, "", 1, {"LUN 4 does not answer"}}};
    outcome got = run({"-m", "node", "-l"});
    EXPECT_EQ(got.code, 0);
    EXPECT_EQ(
        got.err,
        "iscsiadm: [iface: default, target: " + t1 +
            ", portal: 10.9.9.1,3260]: LUN 4 does not answer\n"
    );
    daemon.sessions = {session_of(node_id_of(t1), 1)};
    daemon.logout_answers = {{1, exit_code::success, "", {"LUN 4: nothing is lost"}}};
    got = run({"-m", "node", "-u"});
    EXPECT_EQ(got.code, 0);
    EXPECT_EQ(
        got.err,
        "iscsiadm: [sid: 1, target: " + t1 + ", portal: 10.9.9.1,3260]: LUN 4: nothing is lost\n"
    );
}

TEST_F(node_test, rescans_the_chosen_sessions_only) {
    daemon.sessions = {session_of(node_id_of(t1, -1), 1), session_of(node_id_of(t2), 2)};
    EXPECT_EQ(
        run_well({"-m", "node", "-T", t1, "-p", "10.9.9.1:3260,1", "-R"}),
        "Rescanning session [sid: 1, target: " + t1 + ", portal: 10.9.9.1,3260]\n"
    );
    EXPECT_THAT(daemon.rescans.back().sids, ElementsAre(1));
    run_well({"-m", "node", "-R"});
    EXPECT_THAT(daemon.rescans.back().sids, ElementsAre(1, 2));
}

TEST_F(node_test, finds_no_session_to_rescan) {
    outcome got = run({"-m", "node", "-R"});
    EXPECT_EQ(got.code, 21);
    EXPECT_EQ(got.err, "iscsiadm: No session found.\n");
    daemon.sessions = {session_of(node_id_of(t1), 1)};
    got = run({"-m", "node", "-T", t2, "-R"});
    EXPECT_EQ(got.code, 21);
    EXPECT_EQ(got.err, "iscsiadm: No session found.\n");
    EXPECT_THAT(daemon.rescans, IsEmpty());
}

TEST_F(node_test, explains_a_rescan_that_failed) {
    daemon.sessions = {session_of(node_id_of(t1), 1)};
    daemon.rescan_answers = {{1, exit_code::session_not_found, "logged out meanwhile"}};
    const outcome got = run({"-m", "node", "-R"});
    EXPECT_EQ(got.code, 2);
    EXPECT_EQ(
        got.err,
        "iscsiadm: Could not rescan session sid 1.\n"
        "iscsiadm: [sid: 1, target: " +
            t1 +
            ", portal: 10.9.9.1,3260]: logged out meanwhile\n"
            "iscsiadm: Could not execute operation on all sessions: " +
            to_text(exit_code::session_not_found) + "\n"
    );
}

TEST_F(node_test, logs_in_and_out_by_startup) {
    add_node(t1);
    add_node(t2);
    update(t1, "node.startup", "automatic");
    run_well({"-m", "node", "-L", "automatic"});
    EXPECT_THAT(daemon.logins.back().nodes, ElementsAre(node_id_of(t1)));
    run_well({"-m", "node", "-L", "all"});
    EXPECT_THAT(daemon.logins.back().nodes, ElementsAre(node_id_of(t1), node_id_of(t2)));
    daemon.sessions = {session_of(node_id_of(t1), 1), session_of(node_id_of(t2), 2)};
    run_well({"-m", "node", "-U", "automatic"});
    EXPECT_THAT(daemon.logouts.back().sids, ElementsAre(1));
}

TEST_F(node_test, leaves_boot_sessions_and_those_without_a_record_alone) {
    add_node(t1);
    update(t1, "node.startup", "onboot");
    daemon.sessions = {session_of(node_id_of(t1), 1), session_of(node_id_of(t2), 2)};
    EXPECT_EQ(run({"-m", "node", "-U", "all"}).err, "iscsiadm: No matching sessions found\n");
    EXPECT_THAT(daemon.logouts, IsEmpty());
}

class leading_login : public node_test {
  protected:
    leading_login() {
        add_node(t1, "10.9.9.1:3260,1");
        add_node(t1, "10.9.9.2:3260,1");
        update(t1, "node.leading_login", "Yes");
    }
};

TEST_F(leading_login, is_one_session_per_target) {
    run_well({"-m", "node", "-L", "all"});
    ASSERT_EQ(daemon.logins.size(), 1U);
    EXPECT_THAT(daemon.logins[0].nodes, ElementsAre(node_id_of(t1)));
}

TEST_F(leading_login, is_satisfied_by_any_session_of_the_target) {
    daemon.sessions = {session_of({t1, "10.9.9.2", 3260, 1, "default"}, 4)};
    run_well({"-m", "node", "-L", "all"});
    EXPECT_THAT(daemon.logins, IsEmpty());
}

TEST_F(leading_login, waits_for_one_that_is_under_way) {
    const admin::node_id second{t1, "10.9.9.2", 3260, 1, "default"};
    daemon.sessions = {session_of(second, 4)};
    daemon.sessions[0].login_pending = true;
    run_well({"-m", "node", "-L", "all"});
    ASSERT_EQ(daemon.logins.size(), 1U);
    EXPECT_THAT(daemon.logins[0].nodes, ElementsAre(second));
}

TEST_F(node_test, asks_for_a_login_that_is_under_way) {
    add_node(t1);
    daemon.sessions = {session_of(node_id_of(t1), 1)};
    daemon.sessions[0].login_pending = true;
    run_well({"-m", "node", "-l"});
    EXPECT_EQ(daemon.logins.size(), 1U);
    EXPECT_EQ(run({"-m", "node", "-o", "delete"}).code, 15);
}

TEST_F(leading_login, tries_every_portal) {
    daemon.login_answers = {{0, exit_code::transport_timeout, "", 0}};
    const outcome got = run({"-m", "node", "-L", "all"});
    EXPECT_EQ(got.code, 19);
    EXPECT_EQ(daemon.logins.size(), 2U);
    EXPECT_THAT(got.err, HasSubstr("iscsiadm: Could not login all leading-login portals\n"));
}

} // namespace
} // namespace iscsi::cli
