#include "tests/unit/iscsiadm/modes/mode_test.hpp"

#include <iterator>

// Which records a command means, and what becomes of those that are not as they should be.
namespace iscsi::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class node_choice_test : public mode_test {};

TEST_F(node_choice_test, filters_by_target_and_portal_and_by_no_tag) {
    add_node(t1, "10.9.9.1:3260,1");
    add_node(t1, "10.9.9.2:3261,2");
    EXPECT_THAT(run_well({"-m", "node", "-p", "10.9.9.2:3261"}), HasSubstr("node.tpgt = 2"));
    EXPECT_EQ(run({"-m", "node", "-p", "10.9.9.2"}).code, 21); // port 3260
    EXPECT_THAT(run_well({"-m", "node", "-p", "10.9.9.1,2"}), HasSubstr("node.tpgt = 1"));
    EXPECT_EQ(run({"-m", "node", "-T", "iqn.no:such", "-l"}).code, 21);
}

// Either side may be a name, or another spelling; every verb finds the same records.
struct same_host {
    std::string stored;
    std::string asked;
};

class host_filter : public node_choice_test, public testing::WithParamInterface<same_host> {};

TEST_P(host_filter, compares_what_hosts_resolve_to) {
    const std::string asked = GetParam().asked;
    add_node(t1, GetParam().stored);
    add_node(t2, "10.9.9.1:3260,1");
    const auto here = [&](std::vector<std::string> wish) {
        wish.insert(wish.begin(), {"-m", "node", "-p", asked + ",9"});
        return run(wish);
    };
    EXPECT_THAT(here({}).out, HasSubstr("node.name = " + t1));
    EXPECT_THAT(here({}).out, Not(HasSubstr(t2)));
    EXPECT_EQ(here({"-o", "update", "-n", "node.startup", "-v", "automatic"}).code, 0);
    EXPECT_EQ(value_of(t1, "node.startup"), "automatic");
    EXPECT_EQ(value_of(t2, "node.startup"), "manual");
    EXPECT_EQ(here({"-l"}).code, 0);
    ASSERT_EQ(daemon.logins.size(), 1U);
    ASSERT_EQ(daemon.logins[0].nodes.size(), 1U);
    daemon.sessions = {session_of(daemon.logins[0].nodes[0], 1), session_of(node_id_of(t2), 2)};
    EXPECT_EQ(here({"-R"}).code, 0);
    EXPECT_EQ(here({"-u"}).code, 0);
    ASSERT_EQ(daemon.logouts.size(), 1U);
    EXPECT_THAT(daemon.logouts[0].sids, ElementsAre(1U));
    EXPECT_THAT(daemon.rescans[0].sids, ElementsAre(1U));
    daemon.sessions.clear();
    EXPECT_EQ(here({"-o", "delete"}).code, 0);
    EXPECT_EQ(run_well({"-m", "node"}), "10.9.9.1:3260,1 " + t2 + "\n");
}

INSTANTIATE_TEST_SUITE_P(
    all,
    host_filter,
    testing::Values(
        same_host{"127.0.0.1:3260,1", "127.0.0.1"},
        same_host{"localhost:3260,1", "127.0.0.1"},
        same_host{"127.0.0.1", "localhost"},
        same_host{"[fe80::1]:3260,1", "[FE80:0:0::1]:3260"}
    )
);

TEST_F(node_choice_test, shows_what_it_is_asked_for_whatever_the_level) {
    add_node(t1);
    const auto shown = run_well({"-m", "node", "-T", t1});
    for (const std::vector<std::string>& wish :
         {std::vector<std::string>{"-T", t1}, {"-p", "10.9.9.1"}, {"-I", "default"}}) {
        std::vector<std::string> arguments{"-m", "node", "-P", "1"};
        arguments.insert(arguments.end(), wish.begin(), wish.end());
        EXPECT_EQ(run_well(arguments), shown) << wish.front();
    }
}

TEST_F(node_choice_test, binds_a_portal_without_a_tag_to_another_interface) {
    add_node(t1, "10.9.9.1");
    run_well({"-m", "iface", "-I", "eth", "-o", "new"});
    run_well({"-m", "node", "-I", "eth", "-o", "new"});
    EXPECT_EQ(
        run_well({"-m", "node", "-P", "1"}),
        "Target: " + t1 +
            "\n\tPortal: 10.9.9.1:3260,-1\n\t\tIface Name: default\n"
            "\tPortal: 10.9.9.1:3260,-1\n\t\tIface Name: eth\n"
    );
}

TEST_F(node_choice_test, is_one_record_with_and_without_its_tag) {
    add_node(t1, "10.9.9.1");
    update(t1, "node.startup", "automatic");
    EXPECT_THAT(
        run_well({"-m", "node", "-T", t1, "-p", "10.9.9.1:3260,4", "-o", "new"}),
        HasSubstr("10.9.9.1,3260,4 " + t1)
    );
    EXPECT_EQ(run_well({"-m", "node"}), "10.9.9.1:3260,4 " + t1 + "\n");
    EXPECT_THAT(
        run_well({"-m", "node", "-T", t1, "-p", "10.9.9.1", "-o", "new"}),
        HasSubstr("10.9.9.1,3260,4 " + t1)
    );
    EXPECT_EQ(run_well({"-m", "node"}), "10.9.9.1:3260,4 " + t1 + "\n");
}

TEST_F(node_choice_test, logs_in_to_a_portal_once) {
    add_node(t1, "10.9.9.1:3260,1");
    add_node(t1, "10.9.9.1:3260,2");
    EXPECT_EQ(run({"-m", "node", "-T", t1, "-l"}).code, 0);
    ASSERT_EQ(daemon.logins.size(), 1U);
    EXPECT_THAT(daemon.logins[0].nodes, ElementsAre(node_id_of(t1, 1)));
}

// ---- a record with a value that its key does not take ----

class bad_record : public node_choice_test {
  protected:
    bad_record() {
        add_node(t1);
        add_node(t2);
        const auto file = where.database / "nodes" / t1 / "10.9.9.1,3260,1/default";
        std::ifstream from(file);
        std::string text{std::istreambuf_iterator<char>(from), {}};
        const std::string good = "node.session.queue_depth = 32";
        text.replace(text.find(good), good.size(), "node.session.queue_depth = deep");
        std::ofstream(file) << text;
    }
};

TEST_F(bad_record, is_listed) {
    EXPECT_EQ(run_well({"-m", "node"}), "10.9.9.1:3260,1 " + t1 + "\n10.9.9.1:3260,1 " + t2 + "\n");
}

TEST_F(bad_record, is_shown_with_its_line_marked) {
    const outcome got = run({"-m", "node", "-T", t1});
    EXPECT_EQ(got.code, 0);
    EXPECT_THAT(got.out, HasSubstr("node.session.queue_depth = deep\n"));
    EXPECT_THAT(got.err, HasSubstr("node.session.queue_depth: bad value"));
    EXPECT_THAT(got.err, HasSubstr("10.9.9.1,3260,1/default:"));
}

TEST_F(bad_record, is_updated) {
    update(t1, "node.startup", "automatic");
    EXPECT_EQ(value_of(t1, "node.session.queue_depth"), "deep") << "another key";
    update(t1, "node.session.queue_depth", "64");
    EXPECT_THAT(run_well({"-m", "node", "-T", t1}), HasSubstr("node.session.queue_depth = 64"));
}

TEST_F(bad_record, is_deleted) {
    run_well({"-m", "node", "-T", t1, "-o", "delete"});
    EXPECT_EQ(run_well({"-m", "node"}), "10.9.9.1:3260,1 " + t2 + "\n");
}

TEST_F(bad_record, is_not_logged_in_and_keeps_nobody_from_it) {
    const outcome got = run({"-m", "node", "-L", "all"});
    EXPECT_EQ(got.code, 7);
    EXPECT_THAT(got.err, HasSubstr("initiator reported error (7 - invalid parameter)"));
    EXPECT_THAT(got.err, HasSubstr("node.session.queue_depth: bad value"));
    EXPECT_THAT(got.out, HasSubstr("Login to [iface: default, target: " + t2));
    EXPECT_THAT(got.out, Not(HasSubstr(t1)));
    EXPECT_EQ(run({"-m", "node", "-T", t2, "-l"}).code, 0);
}

} // namespace
} // namespace iscsi::cli
