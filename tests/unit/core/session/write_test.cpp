#include "tests/unit/core/session/said.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace iscsi::test {
namespace {

// ImmediateData × InitialR2T, with a target that takes segments of 1000 bytes.
TEST(write, sends_unasked_what_was_negotiated) {
    struct example {
        const char* immediate_data;
        const char* initial_r2t;
        std::size_t size;
        std::size_t immediate;
        std::vector<std::size_t> unsolicited;
    };

    const std::vector<example> examples{
        {"Yes", "Yes", 5000, 1000, {}},
        {"Yes", "Yes", 500, 500, {}},
        {"No", "Yes", 5000, 0, {}},
        {"Yes", "No", 5000, 1000, {1000, 500}}, // FirstBurstLength 2500
        {"Yes", "No", 1001, 1000, {1}},
        {"Yes", "No", 1000, 1000, {}},
        {"No", "No", 5000, 0, {1000, 1000, 500}},
        {"No", "No", 2, 0, {2}},
    };
    for (const auto& each : examples) {
        auto config = plain_config();
        config.offer.immediate_data = std::string(each.immediate_data) == "Yes";
        logged_in_peer target(
            config,
            {{"ImmediateData", each.immediate_data},
             {"InitialR2T", each.initial_r2t},
             {"FirstBurstLength", "2500"},
             {"MaxRecvDataSegmentLength", "1000"}}
        );
        const auto data = pattern(each.size);
        const auto tag = target.submit(write_command(data));
        const auto heard = target.hear();
        ASSERT_EQ(heard.size(), 1 + each.unsolicited.size()) << each.size;
        const auto& command = std::get<scsi_command>(heard[0].pdu);
        EXPECT_EQ(heard[0].data.size(), each.immediate);
        EXPECT_EQ(command.final, each.unsolicited.empty());
        auto all = heard[0].data;
        for (std::size_t i = 0; i < each.unsolicited.size(); ++i) {
            const auto& pdu = std::get<data_out>(heard[i + 1].pdu);
            EXPECT_EQ(pdu.initiator_task_tag, tag);
            EXPECT_EQ(pdu.target_transfer_tag, reserved_tag);
            EXPECT_EQ(pdu.data_sn, i);
            EXPECT_EQ(pdu.buffer_offset, all.size());
            EXPECT_EQ(pdu.final, i + 1 == each.unsolicited.size());
            EXPECT_EQ(heard[i + 1].data.size(), each.unsolicited[i]);
            all.insert(all.end(), heard[i + 1].data.begin(), heard[i + 1].data.end());
        }
        EXPECT_TRUE(std::equal(all.begin(), all.end(), data.begin()));

        const auto left = static_cast<std::uint32_t>(data.size() - all.size());
        if (left > 0) {
            ASSERT_TRUE(target.say(ask(tag, 0, static_cast<std::uint32_t>(all.size()), left)));
        }
        for (const auto& more : target.hear())
            all.insert(all.end(), more.data.begin(), more.data.end());
        EXPECT_EQ(all, data);
        ASSERT_TRUE(target.say(answer(tag)));
        EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::answered);
    }
}

struct one_write : logged_in_peer {
    explicit one_write(
        std::size_t size,
        const std::map<std::string, std::string>& answers = {},
        const session_config& config = plain_config()
    )
        : logged_in_peer(config, answers), data(pattern(size)), tag(submit(write_command(data))) {
        hear();
    }

    buffer data;
    task_id tag;
};

TEST(write, refuses_r2ts_that_break_the_rules) {
    struct example {
        const char* what;
        std::function<void(r2t&)> spoil;
        session_errc expected;
    };

    const std::vector<example> examples{
        {"R2TSN", [](r2t& p) { p.r2t_sn = 1; }, session_errc::r2t_sn_gap},
        {"nothing",
         [](r2t& p) { p.desired_data_transfer_length = 0; },
         session_errc::r2t_out_of_range},
        {"more than a burst",
         [](r2t& p) { p.desired_data_transfer_length = 262'145; },
         session_errc::r2t_out_of_range},
        {"behind the end",
         [](r2t& p) { p.buffer_offset = 300'001; },
         session_errc::r2t_out_of_range},
        {"over the end", [](r2t& p) { p.buffer_offset = 299'901; }, session_errc::r2t_out_of_range},
        {"wrap",
         [](r2t& p) {
             p.buffer_offset = 0xffff'ff00;
             p.desired_data_transfer_length = 0x200;
         },
         session_errc::r2t_out_of_range},
        {"gap", [](r2t& p) { p.buffer_offset = 8193; }, session_errc::data_out_of_order},
        {"again", [](r2t& p) { p.buffer_offset = 8191; }, session_errc::data_out_of_order},
        {"unknown", [](r2t& p) { p.initiator_task_tag = 0x0001'0009; }, session_errc::unknown_task},
    };
    for (const auto& each : examples) {
        one_write target(300'000);
        auto pdu = ask(target.tag, 0, 8192, 100);
        each.spoil(pdu);
        const auto refused = target.say(pdu);
        ASSERT_TRUE(refused.has_error()) << each.what;
        EXPECT_EQ(refused.error().code, code(each.expected)) << each.what;
    }
}

TEST(write, refuses_r2ts_for_a_read) {
    logged_in_peer target;
    buffer room(1000);
    const auto tag = target.submit(read_command(room));
    target.hear();
    const auto refused = target.say(ask(tag, 0, 0, 100));
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::unexpected_pdu));
}

TEST(write, counts_outstanding_r2ts) {
    auto config = plain_config();
    config.offer.max_outstanding_r2t = 2;
    one_write target(100'000, {{"MaxOutstandingR2T", "2"}}, config);
    ASSERT_TRUE(target.say(ask(target.tag, 0, 8192, 10'000)));
    ASSERT_TRUE(target.say(ask(target.tag, 1, 18'192, 10'000)));
    EXPECT_EQ(target.hear().size(), 4U); // 8192 + 1808, twice
    ASSERT_TRUE(target.say(ask(target.tag, 2, 28'192, 10'000)));
    ASSERT_TRUE(target.say(ask(target.tag, 3, 38'192, 10'000)));
    const auto refused = target.say(ask(target.tag, 4, 48'192, 10'000));
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::too_many_r2ts));
}

TEST(write, lets_large_writes_take_turns) {
    logged_in_peer target;
    const auto data = pattern(100'000);
    const auto first = target.submit(write_command(data));
    const auto second = target.submit(write_command(data));
    target.hear();
    ASSERT_TRUE(target.say(ask(first, 0, 8192, 40'000)));
    ASSERT_TRUE(target.say(ask(second, 0, 8192, 40'000)));
    std::vector<task_id> order;
    for (const auto& each : target.hear())
        order.push_back(std::get<data_out>(each.pdu).initiator_task_tag);
    EXPECT_EQ(
        order,
        (std::vector{first, second, first, second, first, second, first, second, first, second})
    );
}

TEST(write, sends_unsolicited_data_in_the_order_of_the_commands) {
    logged_in_peer target(plain_config(), {{"InitialR2T", "No"}});
    const auto data = pattern(40'000);
    const auto first = target.submit(write_command(data));
    const auto second = target.submit(write_command(data));
    std::vector<task_id> order;
    for (const auto& each : target.hear())
        if (const auto* pdu = std::get_if<data_out>(&each.pdu))
            order.push_back(pdu->initiator_task_tag);
    EXPECT_EQ(order, (std::vector{first, first, first, first, second, second, second, second}));
}

TEST(write, lets_unsolicited_data_and_answers_to_r2ts_take_turns) {
    logged_in_peer target(plain_config(), {{"InitialR2T", "No"}, {"FirstBurstLength", "24576"}});
    const auto data = pattern(100'000);
    const auto asked = target.submit(write_command(data));
    target.hear();
    ASSERT_TRUE(target.say(ask(asked, 0, 24'576, 75'424)));
    const auto unasked = target.submit(write_command(data));
    std::vector<task_id> order;
    for (const auto& each : target.hear())
        if (const auto* pdu = std::get_if<data_out>(&each.pdu))
            order.push_back(pdu->initiator_task_tag);
    ASSERT_EQ(order.size(), 12U); // 2 unsolicited among 10
    order.resize(6);
    EXPECT_EQ(std::count(order.begin(), order.end(), unasked), 2);
}

TEST(write, answers_an_r2t_behind_its_unsolicited_data) {
    logged_in_peer target(plain_config(), {{"InitialR2T", "No"}, {"FirstBurstLength", "20000"}});
    const auto data = pattern(30'000);
    const auto tag = target.submit(write_command(data));
    const auto plan = target.session_under_test.write_plan(); // nothing has left yet
    ASSERT_FALSE(plan.empty());
    ASSERT_TRUE(target.say(ask(tag, 0, 20'000, 10'000)));
    std::vector<std::uint32_t> offsets;
    for (const auto& each : target.hear())
        if (const auto* pdu = std::get_if<data_out>(&each.pdu))
            offsets.push_back(pdu->buffer_offset);
    EXPECT_EQ(offsets, (std::vector<std::uint32_t>{8192, 16'384, 20'000, 28'192}));
}

TEST(write, stops_at_a_pdu_boundary_when_the_answer_comes_early) {
    one_write target(100'000);
    ASSERT_TRUE(target.say(ask(target.tag, 0, 8192, 91'808)));
    const auto plan = target.session_under_test.write_plan();
    ASSERT_GT(plan.size(), 4U);
    ASSERT_TRUE(target.say(answer(target.tag, 2)));
    EXPECT_TRUE(target.no_event()) << "a send may still read the data";
    target.session_under_test.sent(48 + 8192 + 10, target.now); // into the second PDU
    EXPECT_TRUE(target.no_event()) << "the second PDU must leave whole";
    const auto rest = target.session_under_test.write_plan();
    std::size_t size = 0;
    for (const auto part : rest)
        size += part.size();
    EXPECT_EQ(size, 48U + 8192U - 10U);
    target.session_under_test.sent(size, target.now);
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.status, 2U);
    EXPECT_EQ(done.transferred, 3U * 8192U);
    EXPECT_TRUE(target.session_under_test.write_plan().empty());
}

TEST(write, completes_when_the_transport_releases_its_data) {
    one_write target(20'000);
    ASSERT_TRUE(target.say(ask(target.tag, 0, 8192, 11'808)));
    ASSERT_FALSE(target.session_under_test.write_plan().empty());
    ASSERT_TRUE(target.say(answer(target.tag)));
    EXPECT_TRUE(target.no_event());
    target.lose_transport();
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.outcome, task_result::answered); // the target says that it has it all
    EXPECT_EQ(done.transferred, 20'000U);
    EXPECT_EQ(target.session_under_test.unfinished_tasks(), 0U);
}

TEST(write, is_not_good_when_the_target_did_not_take_all) {
    one_write target(20'000);
    ASSERT_TRUE(target.say(answer(target.tag)));
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.outcome, task_result::short_data);
    EXPECT_EQ(done.transferred, 8192U);
}

TEST(write, is_good_when_the_residual_says_what_was_not_used) {
    one_write target(20'000);
    auto response = answer(target.tag);
    response.residual_underflow = true;
    response.residual_count = 12'000;
    ASSERT_TRUE(target.say(response));
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.outcome, task_result::answered);
    EXPECT_EQ(done.transferred, 8000U);
}

TEST(write, ignores_r2ts_of_a_task_that_is_over) {
    one_write target(20'000);
    ASSERT_TRUE(target.say(answer(target.tag, 2)));
    target.expect_event<task_done>();
    EXPECT_TRUE(target.say(ask(target.tag, 0, 8192, 100)));
    EXPECT_TRUE(target.silent());
}

// One write plan holds a bounded piece of a huge write: the rest waits its turn.
TEST(write, makes_data_pdus_as_they_are_needed) {
    auto config = plain_config();
    config.offer.max_burst_length = 16'776'192;
    config.timeouts.noop_out_interval = duration::zero(); // or NOPs would ask how far it has come
    one_write target(
        3'000'000, {{"MaxBurstLength", "16776192"}, {"MaxRecvDataSegmentLength", "4096"}}, config
    );
    ASSERT_TRUE(target.say(ask(target.tag, 0, 4096, 3'000'000 - 4096)));
    const auto plan = target.session_under_test.write_plan();
    EXPECT_LE(plan.size(), 256U);
    buffer all(target.data.begin(), target.data.begin() + 4096);
    for (const auto& each : target.hear())
        all.insert(all.end(), each.data.begin(), each.data.end());
    EXPECT_EQ(all, target.data);
}

} // namespace
} // namespace iscsi::test
