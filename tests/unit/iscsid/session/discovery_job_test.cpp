#include "tests/unit/iscsid/session/job_world.hpp"

#include "iscsid/session/discovery_job.hpp"

namespace {

using namespace iscsid::session;
using namespace std::chrono_literals;
using iscsi::admin::exit_code;

struct discovery_job : job_world {
    auto discover_at(
        std::uint16_t port, const std::string& host = "127.0.0.1", const std::string& device = {}
    ) {
        discovery_plan how;
        how.net_device = device;
        how.session.type = iscsi::session_type::discovery;
        how.session.initiator_name = "iqn.2026-01.org.example:host";
        how.session.timeouts.login = 5s;
        how.host = host;
        how.port = port;
        how.reopen_max = 1;
        how.answer_timeout = 5s;
        return iscsi::test::run(
            context,
            discover(
                how,
                resolvers.get_executor(),
                [this](std::string line) { notes.push_back(std::move(line)); }
            )
        );
    }

    std::vector<std::string> notes;
};

TEST_F(discovery_job, finds_targets_in_their_order) {
    target.options().send_targets = {
        {"TargetName", "iqn.2026-01.org.example:b"},
        {"TargetAddress", "10.0.0.1:3260,1"},
        {"TargetAddress", "[fe80::1]:3261,2"},
        {"TargetName", "iqn.2026-01.org.example:a"}};
    const auto found = discover_at(server.port());
    ASSERT_TRUE(found.has_value()) << found.error().reason;
    ASSERT_EQ(found->size(), 3U);
    EXPECT_EQ((*found)[0].target, "iqn.2026-01.org.example:b");
    EXPECT_EQ((*found)[0].address, "10.0.0.1");
    EXPECT_EQ((*found)[0].group_tag, 1);
    EXPECT_EQ((*found)[1].address, "fe80::1");
    EXPECT_EQ((*found)[1].port, 3261);
    // Without an address it is the portal that was asked, of an unknown group.
    EXPECT_EQ((*found)[2].address, "127.0.0.1");
    EXPECT_EQ((*found)[2].port, server.port());
    EXPECT_EQ((*found)[2].group_tag, -1);
    EXPECT_TRUE(notes.empty());
    EXPECT_TRUE(target.complaints().empty());
}

TEST_F(discovery_job, says_each_refusal_and_gives_up_with_11) {
    const auto failed = discover_at(deaf_port());
    ASSERT_TRUE(failed.has_error());
    EXPECT_EQ(failed.error().code, exit_code::pdu_timeout);
    EXPECT_EQ(
        notes,
        (std::vector<std::string>{
            "cannot make connection to 127.0.0.1: Connection refused",
            "cannot make connection to 127.0.0.1: Connection refused",
            "connection login retries (reopen_max) 1 exceeded"})
    );
}

TEST_F(discovery_job, a_name_that_does_not_resolve_is_4) {
    const auto failed = discover_at(3260, "no-such-host.invalid");
    ASSERT_TRUE(failed.has_error());
    EXPECT_EQ(failed.error().code, exit_code::transport);
    ASSERT_EQ(notes.size(), 2U);
    EXPECT_EQ(
        notes[0].rfind("Cannot resolve host no-such-host.invalid. getaddrinfo error: [", 0), 0U
    );
    EXPECT_EQ(notes[1], "cannot resolve host name no-such-host.invalid");
}

// Tries would not bring it.
TEST_F(discovery_job, a_zone_or_device_that_is_not_there_is_4_at_once) {
    for (const auto& [host, device] :
         {std::pair("fe80::1%no-such-zone", ""), std::pair("127.0.0.1", "no-such-dev")}) {
        notes.clear();
        const auto failed = discover_at(server.port(), host, device);
        ASSERT_TRUE(failed.has_error());
        EXPECT_EQ(failed.error().code, exit_code::transport) << failed.error().reason;
        ASSERT_EQ(notes.size(), 1U);
        EXPECT_EQ(notes[0].rfind(std::string("cannot make connection to ") + host, 0), 0U);
        EXPECT_NE(notes[0].find("no-such-"), std::string::npos) << notes[0];
    }
}

TEST_F(discovery_job, a_failure_behind_a_redirect_names_where_that_led) {
    const auto dead_end = "127.0.0.1:" + std::to_string(deaf_port());
    target.options().redirect_to = dead_end;
    ASSERT_TRUE(discover_at(server.port()).has_error());
    EXPECT_EQ(
        notes.at(0),
        "cannot make connection to 127.0.0.1: redirected to " + dead_end + ": Connection refused"
    );
}

TEST_F(discovery_job, says_what_was_left_out_and_goes_on) {
    target.options().send_targets = {
        {"TargetName", "iqn.2026-01.org.example:b"},
        {"TargetAddress", "10.0.0.1:3260,70000"},
        {"TargetAddress", "0.0.0.0:3261,2"},
        {"TargetName", "iqn.2026-01.org.example:with,comma"},
        {"TargetAddress", "10.0.0.1:3260,1"},
        {"TargetName", "wwn.2026-01.org.example:a"},
        {"TargetName", "IQN.2026-01.org.example:c"}};
    const auto found = discover_at(server.port());
    ASSERT_TRUE(found.has_value()) << found.error().reason;
    ASSERT_EQ(found->size(), 2U);
    EXPECT_EQ((*found)[0].address, "127.0.0.1");
    EXPECT_EQ((*found)[0].port, 3261);
    EXPECT_EQ((*found)[1].target, "IQN.2026-01.org.example:c");
    ASSERT_EQ(notes.size(), 3U);
    EXPECT_NE(notes[0].find("bad portal group tag, got 10.0.0.1:3260,70000"), std::string::npos);
    EXPECT_NE(notes[1].find("with,comma"), std::string::npos) << notes[1];
    EXPECT_NE(notes[2].find("wwn."), std::string::npos) << notes[2];
}

TEST_F(discovery_job, a_refused_login_is_24_at_once) {
    target.options().refuse_login = {2, 1};
    const auto failed = discover_at(server.port());
    ASSERT_TRUE(failed.has_error());
    EXPECT_EQ(failed.error().code, exit_code::login_auth_failed);
    EXPECT_EQ(notes.size(), 1U);
}

} // namespace
