#include "tests/unit/iscsiadm/modes/mode_test.hpp"

#include "iscsiadm/cli/options.hpp"
#include "iscsiadm/complete/complete.hpp"

namespace iscsi::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;
using testing::UnorderedElementsAre;
using words = std::vector<std::string>;

class completion : public mode_test {
  protected:
    completion() {
        add_node(t1);
        add_node(t2, "[2001:db8::1]:860,1");
        run_well({"-m", "iface", "-I", "eth0", "-o", "new"});
    }

    words of(const words& typed) {
        const admin::record_store store(where.database);
        return complete(typed, {store, daemon});
    }
};

TEST_F(completion, begins_with_a_mode) {
    EXPECT_THAT(of({""}), Contains("-m"));
    EXPECT_THAT(of({"-m", ""}), Contains("discoverydb"));
    EXPECT_THAT(of({"-m", "disc"}), ElementsAre("discovery", "discoverydb"));
    EXPECT_THAT(of({"--mode=no"}), ElementsAre("--mode=node"));
    EXPECT_THAT(of({}), Contains("--mode"));
}

TEST_F(completion, offers_verbs_and_types_of_reservations) {
    EXPECT_THAT(of({"-m", "session", "--pers"}), ElementsAre("--persist"));
    EXPECT_THAT(of({"-m", "session", "--persist", "re"}), IsSupersetOf({"reserve", "release"}));
    EXPECT_THAT(of({"-m", "session", "--persist=cl"}), ElementsAre("--persist=clear"));
    EXPECT_THAT(
        of({"-m", "session", "-t", "write-exclusive-"}),
        ElementsAre("write-exclusive-registrants-only", "write-exclusive-all-registrants")
    );
    EXPECT_THAT(of({"-m", "discovery", "-t", ""}), ElementsAre("sendtargets", "st"));
}

TEST_F(completion, offers_the_options_of_the_mode) {
    EXPECT_THAT(
        of({"-m", "node", "--log"}), ElementsAre("--login", "--loginall", "--logout", "--logoutall")
    );
    EXPECT_THAT(of({"-m", "host", ""}), Not(Contains("-T")));
    EXPECT_THAT(of({"-m", "node", "-"}), IsSupersetOf({"-T", "-u", "--dry-run"}));
    EXPECT_THAT(of({"-m", "nonsense", ""}), IsEmpty());
}

TEST_F(completion, every_option_that_takes_a_word_of_ours_has_candidates) {
    daemon.sessions = {session_of(node_id_of(t1), 7)};
    const std::string not_ours =
        std::string("vCabcixA") + long_only::key + long_only::new_key + long_only::victim_key;
    for (const option_row& row : option_rows()) {
        if (row.argument.empty() || not_ours.find(row.letter) != std::string::npos)
            continue;
        EXPECT_THAT(of({"-m", "node", written_form(row.letter), ""}), Not(IsEmpty())) << row.name;
    }
}

TEST_F(completion, knows_the_records) {
    EXPECT_THAT(of({"-m", "node", "-T", ""}), UnorderedElementsAre(t1, t2));
    EXPECT_THAT(of({"-m", "node", "-lT", t2}), ElementsAre(t2));
    EXPECT_THAT(
        of({"-m", "node", "--targetname=iqn.2020-01.test:t1"}), ElementsAre("--targetname=" + t1)
    );
    EXPECT_THAT(of({"-m", "node", "-T", t2, "-p", ""}), ElementsAre("[2001:db8::1]:860"));
    EXPECT_THAT(of({"-m", "node", "-T" + t1, "-p", ""}), ElementsAre("10.9.9.1:3260"));
    EXPECT_THAT(of({"-m", "node", "-I", "e"}), ElementsAre("eth0"));
    EXPECT_THAT(of({"-m", "discovery", "-t", "st", "-p", ""}), IsEmpty());
}

TEST_F(completion, knows_the_sessions_and_needs_no_daemon) {
    daemon.sessions = {session_of(node_id_of(t1), 7), session_of(node_id_of(t2), 12)};
    EXPECT_THAT(of({"-m", "session", "-r", "1"}), ElementsAre("12"));
    daemon.not_running();
    EXPECT_THAT(of({"-m", "session", "-r", ""}), IsEmpty());
}

TEST_F(completion, offers_the_keys_that_can_be_changed_there) {
    const auto of_node = of({"-m", "node", "-o", "update", "-n", ""});
    EXPECT_THAT(of_node, Contains("node.startup"));
    EXPECT_THAT(of_node, Not(Contains("node.name"))) << "it selects the record";
    EXPECT_THAT(of_node, Not(Contains("iface.initiatorname")));
    EXPECT_THAT(of({"-m", "iface", "-n", "iface.initiator"}), ElementsAre("iface.initiatorname"));
    EXPECT_THAT(
        of({"-m", "discoverydb", "-n", "discovery.sendtargets.auth.p"}),
        ElementsAre(
            "discovery.sendtargets.auth.password",
            "discovery.sendtargets.auth.password_file",
            "discovery.sendtargets.auth.password_in",
            "discovery.sendtargets.auth.password_in_file"
        )
    );
    for (const auto& key : of_node)
        EXPECT_EQ(
            admin::record(admin::record_kind::node).update(key, "1").has_error() &&
                admin::record(admin::record_kind::node).update(key, "1").error().expected ==
                    admin::interface_mode,
            false
        ) << key;
}

TEST_F(completion, offers_the_values_of_a_key) {
    const words begin{"-m", "node", "-T", t1, "-o", "update", "-n"};
    const auto values = [&](const std::string& key) {
        words typed = begin;
        typed.insert(typed.end(), {key, "-v", ""});
        return of(typed);
    };
    EXPECT_THAT(values("node.startup"), ElementsAre("manual", "automatic", "onboot"));
    EXPECT_THAT(values("node.leading_login"), ElementsAre("Yes", "No"));
    update(t1, "node.session.timeo.replacement_timeout", "7");
    EXPECT_THAT(values("node.session.timeo.replacement_timeout"), ElementsAre("7", "120"));
    EXPECT_THAT(values("no.such.key"), IsEmpty());
}

TEST_F(completion, offers_no_secret) {
    update(t1, "node.session.auth.password", "a secret of mine");
    EXPECT_THAT(
        of({"-m", "node", "-T", t1, "-o", "update", "-n", "node.session.auth.password", "-v", ""}),
        IsEmpty()
    );
}

TEST_F(completion, goes_on_past_records_that_cannot_be_read) {
    std::ofstream(where.database / "nodes" / t1 / "10.9.9.1,3260,1" / "default") << "garbage";
    std::ofstream(where.database / "nodes" / "iqn.no-folder") << "";
    EXPECT_THAT(of({"-m", "node", "-T", ""}), Contains(t2));
}

} // namespace
} // namespace iscsi::cli
