#include "tests/unit/core/session/peer.hpp"

#include <gtest/gtest.h>

namespace iscsi::test {
namespace {

scsi_response good(std::uint32_t tag) {
    scsi_response response;
    response.initiator_task_tag = tag;
    return response;
}

data_in data_for(std::uint32_t tag, std::uint32_t sn, std::uint32_t offset) {
    data_in pdu;
    pdu.initiator_task_tag = tag;
    pdu.data_sn = sn;
    pdu.buffer_offset = offset;
    return pdu;
}

TEST(session, logs_in) {
    peer target(plain_config());
    target.start_session();
    EXPECT_FALSE(target.expect_event<logged_in>().again);
    EXPECT_EQ(target.session_under_test.connection(), connection_state::logged_in);
    EXPECT_EQ(target.session_under_test.state(), session_state::logged_in);
    EXPECT_TRUE(target.silent());
}

TEST(session, reads_with_status_in_the_last_data_pdu) {
    peer target(plain_config());
    target.start_session();
    target.expect_event<logged_in>();
    const auto sent = pattern(10'000);
    buffer room(sent.size());
    const auto task = target.session_under_test.submit(read_command(room, 42), target.now).value();

    const auto command = target.hear_one<scsi_command>();
    EXPECT_TRUE(command.read);
    EXPECT_TRUE(command.final);
    EXPECT_EQ(command.expected_data_transfer_length, 10'000U);
    EXPECT_EQ(command.initiator_task_tag, task);

    ASSERT_TRUE(target.say(data_for(task, 0, 0), {sent.begin(), sent.begin() + 8192}));
    auto last = data_for(task, 1, 8192);
    last.final = last.has_status = true;
    EXPECT_TRUE(target.no_event());
    ASSERT_TRUE(target.say(last, {sent.begin() + 8192, sent.end()}));

    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.cookie, 42U);
    EXPECT_EQ(done.task, task);
    EXPECT_EQ(done.outcome, task_result::answered);
    EXPECT_EQ(done.transferred, 10'000U);
    EXPECT_EQ(room, sent);
    EXPECT_TRUE(target.no_event());
}

TEST(session, writes_immediate_data_and_what_r2ts_ask_for) {
    peer target(plain_config());
    target.start_session();
    target.expect_event<logged_in>();
    const auto data = pattern(30'000);
    const auto task = target.session_under_test.submit(write_command(data), target.now).value();

    buffer heard;
    const auto command = target.hear_one<scsi_command>(&heard);
    EXPECT_TRUE(command.write);
    EXPECT_TRUE(command.final);
    EXPECT_EQ(heard.size(), 8192U);

    r2t ask;
    ask.initiator_task_tag = task;
    ask.target_transfer_tag = 0x1234;
    ask.buffer_offset = 8192;
    ask.desired_data_transfer_length = 30'000 - 8192;
    ASSERT_TRUE(target.say(ask));
    std::uint32_t sn = 0;
    for (const auto& each : target.hear()) {
        const auto& pdu = std::get<data_out>(each.pdu);
        EXPECT_EQ(pdu.target_transfer_tag, 0x1234U);
        EXPECT_EQ(pdu.data_sn, sn++);
        EXPECT_EQ(pdu.buffer_offset, heard.size());
        heard.insert(heard.end(), each.data.begin(), each.data.end());
        EXPECT_EQ(pdu.final, heard.size() == data.size());
    }
    EXPECT_EQ(heard, data);
    ASSERT_TRUE(target.say(good(task)));
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.outcome, task_result::answered);
    EXPECT_EQ(done.transferred, 30'000U);
}

TEST(session, logs_out) {
    peer target(plain_config());
    target.start_session();
    target.expect_event<logged_in>();
    target.session_under_test.logout(target.now);
    const auto request = target.hear_one<logout_request>();
    EXPECT_EQ(request.reason, logout_reason::close_session);
    logout_response response;
    response.initiator_task_tag = request.initiator_task_tag;
    ASSERT_TRUE(target.say(response));
    EXPECT_TRUE(target.expect_event<logged_out>().clean);
    target.lose_transport();
    EXPECT_TRUE(target.no_event());
    EXPECT_TRUE(target.session_under_test.submit(read_command({}), target.now).has_error());
}

TEST(session, reissues_tasks_in_their_order_after_a_lost_transport) {
    peer target(plain_config());
    target.start_session();
    target.expect_event<logged_in>();
    buffer room(512);
    std::vector<task_id> tasks;
    for (std::uint64_t i = 0; i < 3; ++i)
        tasks.push_back(target.session_under_test.submit(read_command(room, i), target.now).value()
        );
    EXPECT_EQ(target.hear().size(), 3U);
    target.lose_transport();
    EXPECT_TRUE(target.no_event());
    target.pass(std::chrono::seconds(2));
    target.connect();
    target.log_in();
    EXPECT_TRUE(target.expect_event<logged_in>().again);
    for (const auto task : tasks)
        EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, task);
}

} // namespace
} // namespace iscsi::test
