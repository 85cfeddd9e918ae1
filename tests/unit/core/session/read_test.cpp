#include "tests/unit/core/session/said.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace iscsi::test {
namespace {

buffer cut(const buffer& from, std::size_t begin, std::size_t size) {
    const auto first = from.begin() + static_cast<long>(begin);
    return {first, first + static_cast<long>(size)};
}

TEST(read, counts_the_bytes_behind_good) {
    struct example {
        std::size_t given;
        bool underflow;
        std::uint32_t residual;
        task_result outcome;
    };

    for (const auto& each : std::initializer_list<example>{
             {1000, false, 0, task_result::answered},
             {600, true, 400, task_result::answered},
             {0, true, 1000, task_result::answered},
             {600, false, 0, task_result::short_data},
             {600, false, 400, task_result::short_data}, // a count without its flag
             {600, true, 399, task_result::short_data},
             {1000, true, 1, task_result::short_data},
         }) {
        one_read target(1000);
        auto last = last_data_at(target.tag, 0, 0);
        last.residual_underflow = each.underflow;
        last.residual_count = each.residual;
        ASSERT_TRUE(target.say(last, pattern(each.given)));
        const auto done = target.expect_event<task_done>();
        EXPECT_EQ(done.outcome, each.outcome) << each.given << " " << each.residual;
        EXPECT_EQ(done.transferred, each.given);
    }
}

TEST(read, tells_of_an_overflow) {
    one_read target(512);
    ASSERT_TRUE(target.say(data_at(target.tag, 0, 0), pattern(512)));
    auto response = answer(target.tag);
    response.residual_overflow = true;
    response.residual_count = 100;
    response.expected_data_sn = 1;
    ASSERT_TRUE(target.say(response));
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.outcome, task_result::answered);
    EXPECT_TRUE(done.residual_overflow);
    EXPECT_EQ(done.residual_count, 100U);
}

// Everything a target can do wrong with Data-In, and the fault that ends the connection.
TEST(read, refuses_what_breaks_the_rules) {
    struct example {
        const char* what;
        std::function<void(data_in&)> spoil;
        session_errc expected;
    };

    const std::vector<example> examples{
        {"DataSN", [](data_in& p) { p.data_sn = 1; }, session_errc::data_sn_gap},
        {"offset behind the end",
         [](data_in& p) { p.buffer_offset = 1001; },
         session_errc::data_out_of_range},
        {"end behind the end",
         [](data_in& p) { p.buffer_offset = 901; },
         session_errc::data_out_of_range},
        {"wrap",
         [](data_in& p) { p.buffer_offset = 0xffff'ffff; },
         session_errc::data_out_of_range},
        {"order", [](data_in& p) { p.buffer_offset = 4; }, session_errc::data_out_of_order},
        {"A bit", [](data_in& p) { p.acknowledge = true; }, session_errc::not_negotiated},
        {"no such slot",
         [](data_in& p) { p.initiator_task_tag = 0x0001'000f; },
         session_errc::unknown_task},
        {"no such generation",
         [](data_in& p) { p.initiator_task_tag += 0x50000; },
         session_errc::unknown_task},
        {"reserved tag",
         [](data_in& p) { p.initiator_task_tag = reserved_tag; },
         session_errc::unknown_task},
    };
    for (const auto& each : examples) {
        one_read target(1000);
        auto pdu = data_at(target.tag, 0, 0);
        each.spoil(pdu);
        const auto refused = target.say(pdu, pattern(100));
        ASSERT_TRUE(refused.has_error()) << each.what;
        EXPECT_EQ(refused.error().code, code(each.expected)) << each.what;
        EXPECT_FALSE(refused.error().got.empty()) << each.what;
        EXPECT_EQ(target.room, buffer(1000)) << each.what;
    }
}

TEST(read, refuses_data_for_a_write) {
    logged_in_peer target;
    const auto data = pattern(512);
    const auto tag = target.submit(write_command(data));
    target.hear();
    const auto refused = target.say(data_at(tag, 0, 0), pattern(10));
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::unexpected_pdu));
}

TEST(read, refuses_a_residual_that_cannot_be) {
    one_read target(100);
    auto response = answer(target.tag);
    response.residual_underflow = true;
    response.residual_count = 101;
    const auto refused = target.say(response);
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::residual_mismatch));
}

TEST(read, notices_that_a_data_pdu_was_lost) {
    one_read target(1000);
    ASSERT_TRUE(target.say(data_at(target.tag, 0, 0), pattern(500)));
    auto response = answer(target.tag);
    response.residual_underflow = true;
    response.residual_count = 500;
    response.expected_data_sn = 2;
    const auto refused = target.say(response);
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::data_sn_gap));
}

TEST(read, takes_any_order_when_that_was_negotiated) {
    auto config = plain_config();
    config.offer.data_pdu_in_order = false;
    config.offer.data_sequence_in_order = false;
    const std::map<std::string, std::string> any_order{
        {"DataPDUInOrder", "No"}, {"DataSequenceInOrder", "No"}};
    const auto data = pattern(900);
    {
        one_read target(900, config, any_order);
        ASSERT_FALSE(target.session_under_test.parameters().data_pdu_in_order);
        ASSERT_TRUE(target.say(data_at(target.tag, 0, 600), cut(data, 600, 300)));
        ASSERT_TRUE(target.say(data_at(target.tag, 1, 0), cut(data, 0, 300)));
        ASSERT_TRUE(target.say(last_data_at(target.tag, 2, 300), cut(data, 300, 300)));
        EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::answered);
        EXPECT_EQ(target.room, data);
    }
    { // a hole
        one_read target(900, config, any_order);
        ASSERT_TRUE(target.say(data_at(target.tag, 0, 600), cut(data, 600, 300)));
        ASSERT_TRUE(target.say(last_data_at(target.tag, 1, 0), cut(data, 0, 300)));
        EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::short_data);
    }
    { // twice
        one_read target(900, config, any_order);
        ASSERT_TRUE(target.say(data_at(target.tag, 0, 600), cut(data, 600, 300)));
        const auto refused = target.say(data_at(target.tag, 1, 899), cut(data, 899, 1));
        ASSERT_TRUE(refused.has_error());
        EXPECT_EQ(refused.error().code, code(session_errc::data_out_of_order));
    }
}

TEST(read, judges_the_response_before_the_status) {
    one_read target(100);
    auto response = answer(target.tag);
    response.response = 1; // target failure; the status means nothing
    ASSERT_TRUE(target.say(response));
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.outcome, task_result::answered);
    EXPECT_EQ(done.response, 1U);
}

TEST(read, shows_sense_only_as_far_as_it_is_there) {
    const auto sense = pattern(18, 0x70);

    struct example {
        buffer segment;
        std::size_t shown;
    };

    const auto with_length = [&](unsigned length, std::size_t size) {
        buffer segment{std::byte{0}, static_cast<std::byte>(length)};
        segment.insert(segment.end(), sense.begin(), sense.begin() + static_cast<long>(size));
        return segment;
    };
    for (const auto& each : std::vector<example>{
             {{}, 0},
             {{std::byte{0}}, 0},
             {with_length(0, 0), 0},
             {with_length(18, 18), 18},
             {with_length(10, 18), 10}, // response data behind it
             {with_length(18, 17), 0},  // the length lies
             {with_length(255, 18), 0},
         }) {
        one_read target(100);
        ASSERT_TRUE(target.say(answer(target.tag, 2), each.segment));
        const auto done = target.expect_event<task_done>();
        EXPECT_EQ(done.status, 2U);
        ASSERT_EQ(done.sense.size(), each.shown);
        EXPECT_TRUE(std::equal(done.sense.begin(), done.sense.end(), sense.begin()));
    }
}

TEST(read, keeps_no_more_sense_than_there_is_room_for) {
    one_read target(100);
    auto segment = pattern(2 + 1000);
    store_be16(segment.data(), 1000);
    ASSERT_TRUE(target.say(answer(target.tag, 2), segment));
    EXPECT_EQ(target.expect_event<task_done>().sense.size(), 252U);
}

TEST(read, answers_each_task_once) {
    one_read target(100);
    ASSERT_TRUE(target.say(answer(target.tag, 2)));
    target.expect_event<task_done>();
    const auto refused = target.say(answer(target.tag, 2));
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::unknown_task));
    EXPECT_TRUE(target.no_event());
}

TEST(read, sinks_data_of_a_task_that_is_over) {
    one_read target(100);
    ASSERT_TRUE(target.say(answer(target.tag, 2)));
    ASSERT_TRUE(target.say(data_at(target.tag, 0, 0), pattern(100, 1)));
    target.expect_event<task_done>();
    ASSERT_TRUE(target.say(data_at(target.tag, 0, 0), pattern(100, 1)));
    EXPECT_EQ(target.room, buffer(100));
    EXPECT_TRUE(target.no_event());
}

// The whole conversation, with digests, however the link cuts it.
TEST(read, does_not_care_how_the_link_cuts) {
    auto config = plain_config();
    config.offer.header_digest = config.offer.data_digest = {digest::crc32c};
    config.staging_size = 4096;
    const auto data = pattern(20'001);
    for (std::size_t piece : {1UL, 3UL, 47UL, 53UL, 1000UL, 8191UL}) {
        logged_in_peer target(config, {{"HeaderDigest", "CRC32C"}, {"DataDigest", "CRC32C"}});
        target.receive_limit = target.send_limit = piece;
        buffer room(data.size());
        const auto tag = target.submit(read_command(room));
        target.hear_one<scsi_command>();
        ASSERT_TRUE(target.say(data_at(tag, 0, 0), cut(data, 0, 1)));
        ASSERT_TRUE(target.say(data_at(tag, 1, 1), cut(data, 1, 15'000)));
        ASSERT_TRUE(target.say(last_data_at(tag, 2, 15'001), cut(data, 15'001, 5'000)));
        EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::answered) << piece;
        EXPECT_EQ(room, data) << piece;
    }
}

TEST(read, ends_the_connection_on_a_wrong_digest_and_hands_nothing_up) {
    auto config = plain_config();
    config.offer.data_digest = {digest::crc32c};
    one_read target(100, config, {{"DataDigest", "CRC32C"}});
    auto bytes = target.encoded(target.numbered(last_data_at(target.tag, 0, 0)), pattern(100));
    bytes.back() ^= std::byte{1};
    const auto refused = target.deliver(bytes);
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, to_error_code(wire_errc::data_digest_mismatch));
    EXPECT_TRUE(target.no_event());
    EXPECT_EQ(target.session_under_test.statistics().digest_err, 1U);
    EXPECT_TRUE(target.session_under_test.write_plan().empty());
    target.lose_transport();
    EXPECT_EQ(target.session_under_test.unfinished_tasks(), 1U);
}

TEST(read, follows_the_status_numbers) {
    one_read target(100);
    auto old = target.numbered(answer(target.tag));
    --target.status_sn;
    old.status_sn -= 1;
    old.initiator_task_tag -= 0x1'0000; // of a task that was answered long ago
    EXPECT_TRUE(target.say_as_is(old)) << "a repetition: ignored";
    EXPECT_TRUE(target.no_event());
    ++target.status_sn;
    const auto refused = target.say(answer(target.tag));
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::status_sn_gap));
}

TEST(read, acknowledges_status_numbers_in_what_it_sends) {
    one_read target(100);
    ASSERT_TRUE(target.say(answer(target.tag, 2)));
    target.expect_event<task_done>();
    target.submit(read_command(target.room));
    EXPECT_EQ(target.hear_one<scsi_command>().expected_status_sn, target.status_sn);
}

TEST(submit, has_one_slot_for_each_task) {
    logged_in_peer target;
    buffer room(4);
    EXPECT_EQ(target.session_under_test.free_slots(), 16U);
    std::vector<task_id> tags;
    for (std::size_t i = 0; i < 16; ++i)
        tags.push_back(target.submit(read_command(room)));
    const auto refused = target.session_under_test.submit(read_command(room), target.now);
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::no_free_slot));
    target.hear();
    ASSERT_TRUE(target.say(answer(tags[5], 8)));
    EXPECT_EQ(target.session_under_test.free_slots(), 0U);
    EXPECT_EQ(target.session_under_test.unfinished_tasks(), 15U);
    EXPECT_EQ(target.expect_event<task_done>().task, tags[5]);
    EXPECT_EQ(target.session_under_test.free_slots(), 1U);
}

TEST(submit, refuses_both_directions_at_once) {
    logged_in_peer target;
    buffer room(4);
    auto both = read_command(room);
    both.data_out = room;
    EXPECT_TRUE(target.session_under_test.submit(both, target.now).has_error());
}

TEST(window, holds_commands_back_in_their_order_and_lets_pings_pass) {
    peer target(plain_config());
    target.window = 2;
    target.start_session();
    buffer room(4);
    std::vector<task_id> waiting;
    for (int i = 0; i < 5; ++i)
        waiting.push_back(target.session_under_test.submit(read_command(room), target.now).value());
    EXPECT_EQ(target.hear().size(), 2U);
    nop_in ping;
    ping.target_transfer_tag = 9;
    auto closed = target.numbered(ping);
    closed.max_command_sn = closed.expected_command_sn - 1;
    ASSERT_TRUE(target.say_as_is(closed));
    EXPECT_EQ(target.hear_one<nop_out>().target_transfer_tag, 9U);
    EXPECT_TRUE(target.silent());
    ASSERT_TRUE(target.say(answer(waiting[0], 8)));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, waiting[2]);
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, waiting[3]);
    EXPECT_TRUE(target.silent());
}

} // namespace
} // namespace iscsi::test
