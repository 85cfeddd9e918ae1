#include "tests/unit/core/session/peer.hpp"
#include "tests/unit/core/session/said.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <vector>

// A target that keeps its command window shut (RFC 7143 §4.2.2.1) although it has nothing of ours.
namespace iscsi::test {
namespace {

using namespace std::chrono_literals;

session_config config_with(duration noop_interval, duration replacement) {
    auto config = plain_config();
    config.timeouts.noop_out_interval = noop_interval;
    config.timeouts.replacement = replacement;
    return config;
}

struct shut_peer : peer {
    explicit shut_peer(const session_config& config) : peer(config) {
        window = 0;
        start_session();
        expect_event<logged_in>();
    }

    task_id submit(std::uint64_t cookie = 1) {
        return session_under_test.submit(read_command(room, cookie), now).value();
    }

    // Pings are answered, so that only the window is at fault. True: no command has come.
    bool hears_no_command(duration time) {
        bool none = true;
        for (const auto end = now + time; now < end; pass(1s))
            for (const auto& each : hear()) {
                none = none && std::holds_alternative<nop_out>(each.pdu);
                answer_ping(each);
            }
        return none;
    }

    void answer_ping(const sent_pdu& heard) {
        const auto* const ping = std::get_if<nop_out>(&heard.pdu);
        if (ping == nullptr)
            return;
        nop_in pong;
        pong.initiator_task_tag = ping->initiator_task_tag;
        ASSERT_TRUE(say(pong));
    }

    void expect_shut() {
        EXPECT_EQ(expect_event<want_close>().why.code, to_error_code(session_errc::window_shut));
    }

    void come_back() {
        lose_transport();
        pass(2s);
        connect();
        log_in();
        expect_event<logged_in>();
    }

    buffer room = buffer(4);
};

class shut_window : public testing::TestWithParam<duration> {};

INSTANTIATE_TEST_SUITE_P(
    with_and_without_nops, shut_window, testing::Values(duration(5s), duration::zero())
);

TEST_P(shut_window, costs_the_connection_and_no_command) {
    shut_peer target(config_with(GetParam(), 120s));
    target.submit();
    EXPECT_TRUE(target.hears_no_command(29s));
    EXPECT_TRUE(target.no_event());
    EXPECT_TRUE(target.hears_no_command(2s));
    target.expect_shut();
    target.window = 64;
    target.come_back();
    const auto command = target.hear_one<scsi_command>();
    EXPECT_TRUE(target.say(answer(command.initiator_task_tag, 4)));
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::answered);
}

TEST_P(shut_window, ends_what_waits_after_the_replacement_timeout) {
    shut_peer target(config_with(GetParam(), 60s));
    target.submit();
    EXPECT_TRUE(target.hears_no_command(31s));
    target.expect_shut();
    target.come_back();
    EXPECT_TRUE(target.hears_no_command(31s));
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::lost);
    target.expect_shut();
}

TEST_P(shut_window, is_waited_for_without_end_when_nothing_is_to_be_replaced) {
    shut_peer target(config_with(GetParam(), -1s));
    target.submit();
    for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(target.hears_no_command(31s));
        target.expect_shut();
        ASSERT_NO_FATAL_FAILURE(target.come_back());
    }
    EXPECT_EQ(target.session_under_test.unfinished_tasks(), 1U);
}

TEST_P(shut_window, of_a_session_without_work_is_nothing) {
    shut_peer target(config_with(GetParam(), 60s));
    EXPECT_TRUE(target.hears_no_command(300s));
    EXPECT_TRUE(target.no_event());
}

// It opens with the answer; how long that may take is the command's affair.
TEST_P(shut_window, behind_a_command_is_usual) {
    shut_peer target(config_with(GetParam(), 60s));
    target.window = 1;
    target.come_back();
    target.submit(1);
    target.submit(2);
    const auto slow = target.hear_one<scsi_command>();
    target.window = 0;
    EXPECT_TRUE(target.hears_no_command(300s));
    EXPECT_TRUE(target.no_event());
    target.window = 1;
    EXPECT_TRUE(target.say(answer(slow.initiator_task_tag, 4)));
    target.expect_event<task_done>();
    EXPECT_FALSE(target.hears_no_command(1s));
}

// ---- units share it -----------------------------------------------------------------------------

// The window opens with answers only, and these units give none until the test does.
struct hung_units : peer {
    explicit hung_units(std::uint32_t places) : peer(config_for_many()) {
        window = places;
        start_session();
        expect_event<logged_in>();
    }

    static session_config config_for_many() {
        auto config = plain_config();
        config.commands_max = 256;
        return config;
    }

    void submit(unsigned unit, unsigned times) {
        for (unsigned i = 0; i < times; ++i) {
            auto what = read_command(room);
            what.lun[1] = static_cast<std::byte>(unit);
            ASSERT_TRUE(session_under_test.submit(what, now));
        }
    }

    // The commands that have come since, by unit.
    std::map<unsigned, std::vector<task_id>> commands() {
        std::map<unsigned, std::vector<task_id>> all;
        for (const auto& each : hear())
            if (const auto* const command = std::get_if<scsi_command>(&each.pdu))
                all[std::to_integer<unsigned>(command->lun[1])].push_back(
                    command->initiator_task_tag
                );
        return all;
    }

    buffer room = buffer(4);
};

class shared_window : public testing::TestWithParam<std::uint32_t> {};

INSTANTIATE_TEST_SUITE_P(of_places, shared_window, testing::Values(4U, 8U, 64U));

TEST_P(shared_window, leaves_places_for_a_unit_that_has_none) {
    hung_units target(GetParam());
    for (unsigned unit = 1; unit <= 2; ++unit)
        target.submit(unit, 40);
    const auto hung = target.commands();
    for (unsigned unit = 1; unit <= 2; ++unit) {
        EXPECT_LE(hung.at(unit).size(), std::max<std::size_t>(1, GetParam() / 4));
        EXPECT_GE(hung.at(unit).size(), 1U);
    }
    target.submit(0, 1);
    EXPECT_EQ(target.commands()[0].size(), 1U) << "at once";
}

// What answers gets nearly all of it.
TEST_P(shared_window, is_no_less_for_a_unit_that_works) {
    hung_units target(GetParam());
    target.submit(1, 1);
    target.commands();
    target.submit(0, 60);
    std::deque<task_id> out;
    std::size_t most = 0;
    for (int i = 0; i < 50; ++i) {
        const auto come = target.commands();
        if (const auto of_unit = come.find(0); of_unit != come.end())
            out.insert(out.end(), of_unit->second.begin(), of_unit->second.end());
        most = std::max(most, out.size());
        ASSERT_FALSE(out.empty());
        // Of what is out one is unit 1's, and one is answered now.
        target.window = GetParam() - static_cast<std::uint32_t>(out.size());
        const auto said = target.say(answer(out.front(), 4));
        ASSERT_TRUE(said) << i << said.error().text();
        out.pop_front();
        target.expect_event<task_done>();
    }
    EXPECT_GE(most, std::max<std::size_t>(1, GetParam() - GetParam() / 8 - 2));
}

TEST(window, belongs_to_the_only_unit) {
    hung_units target(64);
    target.submit(1, 64);
    EXPECT_EQ(target.commands()[1].size(), 64U);
}

} // namespace
} // namespace iscsi::test
