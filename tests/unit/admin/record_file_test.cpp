#include "tests/unit/admin/golden.hpp"
#include "tests/unit/admin/sample_records.hpp"

#include "libiscsi/admin/record_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iscsi::admin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::SizeIs;

record debian_defaults(record node) {
    must_set(node, "node.session.initial_login_retry_max", "8");
    must_set(node, "node.conn[0].timeo.login_timeout", "15");
    return node;
}

wholeness wholeness_of(std::string_view text) {
    return parse_record(record_kind::node, text, "some/file").whole();
}

TEST(format_record, writes_files_of_the_size_that_open_iscsi_writes) {
    const auto node = debian_defaults(node_of(sample_id(-1)));
    EXPECT_EQ(format_record(node).size(), golden::node_file_size);
    const auto found = debian_defaults(discovered_node(sample_id(1), "10.9.9.1"));
    EXPECT_EQ(format_record(found).size(), golden::discovered_node_file_size);
    EXPECT_EQ(format_record(discovery_of("10.9.9.1")).size(), golden::send_targets_file_size);
}

TEST(format_record, leaves_empty_values_out) {
    const auto text = format_record(record(record_kind::node));
    EXPECT_THAT(text, testing::StartsWith("# BEGIN RECORD 2.1.8\nnode.tpgt = -1\n"));
    EXPECT_THAT(text, testing::EndsWith("\n# END RECORD\n"));
    EXPECT_THAT(text, Not(HasSubstr("password")));
}

TEST(parse_record, reads_what_was_written) {
    auto node = discovered_node(sample_id(), "storage.example");
    must_set(node, "node.session.auth.password", "a secret = # with signs");
    must_set(node, "node.session.future", "kept as it is");
    const auto read = parse_record(record_kind::node, format_record(node), "");
    ASSERT_FALSE(read.is_damaged());
    EXPECT_EQ(read, node);
}

// open-iscsi sees comments.
TEST(parse_record, knows_what_users_have_set) {
    auto node = node_of(sample_id());
    ASSERT_TRUE(node.update("node.startup", "automatic"));
    ASSERT_TRUE(node.update("node.session.auth.password", "a secret"));
    ASSERT_FALSE(node.update("node.session.cmds_max", "abc"));
    EXPECT_THAT(node.user_keys(), ElementsAre("node.session.auth.password", "node.startup"));
    const auto text = format_record(node);
    EXPECT_THAT(text, HasSubstr("\n# set by user: node.startup\n"));
    const auto read = parse_record(record_kind::node, text, "");
    ASSERT_FALSE(read.is_damaged());
    EXPECT_EQ(read, node);

    auto fresh = node_of(sample_id());
    keep_user_settings(read, fresh);
    EXPECT_EQ(fresh, node);
}

TEST(parse_record, knows_what_users_have_set_in_a_discovery) {
    for (const auto kind : {record_kind::send_targets, record_kind::isns}) {
        const std::string repeats = kind == record_kind::isns
                                        ? "discovery.isns.use_discoveryd"
                                        : "discovery.sendtargets.use_discoveryd";
        record from(kind);
        ASSERT_TRUE(from.update(repeats, "Yes"));
        const auto read = parse_record(kind, format_record(from), "");
        ASSERT_FALSE(read.is_damaged());
        record fresh(kind);
        keep_user_settings(read, fresh);
        EXPECT_EQ(fresh, from);
        EXPECT_THAT(fresh.user_keys(), ElementsAre(repeats));
    }
    record interface(record_kind::interface);
    ASSERT_TRUE(interface.update("iface.net_ifacename", "eth1"));
    EXPECT_TRUE(interface.user_keys().empty());
}

TEST(parse_record, takes_no_mark_for_what_no_user_may_set) {
    const auto read = parse_record(
        record_kind::node,
        "# set by user: node.name\n# set by user: nonsense\n# set by user: \n"
        "# set by user:  node.startup \n# BEGIN RECORD 2.1.8\n# END RECORD\n",
        ""
    );
    ASSERT_FALSE(read.is_damaged());
    EXPECT_THAT(read.user_keys(), ElementsAre("node.startup"));
}

TEST(parse_record, forgives_blanks_and_comments) {
    const auto read = parse_record(
        record_kind::node,
        "  # hand-made\n\n \t node.name\t=  iqn.a:b  \r\nnode.startup=automatic\n# END RECORD\n\n",
        ""
    );
    ASSERT_FALSE(read.is_damaged());
    EXPECT_EQ(read.get("node.name"), "iqn.a:b");
    EXPECT_EQ(read.get("node.startup"), "automatic");
}

TEST(parse_record, takes_no_beginning_of_a_record_for_whole) {
    const auto whole = format_record(debian_defaults(node_of(sample_id())));
    for (std::size_t length = 0; length + 1 < whole.size(); ++length) { // the newline is no loss
        const auto parsed =
            parse_record(record_kind::node, std::string_view(whole).substr(0, length), "file");
        ASSERT_TRUE(parsed.is_damaged()) << "cut after " << length << " bytes";
    }
}

TEST(parse_record, takes_an_interface_that_was_written_by_hand) {
    const auto read =
        parse_record(record_kind::interface, "# ours\niface.iscsi_ifacename = eth1\n", "file");
    ASSERT_FALSE(read.is_damaged());
    EXPECT_EQ(read.get("iface.iscsi_ifacename"), "eth1");
    for (const std::string_view cut :
         {"", "\n", "# BEGIN RECORD 2.1.8\niface.iscsi_ifacename = eth1\n"})
        EXPECT_TRUE(parse_record(record_kind::interface, cut, "file").is_damaged()) << cut;
}

TEST(parse_record, says_that_a_record_is_cut) {
    EXPECT_EQ(wholeness_of(""), wholeness::empty);
    EXPECT_EQ(wholeness_of("\r\n \n"), wholeness::empty);
    EXPECT_EQ(wholeness_of("# END RECORD\n"), wholeness::cut);
    EXPECT_EQ(wholeness_of("# BEGIN RECORD 2.1.8\nnode.name = iqn.a:b\n"), wholeness::cut);
    EXPECT_EQ(wholeness_of("node.name = iqn.a:b\nnode.startup = aut"), wholeness::cut);
    EXPECT_EQ(wholeness_of("\x7f\x45LF \x02\n\xff\xfe\n"), wholeness::cut);
    EXPECT_EQ(wholeness_of(std::string("a = b\n\0\0\n# END RECORD\n", 22)), wholeness::cut);
}

TEST(parse_record, takes_what_people_make_of_a_record) {
    EXPECT_EQ(wholeness_of("node.name = iqn.a:b\n"), wholeness::whole) << "written by hand";
    EXPECT_EQ(wholeness_of("# END RECORD\nnode.startup = manual\n"), wholeness::whole);
    auto node = node_of(sample_id());
    ASSERT_TRUE(node.update("node.startup", "automatic"));
    auto text = format_record(node);
    EXPECT_EQ(parse_record(record_kind::node, text + "\n# managed by puppet\n", ""), node);
    EXPECT_EQ(parse_record(record_kind::node, text + "# managed by puppet", ""), node);
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', end + 2))
        text.insert(end, "\r");
    EXPECT_EQ(parse_record(record_kind::node, text, ""), node) << "CRLF";
}

TEST(keep_user_settings, keeps_a_bad_value_for_its_user_to_mend) {
    const auto before = parse_record(
        record_kind::node,
        "# set by user: node.session.queue_depth\nnode.session.queue_depth = lots\n# END RECORD\n",
        "file"
    );
    record fresh(record_kind::node);
    keep_user_settings(before, fresh);
    EXPECT_THAT(fresh.user_keys(), ElementsAre("node.session.queue_depth"));
    EXPECT_EQ(fresh.bad_values(), before.bad_values());
    EXPECT_THAT(format_record(fresh), HasSubstr("node.session.queue_depth = lots\n"));
}

record read_well(std::string_view text) {
    auto parsed = parse_record(record_kind::node, text, "some/file");
    EXPECT_FALSE(parsed.is_damaged()) << text;
    return parsed;
}

TEST(parse_record, keeps_a_bad_value_and_says_where_it_stands) {
    auto read = read_well("\nnode.startup = sometimes\nnode.session.scan = manual\n# END RECORD\n");
    ASSERT_THAT(read.bad_values(), SizeIs(1));
    EXPECT_EQ(
        read.bad_values().front().why,
        "some/file:2: node.startup: bad value, got unknown value sometimes, expected manual "
        "automatic onboot"
    );
    EXPECT_EQ(read.get("node.startup"), "manual");
    EXPECT_EQ(read.get("node.session.scan"), "manual");
    EXPECT_THAT(format_record(read), HasSubstr("node.startup = sometimes\n")) << "written as read";
    ASSERT_TRUE(read.update("node.startup", "automatic"));
    EXPECT_THAT(read.bad_values(), IsEmpty());
    EXPECT_THAT(format_record(read), HasSubstr("node.startup = automatic\n"));
}

TEST(parse_record, keeps_all_that_is_good_beside_lines_that_are_none) {
    const auto read = read_well("no sign\ntwo words = 1\nnode.startup = automatic\n# END RECORD");
    EXPECT_EQ(read.get("node.startup"), "automatic");
    EXPECT_THAT(read.bad_values(), SizeIs(2));
}

TEST(parse_record, takes_default_of_old_interfaces_for_unset) {
    const auto read = read_well("iface.iscsi_ifacename = default\niface.initiatorname = default\n"
                                "iface.net_ifacename = default\niface.hwaddress = default\n"
                                "# END RECORD\n");
    EXPECT_EQ(read.get("iface.iscsi_ifacename"), "default");
    EXPECT_EQ(read.get("iface.initiatorname"), "");
    EXPECT_EQ(read.get("iface.net_ifacename"), "");
    EXPECT_EQ(read.get("iface.hwaddress"), "");
}

TEST(parse_record, tells_no_secret) {
    const auto secret = std::string(300, 's');
    for (const auto& line :
         {"node.session.auth.password = " + secret,
          "node.session.auth.password \x01= " + secret,
          "node.session.auth.password = s\x01" + secret.substr(0, 100)}) {
        const auto read = read_well(line + "\n# END RECORD\n");
        ASSERT_THAT(read.bad_values(), SizeIs(1));
        EXPECT_THAT(read.bad_values().front().why, Not(HasSubstr("sss")));
    }
}

TEST(parse_lines, takes_the_last_value_of_a_key) {
    const auto values = parse_lines("a = 1\nb = 2\n a=3\n", "");
    ASSERT_TRUE(values);
    EXPECT_THAT(*values, ElementsAre(Pair("a", "3"), Pair("b", "2")));
}

TEST(parse_lines, keeps_everything_behind_the_first_equals_sign) {
    const auto values = parse_lines("a = b = c # d\nempty =\n", "");
    ASSERT_TRUE(values);
    EXPECT_THAT(*values, ElementsAre(Pair("a", "b = c # d"), Pair("empty", "")));
}

TEST(parse_lines, takes_lines_up_to_their_limits) {
    const auto key = std::string(127, 'k');
    const auto value = std::string(255, 'v');
    const auto values =
        parse_lines(key + " = " + value + "\n#" + std::string(2046, 'c') + "\n", "");
    ASSERT_TRUE(values) << values.error().text();
    EXPECT_THAT(*values, ElementsAre(Pair(key, value)));
}

struct bad_text {
    std::string text;
    file_errc why;
    std::string place;
};

class parse_lines_refuses : public testing::TestWithParam<bad_text> {};

TEST_P(parse_lines_refuses, and_says_where) {
    const auto parsed = parse_lines(GetParam().text, "file");
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, to_error_code(GetParam().why));
    EXPECT_EQ(parsed.error().field, GetParam().place);
}

INSTANTIATE_TEST_SUITE_P(
    all,
    parse_lines_refuses,
    testing::Values(
        bad_text{"a = 1\nno sign\n", file_errc::no_equals_sign, "file:2"},
        bad_text{"= 1\n", file_errc::bad_key, "file:1"},
        bad_text{"two words = 1\n", file_errc::bad_key, "file:1"},
        bad_text{std::string("a\0 = 1\n", 7), file_errc::bad_key, "file:1"},
        bad_text{"\n\na = 1", file_errc::truncated, "file:3"},
        bad_text{std::string(128, 'k') + " = 1\n", file_errc::key_too_long, "file:1"},
        bad_text{"k = " + std::string(256, 'v') + "\n", file_errc::value_too_long, "file:1"},
        bad_text{"#" + std::string(2047, 'c') + "\n", file_errc::line_too_long, "file:1"}
    )
);

TEST(file_errc, has_words_for_every_error) {
    for (int code = 1; code <= static_cast<int>(file_errc::misplaced); ++code)
        EXPECT_NE(message_of(static_cast<file_errc>(code)), "unknown error") << code;
}

} // namespace
} // namespace iscsi::admin
