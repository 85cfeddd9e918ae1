#include "tests/unit/core/session/said.hpp"

#include <gtest/gtest.h>

// Asynchronous Messages that ask for something (§11.9.1), and negotiation in full feature phase.
namespace iscsi::test {
namespace {

using namespace std::chrono_literals;

async_message message(std::uint8_t event, std::uint16_t seconds = 0) {
    async_message pdu;
    pdu.async_event = event;
    pdu.parameter3 = seconds;
    return pdu;
}

// ---- 1: log out -------------------------------------------------------------------------------

TEST(logout_request_of_the_target, lets_tasks_end_first) {
    logged_in_peer target;
    const auto data = pattern(20'000);
    buffer room(100);
    const auto write = target.submit(write_command(data));
    target.hear();
    ASSERT_TRUE(target.say(message(1, 10)));
    target.expect_event<target_message>();
    const auto later = target.submit(read_command(room));
    EXPECT_TRUE(target.silent()) << "no new command";
    ASSERT_TRUE(target.say(ask(write, 0, 8192, 11'808)));
    EXPECT_FALSE(target.hear().empty()) << "but the data of the old one";
    ASSERT_TRUE(target.say(answer(write)));
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::answered);
    target.hear_one<logout_request>();
    target.lose_transport();
    target.pass(2s);
    target.connect();
    target.log_in();
    target.expect_event<logged_in>();
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, later);
}

TEST(logout_request_of_the_target, does_not_wait_for_tasks_longer_than_half_its_time) {
    logged_in_peer target;
    buffer room(100);
    target.submit(read_command(room));
    target.hear();
    ASSERT_TRUE(target.say(message(1, 6)));
    target.pass(2999ms);
    EXPECT_TRUE(target.silent());
    target.pass(1ms);
    EXPECT_EQ(target.hear_one<logout_request>().reason, logout_reason::close_connection);
}

TEST(logout_request_of_the_target, is_obeyed_at_once_by_an_idle_session) {
    logged_in_peer target;
    ASSERT_TRUE(target.say(message(1, 60)));
    target.hear_one<logout_request>();
}

// ---- 4: negotiate -----------------------------------------------------------------------------

struct negotiating_peer : logged_in_peer {
    negotiating_peer() {
        EXPECT_TRUE(say(message(4, 10)));
        expect_event<target_message>();
        request = hear_one<text_request>(&said);
    }

    result<void> answer_with(const text_pairs& pairs, bool final = true) {
        text_response pdu;
        pdu.final = final;
        pdu.initiator_task_tag = request.initiator_task_tag;
        pdu.target_transfer_tag = final ? reserved_tag : 0x4711;
        const auto text = format_text(pairs);
        const auto bytes = std::as_bytes(std::span(text));
        return say(pdu, buffer(bytes.begin(), bytes.end()));
    }

    text_request request;
    buffer said;
};

TEST(renegotiation, declares_the_segment_length_again) {
    negotiating_peer target;
    EXPECT_TRUE(target.request.final);
    EXPECT_FALSE(target.request.continues);
    EXPECT_EQ(target.request.target_transfer_tag, reserved_tag);
    EXPECT_EQ(
        parse_text(target.said).value(), (text_pairs{{"MaxRecvDataSegmentLength", "262144"}})
    );
    ASSERT_TRUE(target.say(message(4, 10)));
    target.expect_event<target_message>();
    EXPECT_TRUE(target.silent()) << "one negotiation at a time";
    ASSERT_TRUE(target.answer_with({}));
    target.pass(1s);
    ASSERT_TRUE(target.say(message(4, 10)));
    target.hear_one<text_request>();
}

TEST(renegotiation, is_begun_once_a_second_however_often_it_is_asked_for) {
    negotiating_peer target;
    ASSERT_TRUE(target.answer_with({}));
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(target.say(message(4, 10)));
        target.expect_event<target_message>();
    }
    target.pass(999ms);
    EXPECT_TRUE(target.silent());
    target.pass(1ms);
    target.request = target.hear_one<text_request>();
    ASSERT_TRUE(target.answer_with({}));
    target.pass(2s);
    EXPECT_TRUE(target.silent()) << "three wishes, one answer";
}

TEST(renegotiation, that_waits_is_forgotten_by_a_logout) {
    negotiating_peer target;
    ASSERT_TRUE(target.answer_with({}));
    ASSERT_TRUE(target.say(message(4, 10)));
    target.expect_event<target_message>();
    target.session_under_test.logout(target.now);
    target.hear_one<logout_request>();
    target.pass(2s);
    EXPECT_TRUE(target.silent());
}

TEST(renegotiation, obeys_what_the_target_declares) {
    negotiating_peer target;
    ASSERT_TRUE(target.answer_with({{"MaxRecvDataSegmentLength", "1024"}}));
    const auto data = pattern(3000);
    target.submit(write_command(data));
    buffer heard;
    target.hear_one<scsi_command>(&heard);
    EXPECT_EQ(heard.size(), 1024U);
    EXPECT_EQ(target.session_under_test.parameters().max_xmit_data_segment_length, 1024U);
}

TEST(renegotiation, keeps_what_holds_when_turned_down) {
    negotiating_peer target;
    const auto before = target.session_under_test.parameters();
    ASSERT_TRUE(target.answer_with({{"MaxRecvDataSegmentLength", "Reject"}}));
    EXPECT_EQ(target.session_under_test.parameters(), before);
}

TEST(renegotiation, replies_to_what_has_no_place_here) {
    negotiating_peer target;
    ASSERT_TRUE(target.answer_with(
        {{"TargetAlias", "disk"}, {"HeaderDigest", "CRC32C"}, {"X-org.example.key", "1"}}, false
    ));
    buffer text;
    const auto reply = target.hear_one<text_request>(&text);
    EXPECT_EQ(reply.initiator_task_tag, target.request.initiator_task_tag);
    EXPECT_EQ(reply.target_transfer_tag, 0x4711U);
    EXPECT_TRUE(reply.final);
    EXPECT_EQ(
        parse_text(text).value(),
        (text_pairs{{"HeaderDigest", "Reject"}, {"X-org.example.key", "NotUnderstood"}})
    );
    ASSERT_TRUE(target.answer_with({}));
    EXPECT_TRUE(target.silent());
}

TEST(renegotiation, keeps_what_holds_when_told_that_it_does_not_matter) {
    for (const char* word : {"Irrelevant", "NotUnderstood"}) {
        negotiating_peer target;
        const auto before = target.session_under_test.parameters();
        ASSERT_TRUE(target.answer_with({{"MaxRecvDataSegmentLength", word}}));
        EXPECT_EQ(target.session_under_test.parameters(), before);
    }
}

// What stands in redirections is no wish, and what only a login may declare is out of place.
TEST(renegotiation, tells_declarations_from_wishes) {
    negotiating_peer target;
    ASSERT_TRUE(target.answer_with(
        {{"TargetAddress", "10.0.0.1:3260,1"},
         {"TargetPortalGroupTag", "1"},
         {"InitialR2T", "Yes"},
         {"ImmediateData", "Yes"}},
        false
    ));
    buffer text;
    target.hear_one<text_request>(&text);
    EXPECT_EQ(
        parse_text(text).value(),
        (text_pairs{
            {"TargetPortalGroupTag", "Reject"},
            {"InitialR2T", "Reject"},
            {"ImmediateData", "Reject"}})
    );
    negotiating_peer last;
    EXPECT_TRUE(last.answer_with({{"TargetPortalGroupTag", "1"}})) << "needs no answer";
    negotiating_peer wishing;
    const auto refused = wishing.answer_with({{"InitialR2T", "Yes"}, {"ImmediateData", "Yes"}});
    ASSERT_TRUE(refused.has_error());
    EXPECT_NE(refused.error().got.find("InitialR2T"), std::string::npos) << "the first one";
}

TEST(renegotiation, gathers_an_answer_that_comes_in_pieces) {
    negotiating_peer target;
    text_response piece;
    piece.final = false;
    piece.continues = true;
    piece.initiator_task_tag = target.request.initiator_task_tag;
    piece.target_transfer_tag = 0x4711;
    const std::string text = "MaxRecvDataSeg";
    const auto bytes = std::as_bytes(std::span(text));
    ASSERT_TRUE(target.say(piece, buffer(bytes.begin(), bytes.end())));
    buffer said;
    EXPECT_EQ(target.hear_one<text_request>(&said).target_transfer_tag, 0x4711U);
    EXPECT_TRUE(said.empty()) << "go on (RFC 7143 11.10.4)";
    ASSERT_TRUE(target.answer_with({{"mentLength", "4096"}}));
    EXPECT_EQ(target.session_under_test.parameters().max_xmit_data_segment_length, 4096U);
}

TEST(renegotiation, ends_the_connection_over_a_broken_rule) {
    const std::vector<text_pairs> wrong{
        {{"MaxRecvDataSegmentLength", "511"}},
        {{"MaxRecvDataSegmentLength", "16777216"}},
        {{"MaxRecvDataSegmentLength", "many"}},
        {{"X-a", "1"}, {"X-a", "2"}},
    };
    for (const auto& pairs : wrong) {
        negotiating_peer target;
        EXPECT_TRUE(target.answer_with(pairs).has_error()) << format_text(pairs);
    }
}

TEST(renegotiation, does_not_let_the_last_response_ask_for_an_answer) {
    negotiating_peer asking;
    EXPECT_TRUE(asking.answer_with({{"HeaderDigest", "CRC32C"}}).has_error());
    negotiating_peer declaring;
    EXPECT_TRUE(declaring.answer_with({{"TargetAlias", "disk"}, {"X-org.example.key", "1"}}));
    EXPECT_TRUE(declaring.silent());
}

TEST(renegotiation, does_not_let_the_last_response_carry_a_tag) {
    negotiating_peer target;
    text_response pdu;
    pdu.initiator_task_tag = target.request.initiator_task_tag;
    pdu.target_transfer_tag = 0x4711;
    const auto refused = target.say(pdu);
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::unexpected_pdu));
}

result<void> wish_for(std::size_t unknown_keys) {
    negotiating_peer target;
    text_pairs wishes;
    for (std::size_t i = 0; i < unknown_keys; ++i)
        wishes.push_back({"X-" + std::to_string(i), ""});
    return target.answer_with(wishes, false);
}

TEST(renegotiation, does_not_answer_with_more_than_the_target_takes) {
    EXPECT_TRUE(wish_for(300)); // "X-299=NotUnderstood": 20 bytes each
    const auto refused = wish_for(3000);
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::text_too_long));
}

TEST(renegotiation, survives_a_reject) {
    negotiating_peer target;
    reject refusal;
    refusal.reason = 0x0b; // negotiation reset
    basic_header header;
    encode(initiator_pdu(target.request), static_cast<std::uint32_t>(target.said.size()), header);
    ASSERT_TRUE(target.say(refusal, buffer(header.begin(), header.end())));
    EXPECT_EQ(target.session_under_test.connection(), connection_state::logged_in);
    target.pass(1s);
    ASSERT_TRUE(target.say(message(4, 10)));
    target.hear_one<text_request>(); // a new one begins with the reserved tag
}

// ---- 5: tasks of a unit are over --------------------------------------------------------------

TEST(tasks_ended_by_the_target, end_as_aborted_on_that_unit_only) {
    logged_in_peer target;
    buffer room(100);
    auto here = read_command(room);
    auto there = read_command(room);
    there.lun[1] = std::byte{1};
    const auto kept = target.submit(here);
    const auto ended = target.submit(there);
    target.hear();
    auto pdu = message(5);
    pdu.lun = there.lun;
    ASSERT_TRUE(target.say(pdu));
    target.expect_event<target_message>();
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.task, ended);
    EXPECT_EQ(done.outcome, task_result::aborted);
    ASSERT_TRUE(target.say(answer(kept, 8)));
}

TEST(tasks_ended_by_the_target, are_acknowledged_and_get_no_data_any_more) {
    logged_in_peer target;
    const auto data = pattern(200'000);
    auto what = write_command(data);
    what.lun[1] = std::byte{1};
    const auto write = target.submit(what);
    target.hear();
    ASSERT_TRUE(target.say(ask(write, 0, 8192, 100'000)));
    auto pdu = message(5);
    pdu.lun = what.lun;
    ASSERT_TRUE(target.say(pdu));
    const auto note = target.hear_one<nop_out>();
    EXPECT_TRUE(note.immediate);
    EXPECT_EQ(note.initiator_task_tag, reserved_tag);
    EXPECT_EQ(note.target_transfer_tag, reserved_tag);
    EXPECT_EQ(note.lun, pdu.lun);
    EXPECT_EQ(note.expected_status_sn, target.status_sn) << "with the message";
    EXPECT_TRUE(target.silent()) << "no data any more";
}

TEST(tasks_ended_by_the_target, do_not_include_commands_that_come_after_the_message) {
    logged_in_peer target;
    buffer room(100);
    const auto early = target.submit(read_command(room));
    target.hear();
    const auto known = target.expected_command_sn;
    const auto late = target.submit(read_command(room));
    target.hear();
    target.expected_command_sn = known;
    ASSERT_TRUE(target.say(message(5)));
    target.expect_event<target_message>();
    EXPECT_EQ(target.expect_event<task_done>().task, early);
    EXPECT_TRUE(target.no_event());
    target.hear_one<nop_out>();
    ASSERT_TRUE(target.say(answer(late, 8)));
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::answered);
}

} // namespace
} // namespace iscsi::test
