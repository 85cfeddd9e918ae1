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

    // While `lines` of a fault script hold.
    auto discover_with(const std::string& lines) {
        faults = iscsi::test::fault_injector(iscsi::test::parse_fault_script(lines).value());
        server.use(faults);
        notes.clear();
        return discover_at(server.port());
    }

    std::vector<std::string> notes;
    iscsi::test::fault_injector faults{{}};
};

const std::string here = "discovery at 127.0.0.1: ";

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

// ---- answers that are none --------------------------------------------------------------------

TEST_F(discovery_job, what_will_not_change_is_told_once_and_not_tried_again) {
    for (const auto& [script, words] : {
             std::pair<std::string, std::string>(
                 "text-request: reject 4",
                 "Reject reason: the target rejected a PDU, got 0x04 (protocol error), expected "
                 "none [RFC 7143 11.17]"
             ),
             {"text-response: set itt 0x7777", "Text Response Initiator Task Tag: no such task"},
             {"text-response: add statsn 5", "StatSN: StatSN out of sequence"},
             {"text-response: set opcode 0x3b", "opcode: unknown opcode"},
             {"text-response: raw\ntext-response: set opcode 0x26",
              "opcode: PDU not expected now, got Logout Response"},
             {"text-response: set flags 0x40\ntext-response: set ttt 5",
              "Text Response: text answer too long, got 73 bytes in 4097 PDUs, expected at most"},
         }) {
        const auto failed = discover_with(script);
        ASSERT_TRUE(failed.has_error()) << script;
        EXPECT_EQ(failed.error().code, exit_code::pdu_timeout) << script;
        ASSERT_EQ(notes.size(), 1U) << script << notes[1];
        EXPECT_EQ(notes[0].rfind(here + "SendTargets: ", 0), 0U) << notes[0];
        EXPECT_NE(notes[0].find(words), std::string::npos) << notes[0];
    }
}

TEST_F(discovery_job, what_may_pass_is_tried_again_and_told_once) {
    for (const auto& [script, words] : {
             std::pair<std::string, std::string>(
                 "text-request: reject 2", "rejected a PDU for now, got 0x02 (data digest error)"
             ),
             {"text-response: drop", "the target ends the connection"},
             {"text-request: drop", "the target ends the connection"},
         }) {
        const auto failed = discover_with(script);
        ASSERT_TRUE(failed.has_error()) << script;
        EXPECT_EQ(failed.error().code, exit_code::pdu_timeout) << script;
        ASSERT_EQ(notes.size(), 2U) << script;
        EXPECT_EQ(notes[0].rfind(here + "connection lost: ", 0), 0U) << notes[0];
        EXPECT_NE(notes[0].find(words), std::string::npos) << notes[0];
        EXPECT_EQ(notes[1], "connection login retries (reopen_max) 1 exceeded");
        EXPECT_EQ(faults.faults(), 2U) << script;
    }
}

TEST_F(discovery_job, a_reject_that_passes_is_followed_by_the_answer) {
    const auto found = discover_with("text-request 1: reject 0x0a");
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->size(), 1U);
    EXPECT_EQ(notes.size(), 1U);
}

TEST_F(discovery_job, entries_that_are_no_text_are_left_out_alone) {
    const auto found = discover_with(
        R"(text-response: raw \xff\x01\0TargetName=iqn.2026-01.a:b\0junk\0TargetAddress=10.0.0.1:1,1\0x)"
    );
    ASSERT_TRUE(found.has_value()) << found.error().reason;
    ASSERT_EQ(found->size(), 1U);
    EXPECT_EQ(found->front().address, "10.0.0.1");
    EXPECT_EQ(
        notes,
        (std::vector<std::string>{
            here + "left out: text key: no equals sign, got ??, expected key=value (RFC 7143 §6.1)",
            here + "left out: text key: no equals sign, got junk, expected key=value (RFC 7143 "
                   "§6.1)",
            here + "left out: text key: not terminated, got x, expected a NUL after each pair "
                   "(§6.1)"})
    );
}

TEST_F(discovery_job, an_answer_that_is_no_text_is_no_empty_one) {
    const auto failed = discover_with(R"(text-response: raw \xff\x01\0TargetName=a/b\0)");
    ASSERT_TRUE(failed.has_error());
    EXPECT_EQ(failed.error().code, exit_code::pdu_timeout);
    ASSERT_EQ(notes.size(), 2U);
    EXPECT_NE(notes[0].find("left out: iSCSI name: "), std::string::npos) << notes[0];
    EXPECT_EQ(
        notes[1],
        here + "the answer to SendTargets names no target that can be read: text key: no equals "
               "sign, got ??, expected key=value (RFC 7143 §6.1)"
    );
    const auto nothing = discover_with(R"(text-response: raw \0)");
    ASSERT_TRUE(nothing.has_value());
    EXPECT_TRUE(nothing->empty());
    EXPECT_TRUE(notes.empty());
}

} // namespace
