#include "tests/unit/core/session/said.hpp"

#include <gtest/gtest.h>

// Answers that nobody asked for, come too late, or refuse.
namespace iscsi::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t complete = 0; // §11.6.1
constexpr std::uint8_t no_such_unit = 2;
constexpr std::uint8_t unsupported = 5;

session_config without_pings() {
    auto config = plain_config();
    config.timeouts.noop_out_interval = 0s;
    return config;
}

template <class Pdu>
buffer header_of(const Pdu& pdu) {
    basic_header header;
    encode(initiator_pdu(pdu), 0, header);
    return {header.begin(), header.end()};
}

reject because_of(std::uint8_t reason) {
    reject pdu;
    pdu.reason = reason;
    return pdu;
}

// ---- Reject -----------------------------------------------------------------------------------

TEST(refusals, of_what_is_no_request_end_the_connection) {
    logged_in_peer target;
    EXPECT_TRUE(target.say(because_of(4), buffer(48, std::byte{0x3f})).has_error());
}

TEST(refusals, of_a_command_of_nobody_end_the_connection) {
    logged_in_peer target;
    scsi_command stranger;
    stranger.initiator_task_tag = 0x7000;
    EXPECT_TRUE(target.say(because_of(9), header_of(stranger)).has_error());
}

TEST(refusals, of_a_command_that_was_never_sent_end_the_connection) {
    peer target(without_pings());
    target.window = 1;
    target.start_session();
    target.expect_event<logged_in>();
    buffer room(4);
    auto& session = target.session_under_test;
    ASSERT_TRUE(session.submit(read_command(room), target.now));
    const auto waiting = session.submit(read_command(room), target.now);
    target.hear_one<scsi_command>();
    scsi_command unsent;
    unsent.initiator_task_tag = *waiting;
    EXPECT_TRUE(target.say(because_of(9), header_of(unsent)).has_error());
}

TEST(refusals, of_text_that_was_not_sent_end_the_connection) {
    logged_in_peer target;
    EXPECT_TRUE(target.say(because_of(4), header_of(text_request{})).has_error());
}

TEST(refusals, of_send_targets_end_the_connection) {
    logged_in_peer target;
    ASSERT_TRUE(target.session_under_test.send_targets("All", target.now));
    const auto request = target.hear_one<text_request>();
    EXPECT_TRUE(target.say(because_of(5), header_of(request)).has_error());
}

// ---- answers to nothing -----------------------------------------------------------------------

TEST(answers, to_a_logout_that_was_not_asked_for_end_the_connection) {
    logged_in_peer target;
    const auto refused = target.say(logout_response{});
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::unexpected_pdu));
}

TEST(answers, that_are_repeated_change_nothing) {
    logged_in_peer target;
    buffer room(4);
    const auto tag = target.submit(read_command(room));
    target.hear();
    ASSERT_TRUE(target.say(answer(tag, 8)));
    EXPECT_EQ(target.expect_event<task_done>().status, 8U);
    target.status_sn -= 1; // a number that was acknowledged (§4.2.2.2)
    ASSERT_TRUE(target.say(answer(tag, 8)));
    EXPECT_TRUE(target.no_event());
}

// Nothing was asked for again, so it is no retransmission; waiting for another answer would last
// until the time of the command is over.
TEST(answers, with_an_old_number_that_something_waits_for_end_the_connection_at_once) {
    buffer room(4);
    const auto data = pattern(4);
    for (const bool with_data : {false, true}) {
        logged_in_peer target;
        const auto tag = target.submit(read_command(room));
        target.hear();
        target.status_sn -= 1;
        const auto refused =
            with_data ? target.say(last_data_at(tag, 0, 0), data) : target.say(answer(tag));
        ASSERT_TRUE(refused.has_error());
        EXPECT_EQ(refused.error().code, code(session_errc::status_sn_gap));
        EXPECT_TRUE(target.no_event());
    }
    logged_in_peer target;
    target.session_under_test.reset_lun({}, target.now);
    task_management_response done;
    done.initiator_task_tag = target.hear_one<task_management_request>().initiator_task_tag;
    target.status_sn -= 1;
    EXPECT_TRUE(target.say(done).has_error());
}

// ---- text -------------------------------------------------------------------------------------

// A target that is asked for something, by SendTargets or by its own wish to negotiate.
struct asked_target : logged_in_peer {
    explicit asked_target(bool negotiates, const session_config& config = without_pings())
        : logged_in_peer(config) {
        if (negotiates) {
            async_message wish;
            wish.async_event = 4;
            wish.parameter3 = 10;
            EXPECT_TRUE(say(wish));
            expect_event<target_message>();
        } else {
            EXPECT_TRUE(session_under_test.send_targets("All", now));
        }
        tag = hear_one<text_request>().initiator_task_tag;
    }

    result<void> say_text(const std::string& text) {
        text_response pdu;
        pdu.initiator_task_tag = tag;
        const auto bytes = std::as_bytes(std::span(text));
        return say(pdu, buffer(bytes.begin(), bytes.end()));
    }

    std::uint32_t tag = 0;
};

TEST(text_answers, that_are_no_text_end_the_connection_only_in_a_negotiation) {
    for (const std::string& text : {std::string("no equals sign\0", 15), std::string("A=1")}) {
        asked_target negotiating(true);
        EXPECT_TRUE(negotiating.say_text(text).has_error()) << text;
        asked_target asked(false);
        ASSERT_TRUE(asked.say_text(text)) << text;
        const auto found = asked.expect_event<targets_found>();
        EXPECT_TRUE(found.targets.empty());
        EXPECT_EQ(found.refused.size(), 1U);
    }
}

TEST(text_answers, cannot_make_segments_longer_than_our_own_limit) {
    auto config = without_pings();
    config.offer.max_xmit_data_segment_length = 2048;
    asked_target target(true, config);
    ASSERT_TRUE(target.say_text(std::string("MaxRecvDataSegmentLength=65536\0", 31)));
    EXPECT_EQ(target.session_under_test.parameters().max_xmit_data_segment_length, 2048U);
}

TEST(text_answers, are_asked_for_one_at_a_time) {
    asked_target target(false);
    EXPECT_TRUE(target.session_under_test.send_targets("All", target.now).has_error());
    ASSERT_TRUE(target.say_text("")); // no target at all
    EXPECT_TRUE(target.expect_event<targets_found>().targets.empty());
    EXPECT_TRUE(target.session_under_test.send_targets("All", target.now));
}

// ---- task management --------------------------------------------------------------------------

struct two_units : logged_in_peer {
    two_units() : logged_in_peer(without_pings()) {
        for (const std::uint8_t number : {std::uint8_t{0}, std::uint8_t{1}}) {
            auto what = read_command(room, number);
            what.lun[1] = std::byte{number};
            tags.push_back(submit(what));
        }
        hear();
    }

    result<void> conclude(const task_management_request& request, std::uint8_t response) {
        task_management_response pdu;
        pdu.initiator_task_tag = request.initiator_task_tag;
        pdu.response = response;
        return say(pdu);
    }

    buffer room = buffer(100);
    std::vector<task_id> tags;
};

TEST(task_management_answers, that_refuse_too_late_change_nothing) {
    two_units target;
    target.session_under_test.abort(target.tags[0], target.now);
    const auto abort = target.hear_one<task_management_request>();
    target.pass(15s);
    const auto reset = target.hear_one<task_management_request>();
    ASSERT_TRUE(target.conclude(abort, unsupported));
    EXPECT_TRUE(target.silent());
    ASSERT_TRUE(target.conclude(reset, no_such_unit)); // nothing of it is left there
    EXPECT_EQ(target.expect_event<task_done>().task, target.tags[0]);
}

TEST(task_management_answers, for_two_units_lead_to_one_reset_of_the_target) {
    two_units target;
    for (const auto tag : target.tags)
        target.session_under_test.abort(tag, target.now);
    EXPECT_EQ(target.hear().size(), 2U);
    target.pass(15s);
    const auto resets = target.hear();
    ASSERT_EQ(resets.size(), 2U); // one for each unit
    for (const auto& each : resets)
        ASSERT_TRUE(target.conclude(std::get<task_management_request>(each.pdu), unsupported));
    const auto warm = target.hear_one<task_management_request>();
    EXPECT_EQ(warm.function, task_management_function::target_warm_reset);
    EXPECT_TRUE(target.silent());
    ASSERT_TRUE(target.conclude(warm, complete));
    EXPECT_EQ(target.session_under_test.unfinished_tasks(), 0U);
}

TEST(task_management_answers, for_tasks_that_wait_or_are_gone_need_no_request) {
    two_units target;
    ASSERT_TRUE(target.say(answer(target.tags[0], 8)));
    target.session_under_test.abort(target.tags[0], target.now); // its end has not been polled
    EXPECT_TRUE(target.silent());
    target.lose_transport();
    target.session_under_test.abort(target.tags[1], target.now);
    target.session_under_test.reset_lun({}, target.now); // nobody to ask
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::answered);
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::aborted);
}

} // namespace
} // namespace iscsi::test
