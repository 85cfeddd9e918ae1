#include "tests/unit/iscsid/session/job_world.hpp"

#include "iscsid/session/discovery_job.hpp"

namespace {

using namespace iscsid::session;
using namespace std::chrono_literals;
using iscsi::admin::exit_code;

struct discovery_job : job_world {
    auto discover_at(std::uint16_t port, const std::string& host = "127.0.0.1") {
        discovery_plan how;
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

TEST_F(discovery_job, a_refused_login_is_24_at_once) {
    target.options().refuse_login = {2, 1};
    const auto failed = discover_at(server.port());
    ASSERT_TRUE(failed.has_error());
    EXPECT_EQ(failed.error().code, exit_code::login_auth_failed);
    EXPECT_EQ(notes.size(), 1U);
}

} // namespace
