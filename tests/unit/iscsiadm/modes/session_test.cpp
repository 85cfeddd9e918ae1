#include "tests/unit/iscsiadm/modes/mode_test.hpp"

namespace iscsi::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class session_test : public mode_test {
  protected:
    void log_in_to_t1() {
        add_node(t1);
        daemon.sessions = {golden_session()};
    }
};

TEST_F(session_test, says_when_there_are_none) {
    EXPECT_EQ(run({"-m", "session"}).code, 21);
    EXPECT_EQ(run({"-m", "session"}).err, "iscsiadm: No active sessions.\n");
    EXPECT_EQ(run({"-m", "session", "-P", "7"}).code, 21);
    EXPECT_EQ(run({"-m", "session", "-u"}).err, "iscsiadm: No matching sessions found\n");
    EXPECT_EQ(run({"-m", "session", "-R"}).err, "iscsiadm: No session found.\n");
}

TEST_F(session_test, lists_in_the_order_of_sysfs) {
    for (const std::uint32_t sid : {2U, 10U, 1U})
        daemon.sessions.push_back(session_of(node_id_of(t1), sid));
    const std::string rest = "] 10.9.9.1:3260,1 " + t1 + " (non-flash)\n";
    EXPECT_EQ(run_well({"-m", "session"}), "tcp: [1" + rest + "tcp: [10" + rest + "tcp: [2" + rest);
}

TEST_F(session_test, knows_levels_0_to_3) {
    log_in_to_t1();
    EXPECT_THAT(run_well({"-m", "session", "-P", "0"}), StartsWith("tcp: [5] "));
    EXPECT_THAT(run_well({"-m", "session", "-P", "1"}), StartsWith("Target: " + t1));
    EXPECT_THAT(run_well({"-m", "session", "-P", "3"}), StartsWith("iSCSI Transport Class "));
    const outcome got = run({"-m", "session", "-P", "4"});
    EXPECT_EQ(got.code, 7);
    EXPECT_EQ(got.err, "iscsiadm: Invalid info level 4. Try 0 - 3.\n");
}

TEST_F(session_test, takes_secrets_from_the_record) {
    log_in_to_t1();
    update(t1, "node.session.auth.password", "geheimnis");
    EXPECT_THAT(run_well({"-m", "session", "-P", "2", "-S"}), HasSubstr("password: geheimnis\n"));
    EXPECT_THAT(run_well({"-m", "session", "-P", "2"}), HasSubstr("password: ********\n"));
}

TEST_F(session_test, does_not_know_a_stranger) {
    for (const std::vector<std::string>& wish :
         {std::vector<std::string>{}, {"-u"}, {"-R"}, {"-P", "1"}, {"-s"}}) {
        std::vector<std::string> arguments{"-m", "session", "-r", "99"};
        arguments.insert(arguments.end(), wish.begin(), wish.end());
        const outcome got = run(arguments);
        EXPECT_EQ(got.code, 22);
        EXPECT_EQ(
            got.err,
            "iscsiadm: could not read session targetname: 5\n"
            "iscsiadm: Could not get session info for sid 99\n"
        );
    }
}

TEST_F(session_test, refuses_what_names_no_session) {
    for (const char* which : {"0", "-1", "x", "5x", "/no/such/path", "99999999999"}) {
        const outcome got = run({"-m", "session", "-r", which});
        EXPECT_EQ(got.code, 1);
        EXPECT_EQ(
            got.err, std::string("iscsiadm: ") + which + " is an invalid session ID or path\n"
        );
    }
}

TEST_F(session_test, shows_the_record_of_one_session) {
    log_in_to_t1();
    EXPECT_THAT(run_well({"-m", "session", "-r", "5"}), HasSubstr("node.name = " + t1 + "\n"));
    run_well({"-m", "session", "-r", "5", "-o", "update", "-n", "node.startup", "-v", "automatic"});
    EXPECT_EQ(value_of(t1, "node.startup"), "automatic");
    EXPECT_EQ(run({"-m", "session", "-r", "5", "-o", "delete"}).code, 15);
    EXPECT_EQ(run({"-m", "session", "-o", "new"}).code, 7);
    daemon.sessions = {session_of(node_id_of(t2), 6)};
    EXPECT_EQ(run({"-m", "session", "-r", "6"}).err, "iscsiadm: No records found\n");
}

// A discovery has told the tag since the login: it is the same record.
TEST_F(session_test, finds_its_record_that_has_got_a_group_tag) {
    add_node(t1);
    auto untagged = node_id_of(t1);
    untagged.group_tag = -1;
    daemon.sessions = {session_of(untagged, 5)};
    run_well({"-m", "session", "-r", "5", "-o", "update", "-n", "node.startup", "-v", "automatic"});
    EXPECT_EQ(value_of(t1, "node.startup"), "automatic");
    EXPECT_EQ(run({"-m", "session", "-r", "5", "-o", "delete"}).code, 15);
}

TEST_F(session_test, finds_a_session_by_path) {
    log_in_to_t1();
    const auto sysfs = root / "devices/platform/host2/session5/target2:0:0";
    std::filesystem::create_directories(sysfs);
    std::filesystem::create_symlink(sysfs, root / "2:0:0:1");
    EXPECT_THAT(run_well({"-m", "session", "-r", sysfs, "-P", "1"}), HasSubstr("SID: 5\n"));
    EXPECT_THAT(
        run_well({"-m", "session", "-r", root / "2:0:0:1", "-P", "1"}), HasSubstr("SID: 5\n")
    );
    EXPECT_THAT(
        run_well({"-m", "session", "-r", "/sys/devices/platform/host2/session5", "-P", "1"}),
        HasSubstr("SID: 5\n")
    );
}

TEST_F(session_test, finds_a_session_by_disk) {
    log_in_to_t1();
    std::ofstream(root / "sdb");
    std::ofstream(root / "sdz");
    std::filesystem::create_symlink("sdb", root / "by-path");
    EXPECT_THAT(run_well({"-m", "session", "-r", root / "sdb", "-P", "1"}), HasSubstr("SID: 5\n"));
    EXPECT_THAT(
        run_well({"-m", "session", "-r", root / "by-path", "-P", "1"}), HasSubstr("SID: 5\n")
    );
    EXPECT_EQ(run({"-m", "session", "-r", root / "sdz"}).code, 1);
}

TEST_F(session_test, logs_out_of_one_or_all) {
    daemon.sessions = {session_of(node_id_of(t1), 1), session_of(node_id_of(t2), 2)};
    run_well({"-m", "session", "-r", "2", "-u"});
    EXPECT_THAT(daemon.logouts.back().sids, ElementsAre(2));
    run_well({"-m", "session", "-u"});
    EXPECT_THAT(daemon.logouts.back().sids, ElementsAre(1, 2));
}

std::string rescan_line(const std::string& target, int sid) {
    return "Rescanning session [sid: " + std::to_string(sid) + ", target: " + target +
           ", portal: 10.9.9.1,3260]\n";
}

TEST_F(session_test, rescans_one_or_all) {
    daemon.sessions = {
        session_of(node_id_of(t1), 2),
        session_of(node_id_of(t2), 10),
        session_of(node_id_of(t2), 1)};
    EXPECT_EQ(run_well({"-m", "session", "-r", "2", "-R"}), rescan_line(t1, 2));
    EXPECT_THAT(daemon.rescans.back().sids, ElementsAre(2));
    EXPECT_EQ(
        run_well({"-m", "session", "--rescan"}),
        rescan_line(t2, 1) + rescan_line(t2, 10) + rescan_line(t1, 2)
    );
    EXPECT_THAT(daemon.rescans.back().sids, ElementsAre(1, 10, 2));
}

TEST_F(session_test, prints_each_warning_of_a_rescan_that_went_well) {
    daemon.sessions = {session_of(node_id_of(t1), 1)};
    daemon.rescan_answers = {
        {1, exit_code::success, "", {"LUN 1: does not answer", "LUN 2: grew"}}};
    const outcome got = run({"-m", "session", "-R"});
    EXPECT_EQ(got.code, 0);
    const std::string name = "iscsiadm: [sid: 1, target: " + t1 + ", portal: 10.9.9.1,3260]: ";
    EXPECT_EQ(got.err, name + "LUN 1: does not answer\n" + name + "LUN 2: grew\n");
}

TEST_F(session_test, ends_the_waiting_io_of_one_session) {
    daemon.sessions = {session_of(node_id_of(t1), 1), session_of(node_id_of(t2), 2)};
    daemon.fail_io_answers = {{1, exit_code::success, "", {}, 17}};
    const outcome got = run({"-m", "session", "-r", "1", "--fail-io"});
    EXPECT_EQ(got.code, 0);
    ASSERT_EQ(daemon.failed_io.size(), 1U);
    EXPECT_EQ(daemon.failed_io[0].sids, std::vector<std::uint32_t>{1});
    const std::string name = "[sid: 1, target: " + t1 + ", portal: 10.9.9.1,3260]";
    EXPECT_EQ(
        got.out,
        "Ending the waiting I/O of session " + name + "\nSession " + name +
            ": 17 commands have failed.\n"
    );
    EXPECT_EQ(got.err, "");
}

TEST_F(session_test, says_why_waiting_io_cannot_be_ended) {
    daemon.sessions = {session_of(node_id_of(t1), 1)};
    daemon.fail_io_answers = {{1, exit_code::invalid_request, "nothing waits"}};
    const outcome got = run({"-m", "session", "-r", "1", "--fail-io"});
    EXPECT_EQ(got.code, 16);
    const std::string name = "[sid: 1, target: " + t1 + ", portal: 10.9.9.1,3260]";
    EXPECT_EQ(got.err.find("iscsiadm: Could not end the waiting I/O of session " + name), 0U);
    EXPECT_NE(got.err.find("iscsiadm: " + name + ": nothing waits\n"), std::string::npos);
}

TEST_F(session_test, is_told_that_an_old_daemon_cannot_end_io) {
    daemon.sessions = {session_of(node_id_of(t1), 1)};
    daemon.broken = fault{to_error_code(client_errc::unsupported), "FailIo", "", {}};
    const outcome got = run({"-m", "session", "-r", "1", "--fail-io"});
    EXPECT_EQ(got.code, 27);
    EXPECT_NE(got.err.find("does not know this request"), std::string::npos) << got.err;
}

TEST_F(session_test, attaches_and_detaches_one_lun) {
    daemon.sessions = {session_of(node_id_of(t1), 1), session_of(node_id_of(t2), 2)};
    const std::string name = "[sid: 2, target: " + t2 + ", portal: 10.9.9.1,3260]";
    const auto ordered = [&](const std::string& order, admin::lun_progress answer) {
        daemon.lun_answers = {std::move(answer)};
        const outcome got = run({"-m", "session", "-r", "2", "--lun", "300", order});
        EXPECT_EQ(got.code, 0);
        EXPECT_EQ(got.err, "");
        return got.out;
    };
    const auto ok = exit_code::success;
    EXPECT_EQ(
        ordered("--attach", {2, ok, "", {}, "ublkb3", true}),
        "LUN 16684 of session " + name + ": attached as ublkb3.\n"
    );
    EXPECT_EQ(
        ordered("--attach", {2, ok, "", {}, "ublkb3", false}),
        "LUN 16684 of session " + name + ": attached already as ublkb3.\n"
    );
    EXPECT_EQ(
        ordered("--attach", {2, ok, "", {}, "", true}),
        "LUN 16684 of session " + name + ": attached.\n"
    );
    EXPECT_EQ(
        ordered("--detach", {2, ok, "", {}, "ublkb3", true}),
        "LUN 16684 of session " + name + ": detached from ublkb3.\n"
    );
    EXPECT_EQ(
        ordered("--detach", {2, ok, "", {}, "", false}),
        "LUN 16684 of session " + name + ": has no disk already.\n"
    );
    ASSERT_EQ(daemon.attached.size(), 3U);
    ASSERT_EQ(daemon.detached.size(), 2U);
    EXPECT_EQ(daemon.attached[0].sids, std::vector<std::uint32_t>{2});
    EXPECT_EQ(daemon.attached[0].lun, 16684U);
}

TEST_F(session_test, says_why_one_lun_cannot_be_ordered) {
    daemon.sessions = {session_of(node_id_of(t1), 1)};
    const std::string name = "[sid: 1, target: " + t1 + ", portal: 10.9.9.1,3260]";
    daemon.lun_answers = {{1, exit_code::busy, "LUN 5 (loop3): device is in use"}};
    const outcome busy = run({"-m", "session", "-r", "1", "--lun", "5", "--detach"});
    EXPECT_EQ(busy.code, 28);
    EXPECT_EQ(busy.out, "");
    EXPECT_EQ(busy.err.find("iscsiadm: Could not detach LUN 5 of session " + name + ".\n"), 0U);
    EXPECT_NE(
        busy.err.find("iscsiadm: " + name + ": LUN 5 (loop3): device is in use\n"),
        std::string::npos
    );
    daemon.lun_answers = {};
    const outcome silent = run({"-m", "session", "-r", "1", "--lun", "5", "--attach"});
    EXPECT_EQ(silent.code, 18);
    EXPECT_EQ(silent.err.find("iscsiadm: Could not attach LUN 5 of session " + name + ".\n"), 0U);
}

TEST_F(session_test, asks_for_reservations_in_the_lines_of_sg_persist) {
    daemon.sessions = {session_of(node_id_of(t1), 1)};
    daemon.reserve_answer.generation = 18;
    daemon.reserve_answer.keys = {"0xa", "0xb"};
    const auto ask = [this](const std::string& verb) {
        const outcome got = run({"-m", "session", "-r", "1", "--lun", "2", "--persist", verb});
        EXPECT_EQ(got.code, 0);
        EXPECT_EQ(got.err, "");
        return got.out;
    };
    EXPECT_EQ(
        ask("read-keys"),
        "  PR generation=0x12, 2 registered reservation keys follow:\n    0xa\n    0xb\n"
    );
    ASSERT_EQ(daemon.reservations.size(), 1U);
    EXPECT_EQ(daemon.reservations[0].sid, 1U);
    EXPECT_EQ(daemon.reservations[0].lun, 2U);
    EXPECT_EQ(daemon.reservations[0].verb, "read-keys");
    EXPECT_EQ(ask("read-reservation"), "  PR generation=0x12, there is NO reservation held\n");
    daemon.reserve_answer.reservation_key = "0xa";
    daemon.reserve_answer.reservation_type = "write-exclusive";
    EXPECT_EQ(
        ask("read-reservation"),
        "  PR generation=0x12, Reservation follows:\n    Key=0xa\n    scope: LU_SCOPE,  type: "
        "write-exclusive\n"
    );
    daemon.reserve_answer.registrants = {
        {"0xa", true, "write-exclusive", false, 1, "iqn.a:b"},
        {"0xb", false, "", true, 0, "iqn.c"}};
    EXPECT_EQ(
        ask("read-full-status"),
        "  PR generation=0x12\n    Key=0xa\n      Initiator: iqn.a:b\n      Relative target port: "
        "1\n      Reservation holder, type: write-exclusive\n    Key=0xb\n      Initiator: "
        "iqn.c\n      All target ports\n      not reservation holder\n"
    );
    daemon.reserve_answer.capabilities = {"one", "two"};
    EXPECT_EQ(ask("report-capabilities"), "  Capabilities: one, two\n  Types: not told\n");
    daemon.reserve_answer.keys.clear();
    EXPECT_EQ(ask("read-keys"), "  PR generation=0x12, there are NO registered reservation keys\n");
}

const std::vector<std::string> a_reservation{
    "-m",
    "session",
    "-r",
    "1",
    "--lun",
    "2",
    "--persist",
    "reserve",
    "--key",
    "11",
    "-t",
    "write-exclusive"};

TEST_F(session_test, reserves) {
    daemon.sessions = {session_of(node_id_of(t1), 1)};
    const outcome got = run(a_reservation);
    EXPECT_EQ(got.code, 0);
    EXPECT_EQ(
        got.out,
        "LUN 2 of session [sid: 1, target: " + t1 +
            ", portal: 10.9.9.1,3260]: reserve successful.\n"
    );
    ASSERT_EQ(daemon.reservations.size(), 1U);
    EXPECT_EQ(daemon.reservations[0].key, "0xb");
    EXPECT_EQ(daemon.reservations[0].new_key, "");
    EXPECT_EQ(daemon.reservations[0].type, "write-exclusive");
}

TEST_F(session_test, says_which_reservation_is_in_the_way) {
    daemon.sessions = {session_of(node_id_of(t1), 1)};
    daemon.reserve_answer.code = exit_code::busy;
    daemon.reserve_answer.detail = "LUN 2: RESERVATION CONFLICT: key 0xa holds";
    const outcome got = run(a_reservation);
    EXPECT_EQ(got.code, 28);
    EXPECT_EQ(got.out, "");
    EXPECT_NE(got.err.find(": reserve failed.\n"), std::string::npos) << got.err;
    EXPECT_NE(got.err.find("]: LUN 2: RESERVATION CONFLICT: key 0xa holds\n"), std::string::npos);
}

TEST_F(session_test, does_not_know_what_became_of_a_change_that_nobody_answered) {
    daemon.sessions = {session_of(node_id_of(t1), 1)};
    daemon.broken = fault{to_error_code(client_errc::cut), "PersistentReserve", "", {}};
    const outcome got = run(a_reservation);
    EXPECT_EQ(got.code, 11);
    EXPECT_NE(got.err.find("may have been done or not"), std::string::npos) << got.err;
    const outcome asked = run({"-m", "session", "-r", "1", "--lun", "2", "--persist", "read-keys"});
    EXPECT_EQ(asked.code, 18) << "a question changes nothing";
    daemon.broken = fault{to_error_code(client_errc::unsupported), "PersistentReserve", "", {}};
    EXPECT_EQ(run(a_reservation).code, 27);
}

TEST_F(session_test, shows_the_luns_of_sessions) {
    EXPECT_EQ(run({"-m", "session", "--luns"}).code, 21);
    daemon.sessions = {session_of(node_id_of(t1), 1), session_of(node_id_of(t2), 2)};
    admin::lun_details unit;
    unit.lun = 4;
    unit.state = "no disk";
    daemon.luns_answers = {
        {1, exit_code::success, "", {"slow"}, {unit}}, {2, exit_code::success, ""}};
    const outcome got = run({"-m", "session", "--luns"});
    EXPECT_EQ(got.code, 0);
    EXPECT_NE(got.out.find("LUNs of session [sid: 1, target: " + t1), std::string::npos);
    EXPECT_NE(got.out.find("LUNs of session [sid: 2, target: " + t2), std::string::npos);
    EXPECT_NE(got.out.find("\n4    -"), std::string::npos) << got.out;
    EXPECT_NE(got.err.find(": slow\n"), std::string::npos);
    daemon.luns_answers = {{2, exit_code::session_not_connected, "its login is under way"}};
    const outcome refused = run({"-m", "session", "-r", "2", "--luns"});
    EXPECT_EQ(refused.code, 32);
    EXPECT_EQ(refused.out, "");
    EXPECT_EQ(refused.err.find("iscsiadm: Could not ask for the LUNs of session [sid: 2,"), 0U);
    EXPECT_EQ(daemon.described.back().sids, std::vector<std::uint32_t>{2});
}

TEST_F(session_test, explains_a_rescan_that_failed) {
    daemon.sessions = {session_of(node_id_of(t1), 1), session_of(node_id_of(t2), 2)};
    daemon.rescan_answers = {
        {2, exit_code::session_not_connected, "it is being reconnected"},
        {1, exit_code::error, ""}};
    const outcome got = run({"-m", "session", "-R"});
    EXPECT_EQ(got.code, 32);
    EXPECT_EQ(got.out, rescan_line(t1, 1) + rescan_line(t2, 2));
    EXPECT_EQ(
        got.err,
        "iscsiadm: Could not rescan session sid 2.\n"
        "iscsiadm: [sid: 2, target: " +
            t2 +
            ", portal: 10.9.9.1,3260]: it is being reconnected\n"
            "iscsiadm: Could not rescan session sid 1.\n"
            "iscsiadm: Could not execute operation on all sessions: " +
            to_text(exit_code::session_not_connected) + "\n"
    );
}

TEST_F(session_test, takes_a_rescan_without_an_answer_for_a_failure) {
    daemon.sessions = {session_of(node_id_of(t1), 1), session_of(node_id_of(t2), 2)};
    daemon.rescan_answers = {{1, exit_code::success, ""}};
    outcome got = run({"-m", "session", "-R"});
    EXPECT_EQ(got.code, 18);
    EXPECT_THAT(got.err, StartsWith("iscsiadm: Could not rescan session sid 2.\n"));
    daemon.rescan_answers.push_back({2, exit_code::success, ""});
    daemon.rescan_answers.push_back({9, exit_code::success, ""});
    got = run({"-m", "session", "-R"});
    EXPECT_EQ(got.code, 18);
    EXPECT_THAT(got.err, HasSubstr("an answer for session 9, which was not asked\n"));
    daemon.broken = fault{to_error_code(client_errc::unsupported), "Rescan", "", {}};
    daemon.rescan_answers.clear();
    EXPECT_EQ(run({"-m", "session", "-R"}).code, 27); // a daemon of before
}

TEST_F(session_test, fails_without_a_daemon) {
    daemon.not_running();
    daemon.broken = fault{to_error_code(client_errc::access_denied), "socket", "13", {}};
    EXPECT_EQ(run({"-m", "session"}).code, 13);
    EXPECT_EQ(run({"-m", "session"}).err, "iscsiadm: can not connect to iSCSI daemon (13)!\n");
}

// ---- hosts, firmware, stop ----

TEST_F(session_test, names_the_nearest_submode_of_a_host) {
    const outcome got = run({"-m", "host", "-H", "1", "-C", "flashnodes"});
    EXPECT_EQ(got.code, 7);
    EXPECT_THAT(got.err, HasSubstr("\niscsiadm: did you mean -C flashnode?\n"));
}

TEST_F(session_test, gives_every_session_a_host) {
    EXPECT_EQ(run({"-m", "host"}).err, "iscsiadm: No iSCSI hosts.\n");
    EXPECT_EQ(run({"-m", "host"}).code, 21);
    daemon.sessions = {golden_session()};
    EXPECT_EQ(run_well({"-m", "host"}), "tcp: [2] 10.9.9.1,[<empty>],<empty> <empty>\n");
    EXPECT_THAT(run_well({"-m", "host", "-P", "1", "-H", "2"}), StartsWith("Host Number: 2\n"));
    EXPECT_EQ(run({"-m", "host", "-H", "3"}).code, 21);
    EXPECT_THAT(run_well({"-m", "host", "-P", "4"}), HasSubstr("\tSessions:\n"));
    EXPECT_EQ(run({"-m", "host", "-P", "5"}).code, 7);
    EXPECT_EQ(run({"-m", "host", "-H", "00:11:22:33:44:55"}).code, 7);
    EXPECT_EQ(run({"-m", "host", "-C", "chat"}).code, 7);
    EXPECT_EQ(run({"-m", "host", "-C", "chap"}).code, 27);
}

TEST_F(session_test, finds_no_firmware) {
    const outcome got = run({"-m", "fw", "-l", "-W"});
    EXPECT_EQ(got.code, 21);
    EXPECT_EQ(got.err, "iscsiadm: Could not get list of targets from firmware. (err 21)\n");
}

TEST_F(session_test, stops_the_daemon) {
    EXPECT_EQ(run_well({"-k", "0"}), "");
    EXPECT_EQ(daemon.stops, 1);
    daemon.not_running();
    const outcome got = run({"-k", "0"});
    EXPECT_EQ(got.code, 20);
    EXPECT_THAT(got.err, HasSubstr("iscsiadm: Could not stop iscsid. Trying sending iscsid "));
}

TEST_F(session_test, prints_statistics_in_open_iscsis_form) {
    daemon.sessions = {golden_session()};
    daemon.sessions[0].statistics = {{"txdata_octets", 1234}, {"timeout_err", 0}};
    const std::string expected = "Stats for session [sid: 5, target: iqn.2020-01.test:t1, portal: "
                                 "10.9.9.1,3260]\niSCSI SNMP:\n\ttxdata_octets: 1234\n"
                                 "\ttimeout_err: 0\n";
    EXPECT_EQ(run_well({"-m", "session", "-s"}), expected);
    EXPECT_EQ(run_well({"-m", "session", "-r", "5", "-s"}), expected);
    EXPECT_EQ(run_well({"-m", "node", "-T", t1, "-s"}), expected);
    EXPECT_EQ(run({"-m", "node", "-T", t2, "-s"}).code, 21);
}

TEST_F(session_test, prints_metrics_with_and_without_sessions) {
    const auto none = run_well({"-m", "session", "--metrics"});
    EXPECT_THAT(none, HasSubstr("# TYPE iscsi_lun_bytes_total counter\n"));
    EXPECT_THAT(none, HasSubstr("\niscsi_sessions 0\n"));
    daemon.sessions = {golden_session()};
    const auto one = run_well({"-m", "session", "--metrics"});
    EXPECT_THAT(one, HasSubstr("\niscsi_session_up{target=\"iqn.2020-01.test:t1\""));
    EXPECT_THAT(one, testing::Not(HasSubstr("# EOF")));
    daemon.not_running();
    const outcome got = run({"-m", "session", "--metrics"});
    EXPECT_EQ(got.code, 20);
    EXPECT_EQ(got.out, "");
}

TEST_F(session_test, makes_another_session_of_the_same_record) {
    add_node(t1);
    daemon.sessions = {session_of(node_id_of(t1), 5)};
    EXPECT_THAT(
        run_well({"-m", "session", "-r", "5", "-o", "new"}),
        StartsWith("Logging in to [iface: default, target: " + t1)
    );
    ASSERT_EQ(daemon.logins.size(), 1U);
    EXPECT_TRUE(daemon.logins[0].additional);
    EXPECT_EQ(daemon.logins[0].nodes, std::vector{node_id_of(t1)});
}

TEST_F(session_test, prints_its_version) {
    EXPECT_EQ(run_well({"-V"}), "iscsiadm version 2.1.8\n");
}

TEST_F(session_test, shows_what_its_interface_is_bound_to) {
    run_well({"-m", "iface", "-I", "eth", "-o", "new", "-n", "iface.net_ifacename", "-v", "eth7"});
    run_well({"-m", "node", "-T", t1, "-p", "10.9.9.1:3260,1", "-I", "eth", "-o", "new"});
    admin::node_id bound = node_id_of(t1);
    bound.interface = "eth";
    daemon.sessions = {session_of(bound, 1)};
    EXPECT_THAT(run_well({"-m", "session", "-P", "1"}), HasSubstr("\t\tIface Netdev: eth7\n"));
}

} // namespace
} // namespace iscsi::cli
