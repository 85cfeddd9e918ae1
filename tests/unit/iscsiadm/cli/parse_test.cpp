#include "iscsiadm/cli/options.hpp"
#include "iscsiadm/cli/parse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iscsi::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using words = std::vector<std::string>;

// The mode that a command line asks for; a refused one fails the test.
template <class Mode>
Mode mode_of(const words& arguments) {
    const auto line = parse(arguments);
    if (!line) {
        ADD_FAILURE() << "refused: " << testing::PrintToString(line.error().lines);
        return {};
    }
    const Mode* wanted = std::get_if<Mode>(&line->what);
    EXPECT_NE(wanted, nullptr) << "another mode";
    return wanted == nullptr ? Mode{} : *wanted;
}

// What a refused command line says: getopt's own lines first, then ours.
struct refused {
    std::string from_getopt;
    words lines;
    int code = 0;
};

refused refusal_of(const words& arguments) {
    testing::internal::CaptureStderr();
    const auto line = parse(arguments);
    refused result{testing::internal::GetCapturedStderr(), {}, 0};
    if (line) {
        ADD_FAILURE() << "not refused";
        return result;
    }
    result.lines = line.error().lines;
    result.code = static_cast<int>(line.error().code);
    return result;
}

TEST(parse, takes_long_and_short_options_in_any_order) {
    const auto node = mode_of<node_mode>(
        {"-l", "--portal", "10.9.9.1:3261,7", "-m", "node", "--targetname=iqn.a", "-I", "eth"}
    );
    EXPECT_TRUE(node.login);
    EXPECT_EQ(node.target, "iqn.a");
    EXPECT_EQ(node.interface, "eth");
    EXPECT_EQ(node.where, (portal{"10.9.9.1", 3261, 7}));
}

TEST(parse, takes_an_argument_with_equals_blank_or_nothing_between) {
    for (const words& spelling :
         {words{"--op=show"}, {"--op", "show"}, {"-o", "show"}, {"-oshow"}, {"--o=show"}}) {
        words arguments{"--mode=node"};
        arguments.insert(arguments.end(), spelling.begin(), spelling.end());
        EXPECT_TRUE(mode_of<node_mode>(arguments).ops.show) << spelling.front();
    }
}

TEST(parse, takes_unique_beginnings_of_long_options) {
    const auto node =
        mode_of<node_mode>({"--mo", "node", "--target", "iqn.a", "--portal", "h", "--no"});
    EXPECT_EQ(node.target, "iqn.a");
    EXPECT_FALSE(node.wait);
}

TEST(parse, takes_bundled_flags) {
    const auto session = mode_of<session_mode>({"-m", "session", "-SsR"});
    EXPECT_TRUE(session.reveal && session.statistics && session.rescan);
    EXPECT_EQ(mode_of<session_mode>({"-msession", "-SP3"}).print_level, 3);
}

TEST(parse, an_exact_name_wins_over_longer_ones) {
    EXPECT_TRUE(mode_of<node_mode>({"-m", "node", "--login"}).login);
    EXPECT_EQ(mode_of<node_mode>({"-m", "node", "--loginall=all"}).login_all, startup::all);
}

TEST(parse, refuses_an_ambiguous_beginning_in_the_words_of_getopt) {
    const auto got = refusal_of({"-m", "node", "--port", "10.9.9.1:3260", "-S"});
    EXPECT_EQ(
        got.from_getopt,
        "iscsiadm: option '--port' is ambiguous; possibilities: '--portal' '--portal_type'\n"
    );
    EXPECT_THAT(got.lines, ElementsAre("node mode: option '-?' is not allowed/supported"));
    EXPECT_EQ(got.code, 7);
}

TEST(parse, pairs_names_with_values) {
    const auto node = mode_of<node_mode>(
        {"-m",
         "node",
         "-o",
         "update",
         "-n",
         "a",
         "-v",
         "1",
         "-v",
         "",
         "-n",
         "b",
         "--name=c",
         "--value=3"}
    );
    EXPECT_THAT(node.changes, ElementsAre(Pair("a", "1"), Pair("b", ""), Pair("c", "3")));
}

TEST(parse, refuses_a_name_without_a_value) {
    const auto says = ElementsAre("update requires name and value");
    EXPECT_THAT(refusal_of({"-m", "node", "-o", "update"}).lines, says);
    EXPECT_THAT(refusal_of({"-m", "node", "-o", "update", "-n", "a"}).lines, says);
    EXPECT_THAT(refusal_of({"-m", "node", "-o", "update", "-v", "1"}).lines, says);
    EXPECT_THAT(refusal_of({"-m", "node", "-n", "a", "-n", "b", "-v", "1"}).lines, says);
}

TEST(parse, adds_operations_up) {
    const auto discovery = mode_of<discovery_mode>(
        {"-m", "discoverydb", "-t", "st", "-p", "h", "-D", "-o", "new", "-o", "delete"}
    );
    EXPECT_EQ(discovery.ops, (operations{.create = true, .remove = true}));
    EXPECT_TRUE(discovery.database && discovery.discover);
    EXPECT_EQ(discovery.type, discovery_type::send_targets);
}

TEST(parse, takes_several_interfaces_for_a_discovery_and_one_for_a_node) {
    const auto discovery = mode_of<discovery_mode>({"-m", "discovery", "-I", "a", "-I", "b"});
    EXPECT_THAT(discovery.interfaces, ElementsAre("a", "b"));
    EXPECT_EQ(mode_of<iface_mode>({"-m", "iface", "-I", "a", "-I", "b"}).name, "a");
}

TEST(parse, refuses_interface_names_that_are_empty_or_too_long) {
    EXPECT_EQ(mode_of<iface_mode>({"-m", "iface", "-I", std::string(64, 'x')}).name->size(), 64U);
    EXPECT_THAT(
        refusal_of({"-m", "iface", "-I", ""}).lines,
        ElementsAre("Invalid iface name . Must be from 1 to 64 characters.")
    );
    EXPECT_EQ(refusal_of({"-m", "iface", "-I", std::string(65, 'x')}).code, 7);
}

TEST(parse, refuses_unknown_words) {
    EXPECT_THAT(
        refusal_of({"-m", "node", "--op=bogus"}).lines,
        ElementsAre("can not recognize operation: 'bogus'")
    );
    EXPECT_THAT(
        refusal_of({"-m", "bogus"}).lines,
        ElementsAre("mode -1 is not yet supported", "there is no mode 'bogus'")
    );
    EXPECT_THAT(
        refusal_of({"-m", "discovery", "-t", "slp"}).lines,
        ElementsAre("SLP discovery is not fully implemented yet.")
    );
    EXPECT_THAT(
        refusal_of({"-m", "discovery", "-t", "x"}).lines,
        ElementsAre("can not recognize discovery type: 'x'")
    );
    EXPECT_THAT(
        refusal_of({"-m", "node", "-L", "x"}).lines,
        ElementsAre("Invalid loginall option x.", "Try `iscsiadm --help' for more information.")
    );
    EXPECT_THAT(
        refusal_of({"-m", "node", "-U", "onboot"}).lines,
        ElementsAre(
            "Invalid logoutall option onboot.", "Try `iscsiadm --help' for more information."
        )
    );
}

TEST(parse, refuses_levels_that_are_no_numbers) {
    for (const char* level : {"", "x", "-1", "1x", "99999999999"})
        EXPECT_THAT(
            refusal_of({"-m", "node", "-P", level}).lines,
            ElementsAre(std::string("Invalid info level ") + level + ".")
        );
    EXPECT_EQ(refusal_of({"-m", "node", "-d", "9"}).code, 7);
    EXPECT_EQ(parse({"-m", "node", "-d", "8"})->debug_level, 8);
}

TEST(parse, refuses_login_together_with_another_wish) {
    EXPECT_THAT(
        refusal_of({"-m", "node", "-l", "-o", "show"}).lines,
        ElementsAre("Invalid parameters. Login/logout and op passed in")
    );
    EXPECT_EQ(refusal_of({"-m", "node", "-l", "-u"}).code, 7);
}

TEST(parse, asks_for_a_mode) {
    for (const words& arguments : {words{}, {""}, {"-S"}, {"--bogus"}}) {
        const auto got = refusal_of(arguments);
        EXPECT_THAT(got.lines, ElementsAre("Try `iscsiadm --help' for more information."));
        EXPECT_EQ(got.code, 7);
    }
}

TEST(parse, names_a_letter_that_is_no_option) {
    const auto got = refusal_of({"-z"});
    EXPECT_EQ(got.from_getopt, "iscsiadm: invalid option -- 'z'\n");
    EXPECT_THAT(got.lines, ElementsAre("unrecognized character 'z'"));
}

TEST(parse, names_an_option_without_its_argument) {
    const auto got = refusal_of({"-m", "node", "-T"});
    EXPECT_EQ(got.from_getopt, "iscsiadm: option requires an argument -- 'T'\n");
    EXPECT_EQ(got.code, 7);
}

TEST(parse, answers_help_and_version_only_before_a_mode) {
    mode_of<show_usage>({"-h"});
    mode_of<show_version>({"--version"});
    mode_of<show_usage>({"--help", "-m", "node"});
    EXPECT_EQ(
        refusal_of({"-m", "node", "-h"}).lines.front(),
        "node mode: option '-h' is not allowed/supported"
    );
    EXPECT_EQ(refusal_of({"-m", "node", "-V"}).code, 7);
}

TEST(parse, stops_the_daemon_with_priority_0_only) {
    mode_of<stop_daemon>({"-k", "0"});
    EXPECT_THAT(
        refusal_of({"-k", "5"}).lines, ElementsAre("Invalid iscsid priority 5. Priority must be 0.")
    );
    EXPECT_EQ(refusal_of({"-k", "-1"}).code, 7);
}

TEST(parse, refuses_words_that_belong_to_no_option) {
    EXPECT_THAT(
        refusal_of({"-m", "discovery", "3260", "-P", "1"}).lines,
        ElementsAre("'3260' belongs to no option")
    );
    EXPECT_THAT(
        refusal_of({"-m", "discovery", "node"}).lines,
        ElementsAre("'node' belongs to no option: did you mean -m node?")
    );
}

TEST(parse, names_the_nearest_right_form) {
    EXPECT_THAT(
        refusal_of({"node"}).lines,
        ElementsAre(
            "Try `iscsiadm --help' for more information.",
            "'node' belongs to no option: did you mean -m node?"
        )
    );
    EXPECT_THAT(
        refusal_of({"-m", "nodes"}).lines,
        ElementsAre(
            "mode -1 is not yet supported", "there is no mode 'nodes': did you mean -m node?"
        )
    );
    EXPECT_THAT(
        refusal_of({"-m", "node", "--help"}).lines,
        ElementsAre(
            "node mode: option '-h' is not allowed/supported", "did you mean iscsiadm --help?"
        )
    );
    EXPECT_THAT(
        refusal_of({"-m", "node", "-o", "update", "-n", "node.startup=automatic"}).lines,
        ElementsAre("update requires name and value", "did you mean -n node.startup -v automatic?")
    );
}

TEST(parse, takes_the_last_mode) {
    mode_of<node_mode>({"-m", "iface", "-m", "node"});
}

TEST(parse, takes_the_first_of_two_interfaces_with_a_warning) {
    const words node{"-m", "node", "-I", "one", "-I", "two"};
    EXPECT_EQ(mode_of<node_mode>(node).interface, "one");
    EXPECT_THAT(
        parse(node)->warnings, ElementsAre(HasSubstr("NODE mode only accepts one interface."))
    );
    EXPECT_THAT(
        parse({"-m", "iface", "-I", "one", "-I", "two"})->warnings,
        ElementsAre("iface mode only accepts one interface. Using the first one one.")
    );
    EXPECT_THAT(
        parse({"-m", "discovery", "-t", "st", "-p", "x", "-I", "one", "-I", "two"})->warnings,
        IsEmpty()
    );
}

// Which letters each mode takes, as open-iscsi's table has them.
struct mask {
    const char* mode;
    std::string letters;
};

const std::string dry_run(1, long_only::dry_run);
const std::string keep_trying(1, long_only::keep_trying);
const std::string fail_io(1, long_only::fail_io);
const std::string one_lun{long_only::lun, long_only::attach, long_only::detach, long_only::luns};
const std::string watch{long_only::watch, long_only::metrics};
const std::string reservations{
    long_only::persist, long_only::key, long_only::new_key, long_only::victim_key};

class letter_masks : public testing::TestWithParam<mask> {};

TEST_P(letter_masks, refuse_every_other_letter) {
    for (const option_row& row : option_rows()) {
        words arguments{"-m", GetParam().mode, written_form(row.letter)};
        if (!row.argument.empty())
            arguments.emplace_back(row.letter == 'm' ? GetParam().mode : "1");
        const std::string_view mode = GetParam().mode;
        const std::string named(mode == "discoverydb" ? "discovery" : mode);
        const std::string complaint =
            named + " mode: option '" + written_form(row.letter) + "' is not allowed/supported";
        const auto line = parse(arguments);
        const bool not_allowed = !line && line.error().lines.front() == complaint;
        const bool everywhere = row.letter == long_only::json;
        EXPECT_EQ(
            not_allowed, !everywhere && GetParam().letters.find(row.letter) == std::string::npos
        ) << row.name;
    }
}

INSTANTIATE_TEST_SUITE_P(
    parse,
    letter_masks,
    testing::Values(
        mask{"discovery", "DSIPdmntplov"},
        mask{"discoverydb", "DSIPdmntplov"},
        mask{"node", "RsPIdmlSonvupTULW" + dry_run + keep_trying},
        mask{"session", "PiRdrmusonSv" + dry_run + fail_io + one_lun + watch + reservations},
        mask{"iface", "HIdnvmPoCabci"},
        mask{"host", "CHdmPotnvxA"},
        mask{"fw", "dmlWnv"}
    ),
    [](const auto& tested) { return std::string(tested.param.mode); }
);

TEST(parse, keep_trying_goes_with_a_login) {
    for (const words& wish : {words{"-l"}, words{"-L", "all"}, words{"-l", "-W"}}) {
        words arguments{"-m", "node", "--keep-trying"};
        arguments.insert(arguments.end(), wish.begin(), wish.end());
        const auto line = parse(arguments);
        ASSERT_TRUE(line) << wish.front();
        EXPECT_TRUE(std::get<node_mode>(line->what).keep_trying);
    }
    for (const words& wish : {words{}, words{"-u"}, words{"-U", "all"}, words{"-o", "delete"}}) {
        words arguments{"-m", "node", "--keep-trying"};
        arguments.insert(arguments.end(), wish.begin(), wish.end());
        const auto line = parse(arguments);
        ASSERT_FALSE(line);
        EXPECT_EQ(line.error().lines.front(), "--keep-trying goes with -l or -L");
    }
    EXPECT_FALSE(std::get<node_mode>(parse({"-m", "node", "-l"})->what).keep_trying);
}

TEST(parse, dry_run_goes_with_what_can_be_foreseen) {
    for (const words& wish :
         {words{"-l"},
          words{"-u"},
          words{"-L", "all"},
          words{"-U", "all"},
          words{"-o", "delete"}}) {
        words arguments{"-m", "node", "--dry-run"};
        arguments.insert(arguments.end(), wish.begin(), wish.end());
        const auto line = parse(arguments);
        ASSERT_TRUE(line) << wish.front();
        EXPECT_TRUE(std::get<node_mode>(line->what).dry_run);
    }
    for (const words& wish :
         {words{}, words{"-R"}, words{"-o", "show"}, words{"-o", "new"}, words{"-s"}}) {
        words arguments{"-m", "node", "--dry-run"};
        arguments.insert(arguments.end(), wish.begin(), wish.end());
        const auto line = parse(arguments);
        ASSERT_FALSE(line);
        EXPECT_EQ(line.error().lines.front(), "--dry-run goes with -l, -L, -u, -U or -o delete");
        EXPECT_EQ(line.error().code, admin::exit_code::invalid);
    }
    EXPECT_TRUE(parse({"-m", "session", "-u", "--dry-run"}));
    EXPECT_FALSE(parse({"-m", "session", "-R", "--dry-run"}));
}

TEST(parse, fail_io_is_asked_of_one_session_alone) {
    const auto line = parse({"-m", "session", "-r", "3", "--fail-io", "-d", "1", "--json"});
    ASSERT_TRUE(line);
    EXPECT_TRUE(std::get<session_mode>(line->what).fail_io);
    for (const words& beside :
         {words{},
          words{"-r", "3", "-u"},
          words{"-r", "3", "-R"},
          words{"-r", "3", "-s"},
          words{"-r", "3", "-P", "1"},
          words{"-r", "3", "-o", "show"}}) {
        words arguments{"-m", "session", "--fail-io"};
        arguments.insert(arguments.end(), beside.begin(), beside.end());
        const auto refused = parse(arguments);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().lines.front(), "--fail-io goes with -r SID and nothing else");
        EXPECT_EQ(refused.error().code, admin::exit_code::invalid);
    }
}

TEST(parse, one_lun_is_attached_or_detached) {
    for (const bool attach : {true, false}) {
        const auto line = parse(
            {"-m", "session", "-r", "3", "--lun", "17", attach ? "--attach" : "--detach", "--json"}
        );
        ASSERT_TRUE(line);
        const auto& one = std::get<session_mode>(line->what).one_lun;
        ASSERT_TRUE(one);
        EXPECT_EQ(one->lun, 17U);
        EXPECT_EQ(one->attach, attach);
    }
    EXPECT_FALSE(std::get<session_mode>(parse({"-m", "session"})->what).one_lun);
}

TEST(parse, one_lun_is_ordered_with_one_wish_alone) {
    const std::string together =
        "--lun LUN goes with --attach, --detach or --persist, and each of these with --lun";
    const std::vector<std::pair<words, std::string>> all{
        {{"-r", "3", "--lun", "1"}, together},
        {{"-r", "3", "--attach"}, together},
        {{"-r", "3", "--detach"}, together},
        {{"-r", "3", "--lun", "1", "--attach", "--detach"},
         "Invalid parameters. Both --attach and --detach passed in"},
        {{"--lun", "1", "--attach"}, "--attach goes with -r SID and nothing else"},
        {{"-r", "3", "--lun", "1", "--detach", "-u"}, "--detach goes with -r SID and nothing else"},
        {{"-r", "3", "--lun", "1", "--attach", "--dry-run"},
         "--attach goes with -r SID and nothing else"},
        {{"-r", "3", "--lun", "1", "--attach", "-R"}, "--attach goes with -r SID and nothing else"},
    };
    for (const auto& [given, complaint] : all) {
        words arguments{"-m", "session"};
        arguments.insert(arguments.end(), given.begin(), given.end());
        const auto refused = parse(arguments);
        ASSERT_FALSE(refused) << complaint;
        EXPECT_EQ(refused.error().lines.front(), complaint);
        EXPECT_EQ(refused.error().code, admin::exit_code::invalid);
    }
}

TEST(parse, watch_goes_with_a_session_and_metrics_with_nothing) {
    for (const words& good : {words{}, words{"-r", "3"}, words{"-d", "1"}}) {
        words arguments{"-m", "session", "--watch"};
        arguments.insert(arguments.end(), good.begin(), good.end());
        const auto line = parse(arguments);
        ASSERT_TRUE(line);
        EXPECT_TRUE(std::get<session_mode>(line->what).watch);
    }
    EXPECT_TRUE(std::get<session_mode>(parse(words{"-m", "session", "--metrics"})->what).metrics);
    EXPECT_FALSE(parse(words{"-m", "session", "--metrics", "-r", "1"}));
    EXPECT_FALSE(parse(words{"-m", "session", "--metrics", "--watch"}));
    for (const std::string option : {"--watch", "--metrics"})
        for (const words& bad :
             {words{"-s"},
              words{"-P", "1"},
              words{"-u"},
              words{"--json"},
              words{"-r", "1", "--fail-io"},
              words{"-r", "1", "--lun", "1", "--attach"}}) {
            words arguments{"-m", "session", option};
            arguments.insert(arguments.end(), bad.begin(), bad.end());
            EXPECT_FALSE(parse(arguments)) << option << bad.front();
        }
}

words persist(const words& rest) {
    words arguments{"-m", "session", "-r", "3", "--lun", "256", "--persist"};
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    return arguments;
}

TEST(parse, a_reservation_is_of_one_lun) {
    const auto line = parse(persist(
        {"preempt",
         "--key",
         "0x10",
         "--victim-key",
         "10",
         "-t",
         "exclusive-access-registrants-only",
         "--json"}
    ));
    ASSERT_TRUE(line);
    const auto wish = std::get<session_mode>(line->what).reservation;
    ASSERT_TRUE(wish);
    EXPECT_EQ(wish->verb, admin::reserve_verb::preempt);
    EXPECT_EQ(wish->lun, 16640U);
    EXPECT_EQ(wish->key, 16U);
    EXPECT_EQ(wish->victim_key, 10U);
    EXPECT_FALSE(wish->new_key);
    EXPECT_EQ(wish->type, 6);
    EXPECT_TRUE(parse(persist({"register", "--new-key", "1"}))) << "the first one";
    EXPECT_TRUE(parse(persist({"read-keys"})));
}

std::string sentence_of(const words& arguments) {
    const auto line = parse(arguments);
    if (line)
        return "";
    EXPECT_EQ(line.error().code, admin::exit_code::invalid);
    return line.error().lines.front();
}

TEST(parse, a_verb_takes_what_it_needs_and_nothing_else) {
    EXPECT_EQ(sentence_of(persist({"register"})), "--persist register needs --new-key");
    EXPECT_EQ(sentence_of(persist({"reserve", "--key", "1"})), "--persist reserve needs -t");
    EXPECT_EQ(sentence_of(persist({"clear"})), "--persist clear needs --key");
    EXPECT_EQ(
        sentence_of(persist({"preempt", "--key", "1", "--new-key", "2", "-t", "write-exclusive"})),
        "--persist preempt takes no --new-key"
    );
    EXPECT_EQ(
        sentence_of(persist({"read-keys", "--key", "1"})), "--persist read-keys takes no --key"
    );
    EXPECT_EQ(
        sentence_of(persist({"clear", "--key", "1", "-t", "write-exclusive"})),
        "--persist clear takes no -t"
    );
}

TEST(parse, bad_words_of_reservations_are_named) {
    EXPECT_THAT(
        sentence_of(persist({"res"})),
        HasSubstr("can not recognize verb: 'res', expected one of read-keys,")
    );
    EXPECT_THAT(
        sentence_of(persist({"reserve", "--key", "1", "-t", "st"})),
        HasSubstr("type of reservation: 'st', expected one of write-exclusive,")
    );
    for (const char* key : {"0x", "abc", "-1", "0x10000000000000000"})
        EXPECT_THAT(sentence_of(persist({"clear", "--key", key})), HasSubstr("up to 64 bits"));
    EXPECT_THAT(
        sentence_of({"-m", "session", "-r", "3", "--lun", "1x", "--persist", "read-keys"}),
        HasSubstr("Invalid LUN '1x'")
    );
}

TEST(parse, a_reservation_goes_with_no_other_wish) {
    const std::string sentence = "--persist goes with -r SID and --lun LUN, and with no other wish";
    EXPECT_EQ(sentence_of({"-m", "session", "--lun", "1", "--persist", "read-keys"}), sentence);
    EXPECT_EQ(sentence_of({"-m", "session", "-r", "3", "--persist", "read-keys"}), sentence);
    for (const words& beside :
         {words{"-u"}, words{"-R"}, words{"-s"}, words{"-P", "1"}, words{"--detach"}}) {
        words arguments = persist({"read-keys"});
        arguments.insert(arguments.end(), beside.begin(), beside.end());
        EXPECT_EQ(sentence_of(arguments), sentence) << beside.front();
    }
    EXPECT_EQ(sentence_of({"-m", "session", "-r", "3", "--key", "1"}), "keys go with --persist");
}

TEST(parse, an_old_short_form_keeps_its_meaning) {
    const auto line = parse({"--k", "0"});
    ASSERT_TRUE(line);
    EXPECT_TRUE(std::holds_alternative<stop_daemon>(line->what));
}

TEST(parse, luns_are_shown_of_one_session_or_all) {
    for (const words& which : {words{}, words{"-r", "3"}}) {
        words arguments{"-m", "session", "--luns", "--json"};
        arguments.insert(arguments.end(), which.begin(), which.end());
        const auto line = parse(arguments);
        ASSERT_TRUE(line);
        EXPECT_TRUE(std::get<session_mode>(line->what).luns);
    }
    for (const words& beside :
         {words{"-u"},
          words{"-R"},
          words{"-P", "1"},
          words{"--fail-io"},
          words{"--watch"},
          words{"--lun", "1", "--persist", "read-keys"},
          words{"-o", "show"}}) {
        words arguments{"-m", "session", "-r", "3", "--luns"};
        arguments.insert(arguments.end(), beside.begin(), beside.end());
        const auto refused = parse(arguments);
        ASSERT_FALSE(refused) << beside.front();
        EXPECT_EQ(refused.error().code, admin::exit_code::invalid);
    }
}

TEST(usage_text, names_every_option) {
    for (const option_row& row : option_rows()) {
        EXPECT_THAT(usage(), HasSubstr("--" + std::string(row.name)));
        EXPECT_THAT(usage(), HasSubstr(written_form(row.letter)));
    }
}

} // namespace
} // namespace iscsi::cli
