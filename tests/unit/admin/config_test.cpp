#include "tests/unit/admin/sample_records.hpp"
#include "tests/unit/admin/temporary_folder.hpp"

#include "libiscsi/admin/config.hpp"
#include "libiscsi/names/iscsi_name.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <optional>

namespace iscsi::admin {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class config_test : public testing::Test {
  protected:
    config load(std::string_view text) const {
        put_text(file(), text);
        return config::load(file());
    }

    std::filesystem::path file() const { return folder_.path() / "iscsid.conf"; }

  private:
    temporary_folder folder_;
};

TEST_F(config_test, is_empty_without_a_file) {
    const auto empty = config::load(file());
    EXPECT_THAT(empty.warnings(), IsEmpty());
    EXPECT_EQ(empty.new_node(), record(record_kind::node));
    EXPECT_EQ(empty.new_send_targets(), record(record_kind::send_targets));
    EXPECT_EQ(empty.daemon_value("iscsid.disk.driver"), "auto");
    EXPECT_EQ(empty.daemon_integer("iscsid.stop_timeout"), 80);
}

TEST_F(config_test, is_the_template_of_new_records) {
    const auto loaded = load("node.startup = automatic\n"
                             "discovery.sendtargets.reopen_max = 7\n"
                             "node.transport_name = tcp\n"
                             "iscsid.lanes = 2\n");
    EXPECT_THAT(loaded.warnings(), IsEmpty());
    EXPECT_EQ(loaded.new_node().get("node.startup"), "automatic");
    EXPECT_EQ(loaded.new_send_targets().get("discovery.sendtargets.reopen_max"), "7");
    EXPECT_EQ(loaded.daemon_value("iscsid.lanes"), "2");
    EXPECT_EQ(loaded.daemon_integer("iscsid.lanes"), 2);
    EXPECT_THAT(loaded.unknown_lines(), IsEmpty());
}

TEST_F(config_test, gives_the_chap_digests_to_both_kinds_of_records) {
    const auto loaded = load("node.session.auth.chap_algs = SHA256,MD5\n");
    EXPECT_THAT(loaded.warnings(), IsEmpty());
    EXPECT_EQ(loaded.new_node().get("node.session.auth.chap_algs"), "SHA256,MD5");
    EXPECT_EQ(loaded.new_send_targets().get("node.session.auth.chap_algs"), "SHA256,MD5");
}

TEST_F(config_test, takes_the_last_value) {
    const auto loaded = load("node.startup = automatic\nnode.startup = onboot\n");
    EXPECT_THAT(loaded.warnings(), IsEmpty());
    EXPECT_EQ(loaded.new_node().get("node.startup"), "onboot");
}

auto is_line(int number, const char* key) {
    return AllOf(Field(&setting_line::number, number), Field(&setting_line::key, key));
}

TEST_F(config_test, lists_keys_that_mean_nothing_here) {
    const auto loaded = load("node.session.sess_reopen_log_freq = 1\n"
                             "node.name = iqn.a:b\n"
                             "isns.address = 10.0.0.1\n");
    EXPECT_THAT(loaded.warnings(), IsEmpty());
    EXPECT_THAT(
        loaded.unknown_lines(),
        ElementsAre(
            is_line(1, "node.session.sess_reopen_log_freq"),
            is_line(2, "node.name"),
            is_line(3, "isns.address")
        )
    );
    EXPECT_EQ(loaded.new_node(), record(record_kind::node));
}

// One flaw each: what is used, and whether the warning says so. `others` stands around it and
// counts all the same.
struct flawed {
    std::string line;
    std::string key;
    std::string used;
};

class config_with_a_flaw : public config_test, public testing::WithParamInterface<flawed> {};

TEST_P(config_with_a_flaw, uses_what_it_says_it_uses) {
    const auto& [line, key, used] = GetParam();
    const auto loaded =
        load("# first\n" + line + "\nnode.conn[0].timeo.login_timeout = 77\niscsid.lanes = 2\n");
    ASSERT_THAT(loaded.warnings(), SizeIs(1));
    const auto& warning = loaded.warnings().front();
    EXPECT_THAT(warning, HasSubstr(file().string() + ":2: "));
    EXPECT_THAT(warning, HasSubstr(used.empty() ? "passed over" : "used: " + used));
    EXPECT_EQ(loaded.new_node().get("node.conn[0].timeo.login_timeout"), "77");
    EXPECT_EQ(loaded.daemon_value("iscsid.lanes"), "2");
    if (!used.empty()) {
        const auto node = loaded.new_node();
        const auto* const value = node.find(key);
        EXPECT_EQ(value == nullptr ? loaded.daemon_value("iscsid.disk.driver") : *value, used);
    }
}

INSTANTIATE_TEST_SUITE_P(
    all,
    config_with_a_flaw,
    testing::Values(
        flawed{"node.session.cmds_max = 4096", "node.session.cmds_max", "2048"},
        flawed{"node.session.cmds_max = 1", "node.session.cmds_max", "2"},
        flawed{"node.session.cmds_max = 99999999999999999999", "node.session.cmds_max", "2048"},
        flawed{"node.session.cmds_max = many", "node.session.cmds_max", "128"},
        flawed{"node.session.queue_depth = 2048", "node.session.queue_depth", "1024"},
        flawed{"node.session.queue_depth = 64 # deep", "node.session.queue_depth", "64"},
        flawed{"node.session.iscsi.ImmediateData = no", "node.session.iscsi.ImmediateData", "No"},
        flawed{"node.startup = automatic # boot", "node.startup", "automatic"},
        flawed{"node.startup = sometimes", "node.startup", "manual"},
        flawed{
            "node.session.auth.chap_algs = SHA512, SHA256,MD5,MD5",
            "node.session.auth.chap_algs",
            "SHA256,MD5"},
        flawed{"node.session.auth.chap_algs = SHA512", "node.session.auth.chap_algs", "MD5"},
        flawed{"iscsid.disk.driver = floppy", "iscsid.disk.driver", "auto"},
        flawed{"a line without the sign", "", ""},
        flawed{"two words = 1", "", ""},
        flawed{"node.startup = " + std::string(300, 'a'), "", ""}
    )
);

TEST_F(config_test, keeps_the_value_before_a_bad_one) {
    const auto loaded = load("node.startup = onboot\nnode.startup = sometimes\n");
    EXPECT_EQ(loaded.new_node().get("node.startup"), "onboot");
    EXPECT_THAT(loaded.warnings(), ElementsAre(HasSubstr("used: onboot")));
}

TEST_F(config_test, tells_no_secret) {
    const auto loaded = load("node.session.auth.password = first-secret\n"
                             "node.session.auth.password = other\x01secret\n");
    ASSERT_THAT(loaded.warnings(), SizeIs(1));
    EXPECT_THAT(loaded.warnings().front(), Not(HasSubstr("secret")));
}

TEST_F(config_test, takes_a_last_line_without_its_end) {
    const auto loaded = load("iscsid.lanes = 2\nnode.startup = automatic");
    EXPECT_EQ(loaded.new_node().get("node.startup"), "automatic");
    EXPECT_THAT(loaded.warnings(), ElementsAre(HasSubstr(":2: truncated")));
}

TEST_F(config_test, passes_over_a_mark_of_the_encoding) {
    const auto loaded = load("\xef\xbb\xbfnode.startup = automatic\n");
    EXPECT_EQ(loaded.new_node().get("node.startup"), "automatic");
    EXPECT_THAT(loaded.warnings(), IsEmpty());
}

TEST_F(config_test, is_the_defaults_where_it_cannot_be_read) {
    std::filesystem::create_directory(file());
    const auto loaded = config::load(file());
    EXPECT_EQ(loaded.new_node(), record(record_kind::node));
    EXPECT_THAT(loaded.warnings(), ElementsAre(HasSubstr("the defaults are used")));
}

// ---- the files of this project ----

const std::filesystem::path source_folder = ISCSI_SOURCE_DIR;

TEST(shipped_config, holds_the_compiled_values_but_two) {
    const auto text = text_of(source_folder / "etc/iscsi/iscsid.conf");
    const auto values = parse_lines(text, "iscsid.conf");
    ASSERT_TRUE(values) << values.error().text();
    const std::map<std::string, std::string> others{
        {"node.session.initial_login_retry_max", "8"}, {"node.conn[0].timeo.login_timeout", "15"}};
    for (const auto& [name, value] : *values) {
        if (name == "iscsid.startup") // for scripts that look for it, nobody here reads it
            continue;
        const auto* const row = find_setting(name);
        ASSERT_NE(row, nullptr) << name;
        const auto other = others.find(name);
        EXPECT_EQ(value, other == others.end() ? row->fallback : other->second) << name;
    }
    for (const auto& [name, value] : others)
        EXPECT_EQ(
            *config::load(source_folder / "etc/iscsi/iscsid.conf").new_node().find(name), value
        );
}

// "# name = value": an example that a user only has to uncomment.
std::string uncommented(std::string_view text) {
    std::string examples;
    for (std::size_t end = 0; !text.empty(); text.remove_prefix(end + 1)) {
        end = text.find('\n');
        const auto line = text.substr(0, end);
        const bool example = line.starts_with("# ") && line.find(" = ") != std::string_view::npos &&
                             find_setting(line.substr(2, line.find(" = ") - 2)) != nullptr;
        if (example)
            examples.append(line.substr(2)).append("\n");
    }
    return examples;
}

TEST(shipped_config, has_examples_that_work) {
    const temporary_folder folder;
    const auto examples = uncommented(text_of(source_folder / "etc/iscsi/iscsid.conf"));
    put_text(folder.path() / "iscsid.conf", examples);
    const auto loaded = config::load(folder.path() / "iscsid.conf");
    EXPECT_THAT(loaded.warnings(), IsEmpty());
    EXPECT_THAT(loaded.unknown_lines(), IsEmpty());
    EXPECT_EQ(loaded.new_node().get("node.session.auth.authmethod"), "CHAP");
    EXPECT_EQ(loaded.new_send_targets().get("discovery.sendtargets.auth.username"), "username");
}

std::string page_entry(const std::string& page, std::string_view name) {
    const auto begin = page.find("\n.It Cm " + std::string(name) + "\n");
    return begin == std::string::npos ? ""
                                      : page.substr(begin, page.find("\n.It ", begin + 1) - begin);
}

TEST(man_page, tells_the_default_and_the_range_of_every_setting) {
    const auto page = text_of(source_folder / "man/iscsid.conf.5");
    for (const auto& row : settings()) {
        auto entry = page_entry(page, row.name);
        std::replace(entry.begin(), entry.end(), '\n', ' ');
        const std::string fallback(row.fallback.empty() ? "empty" : row.fallback);
        EXPECT_THAT(entry, HasSubstr("efault: " + fallback)) << row.name;
        if (row.type == setting_type::integer) {
            EXPECT_THAT(
                entry, HasSubstr(std::to_string(row.low) + " to " + std::to_string(row.high))
            ) << row.name;
        }
    }
}

// ---- initiatorname.iscsi ----

class initiator_name : public testing::Test {
  protected:
    result<initiator_identity> load(std::string_view text) const {
        put_text(file(), text);
        return load_initiator_identity(file());
    }

    std::filesystem::path file() const { return folder_.path() / "initiatorname.iscsi"; }

  private:
    temporary_folder folder_;
};

TEST_F(initiator_name, is_read_with_its_alias) {
    const auto found = load("# comment\n#InitiatorName=iqn.no:way\n"
                            "InitiatorName = iqn.a:b \nInitiatorName=iqn.second:one\n"
                            "InitiatorAlias=my host\n");
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_EQ(found->name, "iqn.a:b");
    EXPECT_EQ(found->alias, "my host");
}

TEST_F(initiator_name, is_taken_in_any_letter_case_and_without_a_newline) {
    for (const auto* const text :
         {"Initiatorname=iqn.a:b\n", "InitiatorName=iqn.a:b", "initiatorname = iqn.a:b\n"}) {
        const auto found = load(text);
        ASSERT_TRUE(found) << text << found.error().text();
        EXPECT_EQ(found->name, "iqn.a:b");
        EXPECT_THAT(found->warnings, SizeIs(1)) << text;
    }
    EXPECT_THAT(load("\xef\xbb\xbfInitiatorName=iqn.a:b\n")->warnings, IsEmpty());
}

TEST_F(initiator_name, may_be_asked_for) {
    put_text(file(), "GenerateName=yes\n");
    EXPECT_TRUE(asks_for_a_name(file()));
    for (const auto* const text :
         {"",
          "#GenerateName=yes\n",
          "GenerateName=no\n",
          "GenerateName=yes\nInitiatorName=iqn.a:b\n"}) {
        put_text(file(), text);
        EXPECT_FALSE(asks_for_a_name(file())) << text;
    }
}

TEST_F(initiator_name, has_the_host_name_for_alias) {
    const auto found = load("InitiatorName=iqn.a:b\n");
    ASSERT_TRUE(found);
    EXPECT_FALSE(found->alias.empty());
}

TEST_F(initiator_name, may_be_missing) {
    const auto missing = load_initiator_identity(file());
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, to_error_code(file_errc::not_found));
    EXPECT_EQ(load("InitiatorAlias=x\n").error().code, to_error_code(name_errc::empty_name));
}

TEST_F(initiator_name, is_an_iscsi_name) {
    for (const auto* const name : {"InitiatorName=\n", "InitiatorName=host\n"}) {
        const auto refused = load(name);
        ASSERT_FALSE(refused) << name;
        EXPECT_EQ(refused.error().field, file().string() + ":1: InitiatorName");
    }
}

// ---- where things are ----

class environment : public testing::Test {
  protected:
    environment() {
        for (const auto* const name : names)
            if (const char* const value = std::getenv(name))
                saved_.emplace(name, value);
        clear();
    }

    ~environment() override {
        clear();
        for (const auto& [name, value] : saved_)
            ::setenv(name.c_str(), value.c_str(), 1);
    }

  private:
    static constexpr std::array names{
        "ISCSI_CONFIG_DIR", "ISCSI_DATABASE_DIR", "ISCSID_RUNTIME_DIR", "ISCSID_SOCKET"};

    static void clear() {
        for (const auto* const name : names)
            ::unsetenv(name);
    }

    std::map<std::string, std::string> saved_;
};

TEST_F(environment, is_not_needed) {
    const auto places = locations_from_environment();
    EXPECT_EQ(places.config_file(), "/etc/iscsi/iscsid.conf");
    EXPECT_EQ(places.initiator_name_file(), "/etc/iscsi/initiatorname.iscsi");
    EXPECT_EQ(places.database, "/var/lib/iscsi");
    EXPECT_EQ(places.socket, "/run/iscsid/iscsid.sock");
}

TEST_F(environment, moves_everything) {
    ::setenv("ISCSI_CONFIG_DIR", "/c", 1);
    ::setenv("ISCSI_DATABASE_DIR", "/d", 1);
    ::setenv("ISCSID_RUNTIME_DIR", "/r", 1);
    auto places = locations_from_environment();
    EXPECT_EQ(places.config_file(), "/c/iscsid.conf");
    EXPECT_EQ(places.database, "/d");
    EXPECT_EQ(places.runtime, "/r");
    EXPECT_EQ(places.socket, "/r/iscsid.sock");
    ::setenv("ISCSID_SOCKET", "/s/here", 1);
    ::setenv("ISCSI_DATABASE_DIR", "", 1);
    places = locations_from_environment();
    EXPECT_EQ(places.socket, "/s/here");
    EXPECT_EQ(places.database, "/var/lib/iscsi") << "empty counts as not set";
}

TEST(database_in_use, is_the_configuration_folder_while_only_that_has_records) {
    const temporary_folder folder;
    const auto own = folder.path() / "own", debians = folder.path() / "etc";
    EXPECT_EQ(database_in_use(own, debians), own) << "neither has any";
    std::filesystem::create_directories(debians / "ifaces");
    std::filesystem::create_directories(debians / "nodes");
    std::ofstream(debians / "ifaces" / "one");
    EXPECT_EQ(database_in_use(own, debians), own) << "no node, no discovery";
    std::filesystem::create_directories(debians / "nodes" / "iqn.a:b");
    EXPECT_EQ(database_in_use(own, debians), debians);
    std::filesystem::create_directories(own / "send_targets" / "10.9.9.1,3260");
    EXPECT_EQ(database_in_use(own, debians), own);
}

TEST(database_in_use, is_not_found_behind_links_to_where_the_records_are) {
    const temporary_folder folder;
    const auto own = folder.path() / "own", debians = folder.path() / "etc";
    std::filesystem::create_directories(folder.path() / "elsewhere" / "iqn.a:b");
    std::filesystem::create_directories(debians);
    std::filesystem::create_directory_symlink(folder.path() / "elsewhere", debians / "nodes");
    EXPECT_EQ(database_in_use(own, debians), own);
}

} // namespace
} // namespace iscsi::admin
