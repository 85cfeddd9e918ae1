#include "tests/unit/iscsiadm/modes/mode_test.hpp"

namespace iscsi::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const std::string first = "[iface: default, target: " + t1 + ", portal: 10.9.9.1,3260]";
const std::string second = "[iface: default, target: " + t2 + ", portal: 10.9.9.1,3260]";

class dry_run : public mode_test {
  protected:
    dry_run() {
        add_node(t1);
        add_node(t2);
    }

    ~dry_run() override {
        EXPECT_THAT(daemon.logins, IsEmpty());
        EXPECT_THAT(daemon.logouts, IsEmpty());
        EXPECT_EQ(admin::record_store(where.database).list({}).ids.size(), 2U);
    }
};

TEST_F(dry_run, of_logins) {
    const std::string both = "Would log in to " + first + "\nWould log in to " + second + "\n";
    EXPECT_EQ(run_well({"-m", "node", "-l", "--dry-run"}), both);
    EXPECT_EQ(run_well({"-m", "node", "-L", "all", "--dry-run"}), both);
    EXPECT_EQ(run({"-m", "node", "-L", "automatic", "--dry-run"}).code, 21);
    update(t1, "node.leading_login", "Yes");
    EXPECT_EQ(
        run_well({"-m", "node", "-L", "all", "--dry-run"}),
        "Would log in to " + second + "\nWould log in to " + first + "\n"
    );
    update(t2, "node.session.nr_sessions", "2");
    EXPECT_THAT(
        run_well({"-m", "node", "-T", t2, "-l", "--dry-run"}), HasSubstr(second + " (multiple)\n")
    );
}

TEST_F(dry_run, refuses_what_the_login_would_refuse) {
    daemon.sessions = {session_of(node_id_of(t1), 3)};
    const auto got = run({"-m", "node", "-l", "--dry-run"});
    EXPECT_EQ(got.code, 15);
    EXPECT_EQ(got.out, "Would log in to " + second + "\n");
    EXPECT_THAT(got.err, HasSubstr("1 session requested, but 1 already present."));
    EXPECT_EQ(run({"-m", "node", "-T", "iqn.2020-01.test:none", "-l", "--dry-run"}).code, 21);
    daemon.not_running();
    EXPECT_EQ(run({"-m", "node", "-l", "--dry-run"}).code, 20);
}

TEST_F(dry_run, of_logouts) {
    daemon.sessions = {session_of(node_id_of(t1), 3), session_of(node_id_of(t2), 4)};
    const std::string line =
        "Would log out of session [sid: 3, target: " + t1 + ", portal: 10.9.9.1,3260]\n";
    EXPECT_EQ(run_well({"-m", "node", "-T", t1, "-u", "--dry-run"}), line);
    EXPECT_EQ(run_well({"-m", "session", "-r", "3", "-u", "--dry-run"}), line);
    update(t2, "node.startup", "onboot");
    EXPECT_EQ(run_well({"-m", "node", "-U", "all", "--dry-run"}), line);
    EXPECT_THAT(run_well({"-m", "session", "-u", "--dry-run"}), HasSubstr("sid: 4"));
}

TEST_F(dry_run, of_removals) {
    daemon.sessions = {session_of(node_id_of(t1), 3)};
    const auto got = run({"-m", "node", "-o", "delete", "--dry-run"});
    EXPECT_EQ(got.code, 15) << "a session uses one of them";
    EXPECT_EQ(got.out, "Would delete the record of " + second + "\n");
    daemon.sessions.clear();
    EXPECT_EQ(
        run_well({"-m", "node", "-T", t1, "-o", "delete", "--dry-run"}),
        "Would delete the record of " + first + "\n"
    );
}

} // namespace
} // namespace iscsi::cli
