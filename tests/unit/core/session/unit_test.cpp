#include "tests/unit/core/session/said.hpp"

#include "libiscsi/core/session/delivery.hpp"
#include "libiscsi/core/session/flow_limit.hpp"
#include "libiscsi/core/session/unit_set.hpp"
#include "libiscsi/core/session/unit_states.hpp"

#include <gtest/gtest.h>

// Logical units: their states, and that none waits for another.
namespace iscsi::test {
namespace {

using namespace std::chrono_literals;

lun_field lun_of(unsigned number) {
    lun_field lun{};
    lun[1] = static_cast<std::byte>(number);
    return lun;
}

command of_unit(unsigned number, command what) {
    what.lun = lun_of(number);
    return what;
}

// ---- the table --------------------------------------------------------------------------------

constexpr std::array every_state{
    unit_state::open,
    unit_state::asked,
    unit_state::reset_pending,
    unit_state::reset_asked,
    unit_state::replaying,
    unit_state::replaying_asked,
    unit_state::lost,
    unit_state::lost_asked};

TEST(unit_states, let_nothing_go_while_somebody_asks_but_questions) {
    for (const auto now : every_state) {
        const auto asked = advance(now, unit_event::hold);
        EXPECT_FALSE(lets_all_go(asked));
        EXPECT_FALSE(lets_replays_go(asked));
        EXPECT_EQ(lets_questions_go(asked), lets_questions_go(now));
        EXPECT_EQ(advance(asked, unit_event::hold), asked) << "twice is once";
        EXPECT_EQ(wants_reset(advance(asked, unit_event::let_go)), wants_reset(now));
    }
}

TEST(unit_states, keep_the_need_of_a_reset_until_it_is_over) {
    for (const auto now : every_state) {
        const auto lost = advance(now, unit_event::writes_lost);
        EXPECT_TRUE(wants_reset(lost));
        EXPECT_FALSE(lets_questions_go(lost));
        for (const auto what : {unit_event::hold, unit_event::let_go, unit_event::replays_over})
            EXPECT_TRUE(wants_reset(advance(lost, what)));
        EXPECT_FALSE(wants_reset(advance(lost, unit_event::reset_over)));
    }
}

// ---- no unit waits for another ----------------------------------------------------------------

session_config without_pings() {
    auto config = plain_config();
    config.timeouts.noop_out_interval = 0s;
    return config;
}

struct units_peer : logged_in_peer {
    explicit units_peer(const session_config& config = without_pings()) : logged_in_peer(config) {}

    void lose_and_come_back() {
        lose_transport();
        pass(2s);
        connect();
        log_in();
        expect_event<logged_in>();
    }

    result<void> conclude(const task_management_request& request) {
        task_management_response pdu;
        pdu.initiator_task_tag = request.initiator_task_tag;
        return say(pdu);
    }

    const buffer data = pattern(100);
    buffer room = buffer(100);
};

TEST(unit, that_waits_for_a_reset_holds_no_other) {
    units_peer target;
    const auto write = target.submit(of_unit(1, write_command(target.data)));
    target.hear();
    target.lose_transport();
    auto question = of_unit(1, read_command(target.room));
    question.goes_ahead = true;
    const auto asked = target.submit(question);
    const auto elsewhere = target.submit(of_unit(2, read_command(target.room)));
    target.pass(2s);
    target.connect();
    target.log_in();
    const auto reset = target.hear_one<task_management_request>();
    EXPECT_EQ(reset.lun, lun_of(1));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, elsewhere);
    EXPECT_TRUE(target.silent());
    ASSERT_TRUE(target.conclude(reset));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, asked);
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, write);
}

TEST(unit, that_is_asked_and_reset_needs_both_ends) {
    for (const bool reset_first : {true, false}) {
        units_peer target;
        const auto write = target.submit(of_unit(1, write_command(target.data)));
        target.hear();
        target.lose_and_come_back();
        target.session_under_test.hold(lun_of(1));
        const auto reset = target.hear_one<task_management_request>();
        if (reset_first) {
            ASSERT_TRUE(target.conclude(reset));
            EXPECT_TRUE(target.silent());
            target.session_under_test.let_go(lun_of(1));
        } else {
            target.session_under_test.let_go(lun_of(1));
            EXPECT_TRUE(target.silent());
            ASSERT_TRUE(target.conclude(reset));
        }
        EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, write);
    }
}

// A flush that goes out again keeps newer commands of its unit waiting although no reset is due.
TEST(unit, lets_new_commands_go_when_the_last_replay_has_ended_in_any_way) {
    units_peer target;
    command flush;
    flush.cdb[0] = std::byte{0x91};
    const auto old = target.submit(flush);
    target.hear();
    target.lose_and_come_back();
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, old);
    const auto newer = target.submit(read_command(target.room));
    EXPECT_TRUE(target.silent());
    target.session_under_test.abort(old, target.now);
    target.hear();
    target.lose_transport();
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::aborted);
    target.pass(2s);
    target.connect();
    target.log_in();
    target.expect_event<logged_in>();
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, newer);
}

// ---- turns ------------------------------------------------------------------------------------

TEST(unit, gives_way_to_another_after_its_turn) {
    units_peer target;
    buffer much(64 * 1024);
    std::vector<task_id> many;
    for (int i = 0; i < 8; ++i)
        many.push_back(target.submit(of_unit(1, read_command(much))));
    const auto few = target.submit(of_unit(2, read_command(target.room)));
    const auto heard = target.hear();
    ASSERT_EQ(heard.size(), 9U);
    const auto place = std::find_if(heard.begin(), heard.end(), [&](const sent_pdu& each) {
        return std::get<scsi_command>(each.pdu).initiator_task_tag == few;
    });
    EXPECT_LE(place - heard.begin(), 2) << "and not behind all of the other unit's";
}

TEST(unit, has_only_its_share_of_reads_out_while_another_works) {
    units_peer target;
    buffer much(1024 * 1024);
    target.submit(of_unit(2, read_command(target.room)));
    target.hear();
    for (int i = 0; i < 8; ++i)
        target.submit(of_unit(1, read_command(much)));
    EXPECT_EQ(target.hear().size(), 1U);
    const auto another = target.submit(of_unit(2, read_command(target.room)));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, another) << "small, at once";
}

TEST(unit, owes_data_in_turn_with_others) {
    units_peer target;
    const auto much = pattern(60'000);
    std::vector<task_id> writes;
    for (const unsigned number : {1U, 1U, 1U, 2U})
        writes.push_back(target.submit(of_unit(number, write_command(much))));
    target.hear();
    target.send_limit = 48;
    for (std::size_t i = 0; i < writes.size(); ++i) {
        auto request = ask(writes[i], 0, 8192, 40'000);
        request.lun = lun_of(i == 3 ? 2 : 1);
        ASSERT_TRUE(target.say(request));
    }
    target.send_limit = SIZE_MAX;
    std::size_t before_the_last = 0;
    for (const auto& each : target.hear()) {
        const auto& pdu = std::get<data_out>(each.pdu);
        if (pdu.initiator_task_tag == writes[3] && pdu.final)
            break;
        ++before_the_last;
    }
    EXPECT_LE(before_the_last, 10U) << "five of its own, and five of the other unit's fifteen";
}

TEST(unit, leaves_a_few_slots_to_others) {
    units_peer target;
    auto& tested = target.session_under_test;
    EXPECT_EQ(tested.free_slots(lun_of(1)), 16U) << "it is alone";
    target.submit(of_unit(2, read_command(target.room)));
    EXPECT_EQ(tested.free_slots(lun_of(1)), 14U);
    while (tested.free_slots(lun_of(1)) > 0)
        target.submit(of_unit(1, read_command(target.room)));
    EXPECT_EQ(tested.free_slots(), 1U);
    EXPECT_EQ(tested.free_slots(lun_of(2)), 1U);
}

// ---- what the link carries --------------------------------------------------------------------

constexpr instant noon{std::chrono::hours(12)};

TEST(flow_limit, follows_what_has_moved) {
    flow_limit flow;
    flow.begin(100 << 20, noon);
    EXPECT_FALSE(flow.has_room());
    flow.moved(1 << 20, noon + 10ms); // 100 MiB/s
    EXPECT_EQ(flow.limit(), 200U << 20U);
    EXPECT_TRUE(flow.has_room());
    flow.moved(10 << 10, noon + 110ms); // 100 KiB/s
    EXPECT_EQ(flow.limit(), flow_limit::least);
    EXPECT_FALSE(flow.has_room());
    flow.drop(100 << 20);
    EXPECT_TRUE(flow.has_room());
}

TEST(delivery, bounds_what_is_on_its_way_by_the_answers_to_its_probes) {
    delivery link(true);
    link.restart(1000);
    EXPECT_FALSE(link.wants_probe(1000 + 127 * 1024));
    EXPECT_TRUE(link.wants_probe(1000 + 128 * 1024));
    link.probe_sent(7, 1000 + 128 * 1024, noon);
    EXPECT_FALSE(link.wants_probe(1000 + 200 * 1024)) << "one is out";
    EXPECT_TRUE(link.has_room(1000 + 255 * 1024, noon));
    EXPECT_FALSE(link.has_room(1000 + 256 * 1024, noon));
    link.probe_answered(8, noon + 1s);     // of somebody else
    link.probe_answered(7, noon + 1280ms); // 100 KiB/s
    EXPECT_FALSE(link.has_room(1000 + (128 + 64) * 1024, noon + 2s));
    EXPECT_TRUE(link.has_room(1000 + (128 + 63) * 1024, noon + 2s));
    EXPECT_EQ(link.longest_piece(), 64U * 1024);
}

TEST(delivery, has_one_probe_out_at_a_time) {
    delivery bound(true);
    bound.restart(0);
    bound.probe_sent(1, 1000, instant(1s));
    bound.probe_sent(2, 2000, instant(2s)); // a NOP that was sent for another reason
    bound.probe_answered(2, instant(3s));
    EXPECT_FALSE(bound.wants_probe(1U << 30U)) << "the first one is still out";
    bound.probe_answered(1, instant(4s));
    EXPECT_TRUE(bound.wants_probe(1U << 30U));
}

// ---- who works --------------------------------------------------------------------------------

TEST(recent_units, know_whether_another_one_was_there_lately) {
    unit first(lun_of(0), 0);
    unit second(lun_of(1), 1);
    recent_units seen;
    EXPECT_FALSE(seen.has_other(first, instant(0s)));
    seen.note(first, instant(1s));
    seen.note(first, instant(2s));
    EXPECT_FALSE(seen.has_other(first, instant(0s)));
    EXPECT_TRUE(seen.has_other(second, instant(2s)));
    EXPECT_FALSE(seen.has_other(second, instant(3s))) << "too long ago";
    seen.note(second, instant(4s));
    EXPECT_TRUE(seen.has_other(first, instant(4s)));
    EXPECT_TRUE(seen.has_other(second, instant(2s)));
    EXPECT_FALSE(seen.has_other(second, instant(3s)));
    seen.clear();
    EXPECT_FALSE(seen.has_other(first, instant(0s)));
}

TEST(delivery, does_not_wait_for_a_target_that_ignores_nops) {
    delivery link(true);
    link.restart(0);
    link.probe_sent(7, 256 * 1024, noon);
    EXPECT_FALSE(link.has_room(256 * 1024, noon + 10s));
    EXPECT_TRUE(link.has_room(256 * 1024, noon + 11s));
    delivery silent(false);
    silent.restart(0);
    EXPECT_TRUE(silent.has_room(1 << 30, noon));
    EXPECT_FALSE(silent.wants_probe(1 << 30));
}

} // namespace
} // namespace iscsi::test
