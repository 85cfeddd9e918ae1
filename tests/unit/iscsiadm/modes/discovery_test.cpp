#include "tests/unit/iscsiadm/modes/mode_test.hpp"

#include <map>

namespace iscsi::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class discovery_test : public mode_test {
  protected:
    // The portal answers with these targets.
    void offer(const std::vector<std::string>& targets) {
        admin::discover_progress answer;
        answer.finished = true;
        for (const std::string& target : targets)
            answer.portals.push_back({target, "10.9.9.1", 3260, 1});
        daemon.discover_answers = {answer};
    }

    void refuse(exit_code code, std::vector<std::string> notes) {
        daemon.discover_answers = {{std::move(notes), false, {}, {}}, {{}, true, code, {}}};
    }

    std::vector<std::string> discovery(const std::vector<std::string>& more = {}) {
        std::vector<std::string> all{"-m", "discovery", "-t", "st", "-p", "10.9.9.1:3260"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }

    // Everything in the database: what each file says, where each link leads.
    std::map<std::string, std::string> database_tree() const {
        std::map<std::string, std::string> all;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(where.database)) {
            std::ifstream from(entry.path());
            const bool file = entry.is_regular_file() && !entry.is_symlink();
            all[entry.path().string()] =
                file ? std::string{std::istreambuf_iterator<char>(from), {}} : "";
        }
        return all;
    }

    std::vector<std::string> database(const std::vector<std::string>& more) {
        std::vector<std::string> all = discovery(more);
        all[1] = "discoverydb";
        return all;
    }
};

TEST_F(discovery_test, prints_in_the_order_of_the_answer_and_makes_records) {
    offer({t2, t1});
    EXPECT_EQ(run_well(discovery()), "10.9.9.1:3260,1 " + t2 + "\n10.9.9.1:3260,1 " + t1 + "\n");
    EXPECT_EQ(value_of(t1, "node.discovery_address"), "10.9.9.1");
    EXPECT_EQ(value_of(t1, "node.discovery_port"), "3260");
    EXPECT_EQ(value_of(t1, "node.discovery_type"), "send_targets");
    EXPECT_EQ(value_of(t1, "node.tpgt"), "1");
    EXPECT_EQ(run_well({"-m", "discovery"}), "10.9.9.1:3260 via sendtargets\n");
}

TEST_F(discovery_test, prints_a_tree) {
    offer({t1});
    EXPECT_EQ(
        run_well(discovery({"-P", "1"})),
        "Target: " + t1 + "\n\tPortal: 10.9.9.1:3260,1\n\t\tIface Name: default\n"
    );
    EXPECT_THAT(
        run_well({"-m", "discovery", "-P1"}), HasSubstr("DiscoveryAddress: 10.9.9.1,3260\n")
    );
    EXPECT_EQ(run(discovery({"-P", "2"})).code, 7);
}

TEST_F(discovery_test, lets_the_daemon_read_the_record) {
    offer({t1});
    run_well(discovery());
    run_well(discovery({"-o", "nonpersistent"}));
    EXPECT_TRUE(daemon.discoveries[0].use_record);
    EXPECT_FALSE(daemon.discoveries[1].use_record);
    EXPECT_EQ(daemon.discoveries[0].address, "10.9.9.1");
}

TEST_F(discovery_test, takes_new_records_from_the_configuration) {
    write_config("node.startup = automatic\ndiscovery.sendtargets.timeo.login_timeout = 7\n");
    offer({t1});
    run_well(discovery());
    EXPECT_EQ(value_of(t1, "node.startup"), "automatic");
    EXPECT_THAT(
        run_well(database({"-o", "show"})),
        HasSubstr("discovery.sendtargets.timeo.login_timeout = 7\n")
    );
}

TEST_F(discovery_test, refreshes_the_source_and_keeps_what_users_have_set_in_it) {
    offer({t1});
    run_well(discovery());
    const std::string repeats = "discovery.sendtargets.use_discoveryd";
    run_well(database({"-o", "update", "-n", repeats, "-v", "Yes"}));
    const auto before = database_tree();
    write_config("discovery.sendtargets.timeo.login_timeout = 7\n");
    refuse(exit_code::pdu_timeout, {});
    EXPECT_EQ(run(discovery()).code, 11);
    offer({});
    EXPECT_EQ(run(discovery()).code, 21);
    EXPECT_EQ(database_tree(), before) << "a discovery that fails changes nothing";
    offer({t1});
    run_well(discovery());
    const auto shown = run_well(database({"-o", "show"}));
    EXPECT_THAT(shown, HasSubstr(repeats + " = Yes\n"));
    EXPECT_THAT(shown, HasSubstr("discovery.sendtargets.timeo.login_timeout = 7\n"));
    run_well(database({"-o", "new"}));
    EXPECT_THAT(run_well(database({"-o", "show"})), HasSubstr(repeats + " = No\n"));
}

TEST_F(discovery_test, says_once_what_is_wrong_in_the_configuration_and_goes_on) {
    write_config("node.startup = sometimes\nnode.session.timeo.replacement_timeout = 9");
    offer({t1});
    const outcome got = run(discovery());
    EXPECT_EQ(got.code, 0);
    EXPECT_EQ(got.out, "10.9.9.1:3260,1 " + t1 + "\n");
    const auto file = where.config_file().string();
    EXPECT_EQ(
        got.err,
        "iscsiadm: " + file +
            ":2: truncated, got a last line without its end, expected a newline; "
            "taken as it stands\n"
            "iscsiadm: " +
            file +
            ":1: node.startup: unknown value, got sometimes, expected manual "
            "automatic onboot; used: manual\n"
    );
    EXPECT_EQ(value_of(t1, "node.startup"), "manual");
    EXPECT_EQ(value_of(t1, "node.session.timeo.replacement_timeout"), "9");
    EXPECT_EQ(run({"-m", "node", "-T", t2, "-p", "10.9.9.1", "-o", "new"}).code, 0);
}

// What a person writes behind a record is no reason to lose what users have set in it.
TEST_F(discovery_test, keeps_what_users_have_set_in_files_that_were_touched) {
    offer({t1});
    run_well(discovery());
    update(t1, "node.startup", "automatic");
    const auto file = where.database / "nodes" / t1 / "10.9.9.1,3260,1" / "default";
    std::ofstream(file, std::ios::app) << "# managed by puppet\n";
    run_well(discovery());
    EXPECT_EQ(value_of(t1, "node.startup"), "automatic");
    std::ofstream(file, std::ios::app) << "node.startup = sometimes\n";
    const outcome flawed = run(discovery());
    EXPECT_THAT(flawed.err, HasSubstr(file.string() + ":"));
    EXPECT_THAT(flawed.err, HasSubstr("; kept as it stands"));
    std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
    const auto before = database_tree();
    const outcome cut = run(discovery());
    EXPECT_THAT(cut.err, HasSubstr(file.string() + ": truncated"));
    EXPECT_THAT(cut.err, HasSubstr("; the record is left as it is"));
    EXPECT_EQ(database_tree(), before);
}

TEST_F(discovery_test, says_where_a_filter_stands_that_is_none) {
    offer({t1});
    const auto file = where.config_file();
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << "\ndiscovery.sendtargets.filter.portal = 10.0.0.0/99\n";
    for (const auto& wish : {discovery(), database({"-o", "new"})}) {
        const outcome got = run(wish);
        EXPECT_EQ(got.code, 7);
        EXPECT_THAT(got.err, HasSubstr(file.string() + ":2: discovery.sendtargets.filter.portal"));
    }
}

TEST_F(discovery_test, goes_on_past_a_flawed_interface) {
    run_well({"-m", "iface", "-I", "if9", "-o", "new"});
    offer({t1});
    run_well(discovery());
    const auto file = where.database / "ifaces" / "if9";
    std::ofstream(file, std::ios::app) << "# note\n";
    run_well(discovery());
    EXPECT_EQ(run({"-m", "iface", "-I", "if8", "-o", "new"}).code, 0);
    std::ofstream(file, std::ios::app) << "iface.mtu = big\n";
    const outcome got = run(discovery());
    EXPECT_EQ(got.code, 0);
    EXPECT_THAT(got.err, HasSubstr(file.string() + ":"));
    EXPECT_THAT(got.err, HasSubstr("iface.mtu: bad value, got not an integer big"));
    EXPECT_TRUE(std::filesystem::exists(where.database / "nodes" / t1 / "10.9.9.1,3260,1" / "if9"))
        << "what nobody has looked for is not gone";
    EXPECT_EQ(run({"-m", "iface"}).code, 0);
    EXPECT_EQ(run({"-m", "iface", "-I", "if9", "-o", "delete"}).code, 0);
    EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(discovery_test, changes_nothing_when_it_only_shows) {
    offer({t1, t2});
    run_well(discovery());
    update(t1, "node.startup", "automatic");
    const auto before = database_tree();
    offer({t1});
    EXPECT_EQ(run_well(discovery({"-o", "show"})), "10.9.9.1:3260,1 " + t1 + "\n");
    EXPECT_EQ(run_well(database({"-D", "-o", "show"})), "10.9.9.1:3260,1 " + t1 + "\n");
    EXPECT_THAT(run_well(database({"-l"})), HasSubstr("discovery.type = sendtargets"));
    run_well(database({}));
    run_well({"-m", "discovery", "-P", "1"});
    run_well({"-m", "discovery", "-o", "show"});
    run_well({"-m", "node", "-T", t1});
    EXPECT_EQ(database_tree(), before);
    EXPECT_THAT(daemon.logins, IsEmpty());
    EXPECT_EQ(daemon.discoveries.size(), 3U);
}

TEST_F(discovery_test, leaves_no_node_of_a_show_and_nothing_of_an_unknown_interface) {
    offer({t1});
    EXPECT_EQ(run(discovery({"-I", "nosuch"})).code, 21);
    EXPECT_EQ(run({"-m", "discovery"}).code, 21);
    run_well(discovery({"-o", "show"}));
    EXPECT_EQ(run({"-m", "discovery"}).code, 0);
    EXPECT_EQ(run({"-m", "node"}).code, 21);
}

TEST_F(discovery_test, needs_a_type_for_one_record_of_the_database) {
    offer({t1});
    for (const auto* const wish : {"-D", "-l", "-S"}) {
        const outcome got = run({"-m", "discoverydb", "-p", "10.9.9.1", wish});
        EXPECT_EQ(got.code, 7);
        EXPECT_EQ(
            got.err,
            "iscsiadm: Invalid command. Portal not needed or Possibly missing discovery --type.\n"
        );
    }
    EXPECT_THAT(daemon.discoveries, IsEmpty());
}

TEST_F(discovery_test, rewrites_with_update_which_needs_no_name_and_value) {
    offer({t1});
    run_well(discovery());
    for (const auto& wish : {discovery({"-o", "update"}), database({"-D", "-o", "update"})}) {
        update(t1, "node.startup", "automatic");
        run_well(wish);
        EXPECT_EQ(value_of(t1, "node.startup"), "manual");
    }
    const outcome got = run(database({"-o", "update"}));
    EXPECT_EQ(got.code, 7);
    EXPECT_EQ(got.err, "iscsiadm: Update requires name and value.\n");
}

TEST_F(discovery_test, lists_with_show) {
    for (const auto* const mode : {"discovery", "discoverydb"}) {
        EXPECT_EQ(run({"-m", mode, "-o", "show"}).code, 21);
        EXPECT_EQ(run({"-m", mode, "-o", "show"}).err, "");
    }
    offer({t1});
    run_well(discovery());
    for (const auto* const mode : {"discovery", "discoverydb"})
        EXPECT_EQ(run_well({"-m", mode, "-o", "show"}), "10.9.9.1:3260 via sendtargets\n");
}

TEST_F(discovery_test, prints_its_empty_tree) {
    const outcome got = run({"-m", "discovery", "-P", "1"});
    EXPECT_EQ(got.code, 21);
    EXPECT_EQ(
        got.out,
        "SENDTARGETS:\nNo targets found.\niSNS:\nNo targets found.\nSTATIC:\nNo targets found.\n"
        "FIRMWARE:\nNo targets found.\n"
    );
    EXPECT_EQ(got.err, "");
}

TEST_F(discovery_test, keeps_the_tag_that_an_answer_does_not_tell) {
    offer({t1});
    run_well(discovery());
    admin::discover_progress untold;
    untold.finished = true;
    untold.portals = {{t1, "10.9.9.1", 3260, -1}};
    daemon.discover_answers = {untold};
    run_well(discovery());
    EXPECT_EQ(run_well({"-m", "node"}), "10.9.9.1:3260,1 " + t1 + "\n");
    run_well(database({"-o", "delete"}));
    run_well(discovery());
    EXPECT_EQ(run_well({"-m", "node"}), "10.9.9.1:3260,4294967295 " + t1 + "\n");
}

// A record typed in before its portal told its group tag.
TEST_F(discovery_test, knows_the_record_that_had_no_tag) {
    add_node(t1, "10.9.9.1");
    update(t1, "node.startup", "automatic");
    offer({t1});
    run_well(discovery({"-o", "new"}));
    EXPECT_EQ(run_well({"-m", "node"}), "10.9.9.1:3260,1 " + t1 + "\n");
    EXPECT_EQ(value_of(t1, "node.startup"), "automatic") << "-o new keeps what is there";
    run_well(discovery());
    EXPECT_EQ(run_well({"-m", "node"}), "10.9.9.1:3260,1 " + t1 + "\n");
    EXPECT_EQ(value_of(t1, "node.startup"), "automatic");
}

// As tutorials rely on: change iscsid.conf, discover again. What somebody has set in a record
// stays.
TEST_F(discovery_test, refreshes_records_but_for_what_users_have_set) {
    write_config("node.session.cmds_max = 64\n");
    offer({t1});
    run_well(discovery());
    update(t1, "node.startup", "automatic");
    update(t1, "node.session.queue_depth", "32"); // as it is already
    write_config(
        "node.session.cmds_max = 96\nnode.session.queue_depth = 16\nnode.startup = onboot\n"
    );
    for (const auto& wish : {discovery(), discovery(), database({"-D"})}) {
        run_well(wish);
        EXPECT_EQ(value_of(t1, "node.session.cmds_max"), "96");
        EXPECT_EQ(value_of(t1, "node.startup"), "automatic");
        EXPECT_EQ(value_of(t1, "node.session.queue_depth"), "32");
    }
    run_well(discovery({"-o", "new"}));
    EXPECT_EQ(value_of(t1, "node.startup"), "automatic");
    run_well(discovery({"-o", "update"}));
    EXPECT_EQ(value_of(t1, "node.startup"), "onboot");
    EXPECT_EQ(value_of(t1, "node.session.queue_depth"), "16");
    run_well(discovery());
    EXPECT_EQ(value_of(t1, "node.startup"), "onboot");
}

TEST_F(discovery_test, removes_what_is_no_longer_offered) {
    offer({t1, t2});
    run_well(discovery());
    offer({t2});
    run_well(discovery({"-o", "new"}));
    EXPECT_THAT(run_well({"-m", "node"}), HasSubstr(t1));
    run_well(discovery({"-o", "delete"}));
    EXPECT_EQ(run_well({"-m", "node"}), "10.9.9.1:3260,1 " + t2 + "\n");
}

TEST_F(discovery_test, keeps_a_record_that_a_session_uses) {
    offer({t1, t2});
    run_well(discovery());
    daemon.sessions = {session_of(node_id_of(t1), 1)};
    offer({t2});
    const outcome got = run(discovery());
    EXPECT_EQ(got.code, 0);
    EXPECT_THAT(got.err, HasSubstr("but a session is using it"));
    EXPECT_THAT(run_well({"-m", "node"}), HasSubstr(t1));
}

TEST_F(discovery_test, never_removes_records_after_an_empty_answer) {
    offer({t1});
    run_well(discovery());
    offer({});
    const outcome got = run(discovery());
    EXPECT_EQ(got.code, 21);
    EXPECT_EQ(got.err, "iscsiadm: No portals found\n");
    EXPECT_THAT(run_well({"-m", "node"}), HasSubstr(t1));
}

TEST_F(discovery_test, leaves_no_record_of_a_nonpersistent_login) {
    offer({t1, t2});
    add_node(t2);
    update(t2, "node.startup", "automatic");
    const auto before = database_tree();
    EXPECT_THAT(
        run_well(discovery({"-o", "nonpersistent", "-l"})),
        AllOf(HasSubstr("Login to [iface: default, target: " + t1), HasSubstr("target: " + t2))
    );
    EXPECT_EQ(daemon.logins.size(), 1U);
    std::filesystem::remove(where.database / "send_targets"); // it is empty
    EXPECT_EQ(database_tree(), before);
}

TEST_F(discovery_test, writes_nothing_when_nonpersistent) {
    offer({t1});
    EXPECT_EQ(run_well(discovery({"-o", "nonpersistent"})), "10.9.9.1:3260,1 " + t1 + "\n");
    EXPECT_EQ(run({"-m", "node"}).code, 21);
    EXPECT_EQ(run({"-m", "discovery"}).code, 21);
}

TEST_F(discovery_test, refuses_bad_names_and_addresses_one_by_one) {
    admin::discover_progress answer;
    answer.finished = true;
    answer.portals = {
        {"../../etc/passwd", "10.9.9.1", 3260, 1},
        {"iqn.2020-01.test:line\nbreak", "10.9.9.1", 3260, 1},
        {t2, "10.9.9.1/..", 3260, 1},
        {t1, "10.9.9.1", 3260, 1}};
    daemon.discover_answers = {answer};
    const outcome got = run(discovery());
    EXPECT_EQ(got.code, 0);
    EXPECT_EQ(got.out, "10.9.9.1:3260,1 " + t1 + "\n");
    EXPECT_THAT(got.err, HasSubstr("passwd"));
    EXPECT_THAT(got.err, HasSubstr("target " + t2 + " left out: address: "));
    EXPECT_THAT(got.err, Not(HasSubstr("line\nbreak")));
}

TEST_F(discovery_test, passes_notes_and_the_error_on) {
    refuse(
        exit_code::pdu_timeout,
        {"cannot make connection to 10.9.9.1: Connection refused",
         "connection login retries (reopen_max) 5 exceeded"}
    );
    const outcome got = run(discovery());
    EXPECT_EQ(got.code, 11);
    EXPECT_EQ(got.out, "");
    EXPECT_EQ(
        got.err,
        "iscsiadm: cannot make connection to 10.9.9.1: Connection refused\n"
        "iscsiadm: connection login retries (reopen_max) 5 exceeded\n"
        "iscsiadm: Could not perform SendTargets discovery: iSCSI PDU timed out\n"
    );
}

TEST_F(discovery_test, fails_when_the_daemon_is_away_or_says_too_little) {
    daemon.discover_answers = {{{"a note"}, false, {}, {}}};
    EXPECT_EQ(run(discovery()).code, 18);
    daemon.not_running();
    const outcome got = run(discovery());
    EXPECT_EQ(got.code, 20);
    EXPECT_THAT(got.err, HasSubstr("iscsiadm: iscsid is not running. "));
    EXPECT_THAT(got.err, HasSubstr("iscsiadm: can not connect to iSCSI daemon (111)!\n"));
    EXPECT_THAT(
        got.err, HasSubstr("Could not perform SendTargets discovery: could not connect to iscsid\n")
    );
}

TEST_F(discovery_test, waits_as_long_as_the_record_lets_the_daemon_try) {
    write_config("discovery.sendtargets.reopen_max = 100\n");
    offer({t1});
    run_well(discovery());
    EXPECT_GE(daemon.patience, std::chrono::seconds(100 * 15));
}

TEST_F(discovery_test, binds_to_every_interface_that_was_given) {
    run_well({"-m", "iface", "-I", "eth", "-o", "new", "-n", "iface.net_ifacename", "-v", "eth7"});
    offer({t1});
    const std::string line = "10.9.9.1:3260,1 " + t1 + "\n";
    EXPECT_EQ(run_well(discovery({"-I", "default", "-I", "eth"})), line + line);
    EXPECT_THAT(
        run_well({"-m", "node", "-I", "eth", "-o", "show"}),
        HasSubstr("iface.net_ifacename = eth7\n")
    );
}

TEST_F(discovery_test, asks_once_for_each_way_an_interface_looks) {
    run_well({"-m", "iface", "-I", "eth", "-o", "new", "-n", "iface.net_ifacename", "-v", "eth7"});
    run_well(
        {"-m", "iface", "-I", "own", "-o", "new", "-n", "iface.initiatorname", "-v", "iqn.a:own"}
    );
    run_well({"-m", "iface", "-I", "plain", "-o", "new"});
    offer({t1});
    run_well(discovery({"-I", "default", "-I", "eth", "-I", "plain", "-I", "own"}));
    std::vector<std::string> asked;
    for (const auto& each : daemon.discoveries)
        asked.push_back(each.interface);
    EXPECT_THAT(asked, ElementsAre("", "eth", "own"));
    EXPECT_THAT(run_well({"-m", "node", "-P", "1"}), HasSubstr("Iface Name: plain\n"));
}

TEST_F(discovery_test, binds_to_the_stored_interfaces_of_tcp_without_a_choice) {
    run_well({"-m", "iface", "-I", "eth", "-o", "new"});
    offer({t1});
    run_well(discovery());
    EXPECT_THAT(run_well({"-m", "node", "-P", "1"}), HasSubstr("Iface Name: eth\n"));
    EXPECT_THAT(run_well({"-m", "node", "-P", "1"}), Not(HasSubstr("Iface Name: default\n")));
}

TEST_F(discovery_test, skips_interfaces_that_do_not_exist) {
    offer({t1});
    const outcome some = run(discovery({"-I", "nosuch", "-I", "default"}));
    EXPECT_EQ(some.code, 0);
    EXPECT_THAT(some.err, HasSubstr("Could not read iface info for nosuch. Make sure "));
    EXPECT_EQ(run(discovery({"-I", "nosuch"})).code, 21);
}

TEST_F(discovery_test, logs_in_to_what_it_found) {
    offer({t1, t2});
    const std::string out = run_well(discovery({"-l"}));
    ASSERT_EQ(daemon.logins.size(), 1U);
    EXPECT_THAT(daemon.logins[0].nodes, ElementsAre(node_id_of(t1), node_id_of(t2)));
    EXPECT_THAT(out, HasSubstr("Login to [iface: default, target: " + t2));
}

TEST_F(discovery_test, knows_the_stored_record) {
    const outcome missing = run({"-m", "discovery", "-p", "10.9.9.1"});
    EXPECT_EQ(missing.code, 7);
    EXPECT_EQ(missing.err, "iscsiadm: Discovery record [10.9.9.1,3260] not found!\n");
    offer({t1});
    run_well(discovery());
    EXPECT_THAT(
        run_well({"-m", "discovery", "-p", "10.9.9.1"}), HasSubstr("discovery.type = sendtargets\n")
    );
    EXPECT_EQ(
        run_well({"-m", "discovery", "-p", "10.9.9.1", "-D"}), "10.9.9.1:3260,1 " + t1 + "\n"
    );
    run_well({"-m", "discovery", "-p", "10.9.9.1", "-o", "delete"});
    EXPECT_EQ(run({"-m", "node"}).code, 21);
    EXPECT_EQ(run({"-m", "discovery", "-p", "10.9.9.1", "-o", "new"}).code, 7);
}

TEST_F(discovery_test, lists_nothing_silently) {
    const outcome got = run({"-m", "discovery"});
    EXPECT_EQ(got.code, 21);
    EXPECT_EQ(got.out + got.err, "");
}

TEST_F(discovery_test, answers_for_what_it_cannot_do) {
    EXPECT_EQ(run({"-m", "discovery", "-t", "st"}).code, 7);
    EXPECT_EQ(run({"-m", "discovery", "-t", "fw"}).code, 21);
    EXPECT_THAT(daemon.discoveries, IsEmpty());
}

TEST_F(discovery_test, by_isns_has_records_of_its_own) {
    admin::discover_progress answer;
    answer.finished = true;
    answer.portals = {{t1, "10.9.9.2", 3260, 1}};
    daemon.discover_answers = {answer};
    const std::vector<std::string> ask{"-m", "discovery", "-t", "isns", "-p", "10.9.9.1"};
    EXPECT_EQ(run_well(ask), "10.9.9.2:3260,1 " + t1 + "\n");
    ASSERT_EQ(daemon.discoveries.size(), 1U);
    EXPECT_EQ(daemon.discoveries.front().type, "isns");
    EXPECT_EQ(daemon.discoveries.front().port, 3205);
    EXPECT_EQ(run_well({"-m", "discoverydb"}), "10.9.9.1:3205 via isns\n");
    EXPECT_EQ(
        run_well({"-m", "discoverydb", "-P", "1"}),
        "SENDTARGETS:\nNo targets found.\niSNS:\nDiscoveryAddress: 10.9.9.1,3205\nTarget: " + t1 +
            "\n\tPortal: 10.9.9.2:3260,1\n\t\tIface Name: default\nSTATIC:\nNo targets found.\n"
            "FIRMWARE:\nNo targets found.\n"
    );
    EXPECT_THAT(
        run_well({"-m", "discoverydb", "-t", "isns", "-p", "10.9.9.1"}),
        HasSubstr("discovery.startup = manual\n"
                  "discovery.type = isns\n"
                  "discovery.sendtargets.address = 10.9.9.1\n"
                  "discovery.sendtargets.port = 3205\n"
                  "discovery.isns.use_discoveryd = No\n"
                  "discovery.isns.discoveryd_poll_inval = -1\n"
                  "# END RECORD\n")
    );
    EXPECT_EQ(run({"-m", "discoverydb", "-t", "st", "-p", "10.9.9.1:3205"}).code, 6);
    EXPECT_EQ(
        run({"-m", "discoverydb", "-t", "isns", "-p", "10.9.9.1:3205", "-o", "delete"}).code, 0
    );
    EXPECT_EQ(run({"-m", "node"}).code, 21);
}

TEST_F(discovery_test, by_isns_fails_in_its_own_words) {
    admin::discover_progress answer;
    answer.finished = true;
    answer.code = exit_code::isns_query;
    daemon.discover_answers = {answer};
    const auto got = run({"-m", "discovery", "-t", "isns", "-p", "10.9.9.1"});
    EXPECT_EQ(got.code, 25);
    EXPECT_THAT(got.err, HasSubstr("Could not perform iSNS discovery: iSNS query failed"));
}

TEST_F(discovery_test, database_keeps_the_record_as_it_was_edited) {
    EXPECT_EQ(
        run_well(database({"-o", "new"})), "New discovery record for [10.9.9.1,3260] added.\n"
    );
    run_well(database(
        {"-o",
         "update",
         "-n",
         "discovery.sendtargets.auth.authmethod",
         "-v",
         "CHAP",
         "-n",
         "discovery.sendtargets.auth.password",
         "-v",
         "geheimnis"}
    ));
    offer({t1});
    EXPECT_EQ(run_well(database({"-D"})), "10.9.9.1:3260,1 " + t1 + "\n");
    const std::string shown = run_well(database({}));
    EXPECT_THAT(shown, HasSubstr("discovery.sendtargets.auth.authmethod = CHAP\n"));
    EXPECT_THAT(shown, HasSubstr("discovery.sendtargets.auth.password = ********\n"));
    EXPECT_THAT(run_well(database({"-S"})), HasSubstr("auth.password = geheimnis\n"));
}

TEST_F(discovery_test, database_makes_a_missing_record_when_it_discovers) {
    offer({t1});
    run_well(database({"-D"}));
    EXPECT_EQ(run_well({"-m", "discoverydb"}), "10.9.9.1:3260 via sendtargets\n");
}

TEST_F(discovery_test, database_refuses_unknown_keys_and_missing_records) {
    EXPECT_EQ(run(database({"-o", "update", "-n", "discovery.startup", "-v", "manual"})).code, 6);
    EXPECT_EQ(run(database({"-o", "delete"})).code, 6);
    run_well(database({"-o", "new"}));
    const outcome got = run(database({"-o", "update", "-n", "node.startup", "-v", "manual"}));
    EXPECT_EQ(got.code, 7);
    EXPECT_EQ(got.err, "iscsiadm: Cannot modify node.startup. Invalid param name.\n");
}

TEST_F(discovery_test, database_removes_nothing_that_a_session_uses) {
    offer({t1, t2});
    run_well(discovery());
    daemon.sessions = {session_of(node_id_of(t1), 1)};
    EXPECT_EQ(run(database({"-o", "delete"})).code, 15);
    EXPECT_THAT(run_well({"-m", "node"}), HasSubstr(t2));
    daemon.sessions.clear();
    run_well(database({"-o", "delete"}));
    EXPECT_EQ(run({"-m", "node"}).code, 21);
}

} // namespace
} // namespace iscsi::cli
