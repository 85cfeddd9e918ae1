#include "tests/support/json_schema.hpp"
#include "tests/unit/iscsiadm/modes/mode_test.hpp"

#include "iscsiadm/print/json_presenter.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <set>

namespace iscsi::cli {
namespace {

namespace json = boost::json;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAreArray;

json::value published_schema() {
    std::ifstream from(ISCSI_SCHEMA);
    std::ostringstream text;
    text << from.rdbuf();
    return json::parse(text.str());
}

class json_test : public mode_test {
  protected:
    using words = std::vector<std::string>;

    // Runs it with --json. stdout is one line that fits the schema, whose exit code and messages
    // are those of the run; both are those of the run without --json, where that can be repeated.
    json::object document(words arguments, int code = 0) {
        arguments.emplace_back("--json");
        const outcome got = run(arguments);
        EXPECT_EQ(got.code, code) << got.err;
        EXPECT_EQ(got.out.find('\n'), got.out.size() - 1) << got.out;
        const json::value read = json::parse(got.out);
        EXPECT_THAT(schema.complaints_of(read), IsEmpty()) << got.out;
        EXPECT_EQ(read.at("exit_code"), code);
        std::string messages;
        for (const json::value& line : read.at("messages").as_array())
            messages += "iscsiadm: " + std::string(line.as_string()) + "\n";
        EXPECT_EQ(messages, got.err);
        return read.as_object();
    }

    json::object document_of(std::string_view kind, const words& arguments, int code = 0) {
        json::object got = document(arguments, code);
        EXPECT_EQ(got.at("kind").as_string(), kind);
        return got;
    }

    // The same command shows nothing but a document, and complains in the same words.
    json::object same_as_text(std::string_view kind, const words& arguments, int code = 0) {
        const outcome text = run(arguments);
        EXPECT_EQ(text.code, code);
        json::object got = document_of(kind, arguments, code);
        std::string messages;
        for (const json::value& line : got.at("messages").as_array())
            messages += "iscsiadm: " + std::string(line.as_string()) + "\n";
        EXPECT_EQ(messages, text.err);
        return got;
    }

    static json::value at(const json::object& document, std::string_view pointer) {
        boost::system::error_code missing;
        const json::value whole = document;
        const json::value* const found = whole.find_pointer(pointer, missing);
        EXPECT_NE(found, nullptr) << pointer << " in " << json::serialize(document);
        return found == nullptr ? json::value("(no such member)") : *found;
    }

    void offer(const std::string& target) {
        admin::discover_progress answer;
        answer.finished = true;
        answer.portals.push_back({target, "10.9.9.1", 3260, 1});
        daemon.discover_answers = {answer};
    }

    // Lines of the record of t1, as somebody with an editor adds them.
    void write_by_hand(const std::string& lines) const {
        const auto file = where.database / "nodes" / t1 / "10.9.9.1,3260,1" / "default";
        std::ostringstream text;
        text << std::ifstream(file).rdbuf();
        std::string record = text.str();
        record.insert(record.find("# END RECORD"), lines);
        std::ofstream(file) << record;
    }

    json_schema schema{published_schema()};
    const words discovery{"-m", "discovery", "-t", "st", "-p", "10.9.9.1"};
};

TEST_F(json_test, empty_lists_are_empty_arrays) {
    const auto sessions = same_as_text("sessions", {"-m", "session"}, 21);
    EXPECT_EQ(at(sessions, "/sessions"), json::array());
    EXPECT_EQ(at(sessions, "/error"), json::value(to_text(exit_code::no_objects_found)));
    EXPECT_EQ(at(same_as_text("nodes", {"-m", "node"}, 21), "/nodes"), json::array());
    EXPECT_EQ(at(same_as_text("nodes", {"-m", "node", "-P", "1"}, 21), "/nodes"), json::array());
    EXPECT_EQ(at(same_as_text("hosts", {"-m", "host"}, 21), "/hosts"), json::array());
    EXPECT_EQ(
        at(same_as_text("discoveries", {"-m", "discovery"}, 21), "/discoveries"), json::array()
    );
    EXPECT_EQ(
        at(same_as_text("node_records", {"-m", "node", "-T", t1}, 21), "/records"), json::array()
    );
    EXPECT_EQ(at(same_as_text("logins", {"-m", "node", "-l"}, 21), "/logins"), json::array());
    EXPECT_EQ(at(same_as_text("logouts", {"-m", "node", "-u"}, 21), "/logouts"), json::array());
    EXPECT_EQ(at(same_as_text("logouts", {"-m", "session", "-u"}, 21), "/logouts"), json::array());
    EXPECT_EQ(at(same_as_text("rescans", {"-m", "session", "-R"}, 21), "/rescans"), json::array());
    same_as_text("session_statistics", {"-m", "session", "-s"}, 21);
    same_as_text("node_records", {"-m", "fw"}, 21);
    same_as_text("logins", {"-m", "node", "-L", "all"}, 21);
    same_as_text("logouts", {"-m", "node", "-U", "all"}, 21);
    same_as_text("changes", {"-m", "node", "-T", t1, "-o", "delete"}, 21);
}

TEST_F(json_test, sessions_by_level) {
    daemon.sessions = {golden_session()};
    const std::vector<words> added{
        {"sid", "transport", "node", "connection_state", "login_pending", "logout_pending"},
        {"current_portal",
         "initiator_name",
         "interface_address",
         "hardware_address",
         "net_device",
         "session_state",
         "internal_state"},
        {"timeouts", "chap", "parameters"},
        {"host_number", "luns"}};
    std::set<std::string> expected;
    for (std::size_t level = 0; level < added.size(); ++level) {
        expected.insert(added[level].begin(), added[level].end());
        const auto got = same_as_text("sessions", {"-m", "session", "-P", std::to_string(level)});
        EXPECT_EQ(at(got, "/level"), level);
        std::set<std::string> names;
        const json::value session = at(got, "/sessions/0");
        for (const auto& member : session.as_object())
            names.emplace(member.key());
        EXPECT_EQ(names, expected);
    }
    const auto all = document({"-m", "session", "-P", "3"});
    EXPECT_EQ(at(all, "/sessions/0/sid"), 5);
    EXPECT_EQ(at(all, "/sessions/0/node/target"), json::value(t1));
    EXPECT_EQ(at(all, "/sessions/0/timeouts/recovery"), 120);
    EXPECT_EQ(at(all, "/sessions/0/parameters/immediate_data"), true);
    EXPECT_EQ(at(all, "/sessions/0/hardware_address"), nullptr);
    EXPECT_EQ(at(all, "/sessions/0/luns/0/disk"), nullptr); // lines leave this one out
    EXPECT_EQ(at(all, "/sessions/0/luns/2/disk"), "sdb");
}

TEST_F(json_test, secrets_are_hidden_where_the_lines_hide_them) {
    add_node(t1);
    update(t1, "node.session.auth.password", "twelve-letters");
    daemon.sessions = {session_of(node_id_of(t1), 5)};
    const words session{"-m", "session", "-P", "2"}, record{"-m", "node", "-T", t1};
    const auto with_secrets = [](words arguments) {
        arguments.emplace_back("-S");
        return arguments;
    };
    EXPECT_EQ(at(document(session), "/sessions/0/chap/password"), "********");
    EXPECT_EQ(at(document(session), "/sessions/0/chap/password_in"), "********");
    const auto revealed = document(with_secrets(session));
    EXPECT_EQ(at(revealed, "/sessions/0/chap/password"), "twelve-letters");
    EXPECT_EQ(at(revealed, "/sessions/0/chap/password_in"), nullptr);
    const std::string key = "/records/0/settings/node.session.auth.password";
    EXPECT_EQ(at(document(record), key), "********");
    EXPECT_EQ(at(document(record), key + "_in"), nullptr);
    EXPECT_EQ(at(document(with_secrets(record)), key), "twelve-letters");
    for (const words& each : {session, record, words{"-m", "session", "-r", "5"}, discovery})
        EXPECT_THAT(
            json::serialize(document(each, each == discovery ? 18 : 0)), Not(HasSubstr("twelve"))
        );
}

// Each line "key = value" of the text is a member of the same value.
TEST_F(json_test, records_say_what_the_lines_say) {
    add_node(t1);
    run_well({"-m", "iface", "-I", "one", "-o", "new"});
    run_well({"-m", "discoverydb", "-t", "st", "-p", "10.9.9.1", "-o", "new"});
    const std::vector<std::pair<std::string, words>> each{
        {"node_records", {"-m", "node", "-T", t1}},
        {"interface_records", {"-m", "iface", "-I", "one"}},
        {"discovery_records", {"-m", "discoverydb", "-t", "st", "-p", "10.9.9.1"}}};
    for (const auto& [kind, arguments] : each) {
        const auto got = same_as_text(kind, arguments);
        words lines;
        const json::value settings = at(got, "/records/0/settings");
        for (const auto& member : settings.as_object()) {
            const json::value& value = member.value();
            std::string text =
                value.is_string() ? value.get_string().c_str() : json::serialize(value);
            if (value.is_bool())
                text = value.get_bool() ? "Yes" : "No";
            if (value.is_null())
                text = "<empty>";
            lines.push_back(std::string(member.key()) + " = " + text);
        }
        std::istringstream shown(run_well(arguments));
        words expected;
        for (std::string line; std::getline(shown, line);)
            if (!line.starts_with('#'))
                expected.push_back(line);
        EXPECT_EQ(lines, expected);
    }
}

TEST_F(json_test, settings_have_the_types_of_their_rows) {
    add_node(t1);
    const auto got = document({"-m", "node", "-T", t1});
    const auto setting = [&](const std::string& name) {
        return at(got, "/records/0/settings/" + name);
    };
    EXPECT_EQ(setting("node.session.timeo.replacement_timeout"), 120);
    EXPECT_EQ(setting("node.leading_login"), false);
    EXPECT_EQ(setting("node.startup"), "manual");
    EXPECT_EQ(setting("node.session.auth.username"), nullptr);
}

TEST_F(json_test, lists_of_the_database) {
    add_node(t1);
    add_node(t2, "10.9.9.2:3261");
    offer(t1);
    run_well(discovery);
    const auto nodes = same_as_text("nodes", {"-m", "node"});
    EXPECT_EQ(
        at(nodes, "/nodes/1"),
        (json::object{
            {"target", t2},
            {"address", "10.9.9.2"},
            {"port", 3261},
            {"group_tag", nullptr},
            {"interface", "default"}})
    );
    EXPECT_EQ(at(same_as_text("nodes", {"-m", "node", "-P", "1"}), "/nodes"), at(nodes, "/nodes"));
    const auto tree = same_as_text("discoveries", {"-m", "discovery", "-P", "1"});
    EXPECT_EQ(at(tree, "/discoveries/0/nodes/0/target"), json::value(t1));
    EXPECT_EQ(at(tree, "/static_nodes/0/target"), json::value(t2));
    const auto list = same_as_text("discoveries", {"-m", "discoverydb"});
    EXPECT_FALSE(at(list, "/discoveries/0").as_object().contains("nodes"));
    const auto interfaces = same_as_text("interfaces", {"-m", "iface", "-P", "1"});
    EXPECT_EQ(at(interfaces, "/interfaces/0/name"), "default");
    EXPECT_EQ(at(interfaces, "/interfaces/0/nodes"), at(nodes, "/nodes"));
    EXPECT_EQ(at(interfaces, "/interfaces/1/nodes"), json::array());
    same_as_text("interfaces", {"-m", "iface"});
}

TEST_F(json_test, hosts_by_level) {
    daemon.sessions = {golden_session()};
    for (int level = 0; level <= 4; ++level) {
        const auto got = same_as_text("hosts", {"-m", "host", "-P", std::to_string(level)});
        const json::object host = at(got, "/hosts/0").as_object();
        EXPECT_EQ(host.at("host_number"), 2);
        EXPECT_EQ(host.contains("session"), level >= 2);
        EXPECT_FALSE(level >= 2 && host.at("session").as_object().contains("chap"));
        EXPECT_EQ(level >= 4, level >= 2 && host.at("session").as_object().contains("luns"));
    }
}

TEST_F(json_test, statistics) {
    auto session = golden_session();
    session.statistics = {{"txdata_octets", std::uint64_t{1} << 63U}, {"digest_err", 0}};
    daemon.sessions = {session};
    const auto got = same_as_text("session_statistics", {"-m", "session", "-s"});
    EXPECT_EQ(at(got, "/statistics/0/counters/txdata_octets"), std::uint64_t{1} << 63U);
    same_as_text("session_statistics", {"-m", "node", "-s"});
    same_as_text("session_statistics", {"-m", "session", "-r", "5", "-s"});
}

TEST_F(json_test, logins_name_each_portal_and_why_it_failed) {
    add_node(t1);
    add_node(t2);
    daemon.login_answers = {
        {0, exit_code::login_auth_failed, "the target says no", 0},
        {1, exit_code::success, "", 7, {"LUN 3 does not answer"}, false, {"its disks end"}}};
    const auto got = document_of("logins", {"-m", "node", "-l"}, 24);
    EXPECT_EQ(at(got, "/logins").as_array().size(), 2U);
    EXPECT_EQ(at(got, "/logins/0/outcome"), "failed");
    EXPECT_EQ(at(got, "/logins/0/exit_code"), 24);
    EXPECT_EQ(at(got, "/logins/0/error"), json::value(to_text(exit_code::login_auth_failed)));
    EXPECT_EQ(at(got, "/logins/0/detail"), "the target says no");
    EXPECT_EQ(at(got, "/logins/0/sid"), nullptr);
    EXPECT_EQ(at(got, "/logins/1/outcome"), "logged_in");
    EXPECT_EQ(at(got, "/logins/1/error"), nullptr);
    EXPECT_EQ(at(got, "/logins/1/sid"), 7);
    EXPECT_EQ(at(got, "/logins/1/warnings/0"), "LUN 3 does not answer");
    EXPECT_EQ(at(got, "/logins/1/notes/0"), "its disks end");
    EXPECT_EQ(at(got, "/logins/0/notes").as_array().size(), 0U);
}

TEST_F(json_test, every_login_that_was_asked_has_a_result) {
    add_node(t1);
    add_node(t2);
    daemon.sessions = {session_of(node_id_of(t1), 3)};
    const auto present = document_of("logins", {"-m", "node", "-l"}, 15);
    EXPECT_EQ(at(present, "/logins/0/outcome"), "present");
    EXPECT_EQ(at(present, "/logins/1/outcome"), "logged_in");
    const auto planned = document_of("logins", {"-m", "node", "-T", t2, "-l", "--dry-run"});
    EXPECT_EQ(at(planned, "/logins/0/outcome"), "planned");
    const auto requested = document_of("logins", {"-m", "node", "-T", t2, "-l", "-W"});
    EXPECT_EQ(at(requested, "/logins/0/outcome"), "requested");
    daemon.broken = fault{to_error_code(client_errc::cut), "reply", "", {}};
    const auto cut = document_of("logins", {"-m", "node", "-T", t2, "-l"}, 18);
    EXPECT_EQ(at(cut, "/logins/0/detail"), "no answer");
    daemon.not_running();
    const auto none = document_of("logins", {"-m", "node", "-l"}, 20);
    EXPECT_EQ(at(none, "/logins").as_array().size(), 2U);
    EXPECT_EQ(at(none, "/logins/1/exit_code"), 20);
}

TEST_F(json_test, logouts_and_rescans) {
    daemon.sessions = {session_of(node_id_of(t1), 3), session_of(node_id_of(t2), 4)};
    daemon.logout_answers = {
        {3, exit_code::busy, "ublkb0 is mounted"}, {4, exit_code::success, ""}};
    const auto out = document_of("logouts", {"-m", "session", "-u"}, 28);
    EXPECT_EQ(at(out, "/logouts/0/exit_code"), 28);
    EXPECT_EQ(at(out, "/logouts/0/detail"), "ublkb0 is mounted");
    EXPECT_EQ(at(out, "/logouts/1/outcome"), "logged_out");
    const auto planned = document_of("logouts", {"-m", "node", "-u", "--dry-run"});
    EXPECT_EQ(at(planned, "/logouts/1/outcome"), "planned");
    daemon.rescan_answers = {{3, exit_code::success, ""}};
    const auto rescans = document_of("rescans", {"-m", "node", "-R"}, 18);
    EXPECT_EQ(at(rescans, "/rescans/0/outcome"), "rescanned");
    EXPECT_EQ(at(rescans, "/rescans/1/outcome"), "failed");
    EXPECT_EQ(at(rescans, "/rescans/1/sid"), 4);
}

TEST_F(json_test, persistent_reservations) {
    daemon.sessions = {session_of(node_id_of(t1), 3)};
    const std::string kind = "persistent_reservations";
    const auto command = [](std::vector<std::string> rest) {
        rest.insert(rest.begin(), {"-m", "session", "-r", "3", "--lun", "1", "--persist"});
        return rest;
    };
    const auto of = [&](const json::object& from, const std::string& member) {
        return at(from, "/persistent_reservations/0/" + member);
    };
    daemon.reserve_answer.generation = 4;
    daemon.reserve_answer.keys = {"0xffffffffffffffff"};
    const auto keys = document_of(kind, command({"read-keys"}));
    EXPECT_EQ(of(keys, "outcome"), "done");
    EXPECT_EQ(of(keys, "generation"), 4);
    EXPECT_EQ(of(keys, "keys/0"), "0xffffffffffffffff");
    const auto none = document_of(kind, command({"read-reservation"}));
    EXPECT_EQ(of(none, "reservation"), json::value(nullptr));
    daemon.reserve_answer.reservation_key = "0xa";
    daemon.reserve_answer.reservation_type = "write-exclusive";
    const auto held = document_of(kind, command({"read-reservation"}));
    EXPECT_EQ(of(held, "reservation/type"), "write-exclusive");
    daemon.reserve_answer.registrants = {{"0xa", true, "write-exclusive", true, 0, "iqn.a"}};
    const auto full = document_of(kind, command({"read-full-status"}));
    EXPECT_EQ(of(full, "registrants/0/target_port"), json::value(nullptr));
    daemon.reserve_answer.capabilities = {"one"};
    const auto can = document_of(kind, command({"report-capabilities"}));
    EXPECT_EQ(of(can, "capabilities/0"), "one");
    daemon.reserve_answer = {};
    daemon.reserve_answer.code = exit_code::busy;
    daemon.reserve_answer.detail = "why";
    const auto refused = same_as_text(kind, command({"clear", "--key", "1"}), 28);
    EXPECT_EQ(of(refused, "outcome"), "failed");
    EXPECT_EQ(of(refused, "detail"), "why");
    daemon.reserve_answer.code = exit_code::pdu_timeout;
    daemon.reserve_answer.unknown = true;
    const auto open = same_as_text(kind, command({"clear", "--key", "1"}), 11);
    EXPECT_EQ(of(open, "outcome"), "unknown");
}

TEST_F(json_test, waiting_io_that_is_ended) {
    daemon.sessions = {session_of(node_id_of(t1), 3)};
    const std::vector<std::string> command{"-m", "session", "-r", "3", "--fail-io"};
    daemon.fail_io_answers = {{3, exit_code::success, "", {}, 17}};
    const auto ended = same_as_text("failed_io", command);
    EXPECT_EQ(at(ended, "/failed_io/0/outcome"), "io_failed");
    EXPECT_EQ(at(ended, "/failed_io/0/commands"), 17);
    daemon.fail_io_answers = {{3, exit_code::invalid_request, "nothing waits"}};
    const auto refused = same_as_text("failed_io", command, 16);
    EXPECT_EQ(at(refused, "/failed_io/0/outcome"), "failed");
    EXPECT_EQ(at(refused, "/failed_io/0/detail"), "nothing waits");
    EXPECT_EQ(at(refused, "/failed_io/0/commands"), json::value(nullptr));
    daemon.fail_io_answers = {};
    const auto silent = same_as_text("failed_io", command, 18);
    EXPECT_EQ(at(silent, "/failed_io/0/detail"), "no answer");
}

TEST_F(json_test, luns_that_are_attached_and_detached) {
    daemon.sessions = {session_of(node_id_of(t1), 3)};
    const auto ordered = [&](const char* order, admin::lun_progress answer, int code = 0) {
        daemon.lun_answers = {std::move(answer)};
        const std::string list = std::string(order + 2) + "ed_luns";
        const auto document =
            same_as_text(list, {"-m", "session", "-r", "3", "--lun", "5", order}, code);
        return at(document, "/" + list + "/0").as_object();
    };
    const auto ok = exit_code::success;
    const auto made = ordered("--attach", {3, ok, "", {"slow"}, "ublkb1", true});
    EXPECT_EQ(made.at("outcome"), "attached");
    EXPECT_EQ(made.at("disk"), "ublkb1");
    EXPECT_EQ(made.at("lun"), 5);
    EXPECT_EQ(made.at("warnings"), json::array{"slow"});
    EXPECT_EQ(ordered("--attach", {3, ok, "", {}, "", false}).at("outcome"), "present");
    EXPECT_EQ(ordered("--detach", {3, ok, "", {}, "ublkb1", true}).at("outcome"), "detached");
    EXPECT_EQ(ordered("--detach", {3, ok, "", {}, "", false}).at("outcome"), "absent");
    const auto refused = ordered("--detach", {3, exit_code::busy, "mounted"}, 28);
    EXPECT_EQ(refused.at("outcome"), "failed");
    EXPECT_EQ(refused.at("disk"), json::value(nullptr));
}

TEST_F(json_test, luns_with_null_for_what_is_not_known) {
    daemon.sessions = {session_of(node_id_of(t1), 3)};
    const std::vector<std::string> command{"-m", "session", "-r", "3", "--luns"};
    admin::lun_details silent;
    silent.lun = 1;
    silent.state = "no answer";
    silent.why = "INQUIRY: no answer within 4 s";
    admin::lun_details whole{
        2,
        "direct access block device",
        "IET",
        "DISK",
        "1",
        "36",
        4096,
        512,
        true,
        true,
        true,
        false,
        "running",
        "",
        "ublkb0"};
    auto no_page = whole;
    no_page.write_cache_known = false;
    daemon.luns_answers = {{3, exit_code::success, "", {}, {silent, whole, no_page}}};
    const auto shown = same_as_text("session_luns", command);
    EXPECT_EQ(at(shown, "/session_luns/0/outcome"), "described");
    for (const char* member :
         {"kind", "vendor", "size", "block_size", "thin", "write_cache", "read_only", "disk"})
        EXPECT_TRUE(at(shown, std::string("/session_luns/0/luns/0/") + member).is_null()) << member;
    EXPECT_EQ(at(shown, "/session_luns/0/luns/0/why"), json::value(silent.why));
    EXPECT_EQ(at(shown, "/session_luns/0/luns/1/size"), 4096);
    EXPECT_EQ(at(shown, "/session_luns/0/luns/1/thin"), true);
    EXPECT_EQ(at(shown, "/session_luns/0/luns/1/write_cache"), true);
    EXPECT_EQ(at(shown, "/session_luns/0/luns/1/read_only"), false);
    EXPECT_TRUE(at(shown, "/session_luns/0/luns/2/write_cache").is_null());
    daemon.sessions = {};
    EXPECT_EQ(
        at(same_as_text("session_luns", {"-m", "session", "--luns"}, 21), "/session_luns"),
        json::array()
    );
}

TEST_F(json_test, discoveries_with_and_without_logins) {
    offer(t1);
    const auto found = document_of("discovery", discovery);
    EXPECT_EQ(at(found, "/nodes/0/target"), json::value(t1));
    EXPECT_FALSE(found.contains("logins"));
    const auto logged_in =
        document_of("discovery", {"-m", "discovery", "-t", "st", "-p", "10.9.9.1", "-l"});
    EXPECT_EQ(at(logged_in, "/nodes/0/target"), json::value(t1));
    EXPECT_EQ(at(logged_in, "/logins/0/outcome"), "logged_in");
    daemon.discover_answers = {
        {{"cannot make connection"}, false, {}, {}}, {{}, true, exit_code::transport, {}}};
    const auto failed =
        document_of("discovery", {"-m", "discoverydb", "-t", "st", "-p", "10.9.9.1", "-D"}, 4);
    EXPECT_EQ(at(failed, "/nodes"), json::array());
    EXPECT_EQ(at(failed, "/messages/0"), "cannot make connection");
}

TEST_F(json_test, changes_are_told) {
    const words node{"-m", "node", "-T", t1};
    const auto with = [](words arguments, const words& more) {
        arguments.insert(arguments.end(), more.begin(), more.end());
        return arguments;
    };
    const auto added = document_of("changes", with(node, {"-p", "10.9.9.1", "-o", "new"}));
    EXPECT_EQ(at(added, "/changes/0/action"), "add");
    EXPECT_EQ(at(added, "/changes/0/node/target"), json::value(t1));
    const auto updated =
        document_of("changes", with(node, {"-o", "update", "-n", "node.startup", "-v", "manual"}));
    EXPECT_EQ(at(updated, "/changes/0/action"), "update");
    const auto planned = document_of("changes", with(node, {"-o", "delete", "--dry-run"}));
    EXPECT_EQ(at(planned, "/changes/0/planned"), true);
    daemon.sessions = {session_of(node_id_of(t1), 3)};
    const auto used = document_of("changes", with(node, {"-o", "delete"}), 15);
    EXPECT_EQ(at(used, "/changes/0/exit_code"), 15);
    daemon.sessions.clear();
    const auto removed = document_of("changes", with(node, {"-o", "delete"}));
    EXPECT_EQ(at(removed, "/changes/0/action"), "delete");
    EXPECT_EQ(at(removed, "/changes/0/error"), nullptr);
    for (const auto* operation : {"new", "delete"}) {
        const auto source = document_of(
            "changes", {"-m", "discoverydb", "-t", "st", "-p", "10.9.9.1", "-o", operation}
        );
        EXPECT_EQ(at(source, "/changes/0/source/address"), "10.9.9.1");
        const auto interface =
            document_of("changes", {"-m", "iface", "-I", "one", "-o", operation});
        EXPECT_EQ(at(interface, "/changes/0/interface"), "one");
    }
    EXPECT_EQ(at(document({"-m", "iface", "-o", "applyall"}), "/changes/0/interface"), nullptr);
}

TEST_F(json_test, what_has_no_list_is_a_result) {
    document_of("result", {"-k", "0"});
    document_of("version", {"-V"});
    EXPECT_THAT(at(document_of("usage", {"-h"}), "/text").as_string().c_str(), HasSubstr("--json"));
    daemon.sessions = {golden_session()};
    document_of("result", {"-m", "session", "-P", "9"}, 7);
    document_of("result", {"-m", "host", "-C", "stats"}, 27);
    document_of("import", {"-m", "node", "-o", "import"}, 21);
}

// Whatever stands in a record that somebody has written by hand.
TEST_F(json_test, bytes_that_are_no_utf8_are_replaced_and_told) {
    add_node(t1);
    write_by_hand("node.by.hand = caf\xe9\nnode.\xff = 1\n");
    const auto got = document({"-m", "node", "-T", t1});
    EXPECT_EQ(at(got, "/records/0/settings/node.by.hand"), "caf\xef\xbf\xbd");
    EXPECT_THAT(
        json::serialize(at(got, "/not_utf8")),
        HasSubstr(
            R"({"pointer":"/records/0/settings/node.by.hand","part":"value","bytes":"636166e9"})"
        )
    );
    EXPECT_EQ(at(got, "/records/0/settings").as_object().contains("node.\xff"), false);
}

TEST_F(json_test, bad_values_of_a_file_are_members_too) {
    add_node(t1);
    write_by_hand("node.session.cmds_max = many\n");
    const auto got = same_as_text("node_records", {"-m", "node", "-T", t1});
    EXPECT_EQ(at(got, "/records/0/settings/node.session.cmds_max"), "many");
    EXPECT_EQ(at(got, "/records/0/bad_values/0/name"), "node.session.cmds_max");
}

// The schema has an entry for each kind, and each refuses a member that it does not know.
TEST_F(json_test, schema_knows_every_kind_and_no_unknown_member) {
    for (int kind = 0; kind <= static_cast<int>(document_kind::usage); ++kind) {
        json_document made;
        made.add(opened{static_cast<document_kind>(kind)});
        json::object document = made.finish(exit_code::success, {});
        const auto word = std::string(word_of(static_cast<document_kind>(kind)));
        const json::value root = published_schema();
        EXPECT_TRUE(root.at("$defs").as_object().contains("document_" + word)) << word;
        document["unheard_of"] = 1;
        EXPECT_THAT(schema.complaints_of(document), Contains("/unheard_of: unknown member"))
            << word;
    }
}

TEST(json_option, is_taken_by_every_mode_and_kept_for_refusals) {
    for (const auto* mode :
         {"discovery", "discoverydb", "node", "session", "iface", "host", "fw"}) {
        const auto line = parse({"-m", mode, "--json"});
        ASSERT_TRUE(line) << mode;
        EXPECT_TRUE(line->json);
        EXPECT_FALSE(parse({"-m", mode})->json);
    }
    EXPECT_TRUE(parse({"--json", "-m", "nodes"}).error().json);
    EXPECT_FALSE(parse({"-m", "nodes"}).error().json);
    EXPECT_TRUE(parse({"--json"}).error().json);
}

} // namespace
} // namespace iscsi::cli
