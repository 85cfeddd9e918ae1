#include "libiscsi/core/session/alarms.hpp"
#include "libiscsi/core/session/control_tags.hpp"
#include "libiscsi/core/session/coverage.hpp"
#include "libiscsi/core/session/event_queue.hpp"
#include "libiscsi/core/session/keepalive.hpp"
#include "libiscsi/core/session/lifecycle.hpp"
#include "libiscsi/core/session/status_sequence.hpp"
#include "libiscsi/core/session/task_table.hpp"
#include "libiscsi/core/session/window.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>

namespace iscsi {
namespace {

using namespace std::chrono_literals;

constexpr instant noon{std::chrono::hours(12)};

// ---- command window ---------------------------------------------------------------------------

TEST(command_window, is_closed_until_the_target_has_spoken) {
    command_window window(5);
    EXPECT_FALSE(window.open());
    window.update(5, 6);
    EXPECT_TRUE(window.open());
    EXPECT_EQ(window.take(), 5U);
    EXPECT_EQ(window.take(), 6U);
    EXPECT_FALSE(window.open());
}

TEST(command_window, ignores_older_and_impossible_values) {
    command_window window(10);
    window.update(10, 20);
    window.update(9, 15); // an older response
    for (int i = 0; i < 11; ++i) {
        EXPECT_TRUE(window.open());
        window.take();
    }
    EXPECT_FALSE(window.open());
    window.update(30, 25); // MaxCmdSN < ExpCmdSN - 1
    EXPECT_FALSE(window.open());
    window.update(21, 20); // closed is possible
    EXPECT_FALSE(window.open());
    EXPECT_TRUE(window.acknowledged(20));
    EXPECT_FALSE(window.acknowledged(21));
}

TEST(command_window, passes_the_end_of_the_numbers) {
    command_window window(0xffff'fffe);
    window.update(0xffff'fffe, 1);
    EXPECT_EQ(window.take(), 0xffff'fffeU);
    EXPECT_EQ(window.take(), 0xffff'ffffU);
    EXPECT_EQ(window.take(), 0U);
    EXPECT_TRUE(window.open());
    window.take();
    EXPECT_FALSE(window.open());
    window.update(1, 3);
    EXPECT_TRUE(window.acknowledged(0xffff'ffff));
    EXPECT_TRUE(window.open());
}

TEST(command_window, takes_any_value_after_a_restart) {
    command_window window(10);
    window.update(1'000, 2'000);
    window.restart();
    EXPECT_FALSE(window.open());
    window.update(10, 12);
    EXPECT_TRUE(window.open());
    EXPECT_FALSE(window.acknowledged(10));
}

// ---- StatSN -----------------------------------------------------------------------------------

TEST(status_sequence, begins_with_what_the_target_says_first) {
    status_sequence status;
    EXPECT_EQ(status.expected(), 0U);
    EXPECT_EQ(status.judge(0xffff'ffff), status_order::next);
    status.advance(0xffff'ffff);
    EXPECT_EQ(status.expected(), 0U);
    EXPECT_EQ(status.judge(0), status_order::next);
    EXPECT_EQ(status.judge(0xffff'ffff), status_order::old);
    EXPECT_EQ(status.judge(1), status_order::gap);
    EXPECT_EQ(status.judge(0x8000'0000), status_order::gap); // neither before nor after
}

// ---- coverage ---------------------------------------------------------------------------------

TEST(coverage, counts_data_in_order) {
    coverage covered;
    EXPECT_TRUE(covered.add(0, 100));
    EXPECT_TRUE(covered.add(100, 0));
    EXPECT_TRUE(covered.add(100, 50));
    EXPECT_EQ(covered.contiguous(), 150U);
    EXPECT_EQ(covered.total(), 150U);
    EXPECT_FALSE(covered.add(149, 1));
    covered.clear();
    EXPECT_EQ(covered.total(), 0U);
}

TEST(coverage, agrees_with_a_bitmap_for_any_order) {
    std::mt19937 random(7);
    for (int run = 0; run < 300; ++run) {
        coverage covered;
        std::vector<bool> map(64);
        for (int step = 0; step < 40; ++step) {
            const auto begin = random() % map.size();
            const auto length = random() % (map.size() - begin + 1);
            const auto first = map.begin() + static_cast<long>(begin);
            const auto last = first + static_cast<long>(length);
            const bool fresh = std::find(first, last, true) == last;
            ASSERT_EQ(covered.add(begin, length), fresh);
            if (fresh)
                std::fill(first, last, true);
            const auto gap = std::find(map.begin(), map.end(), false);
            ASSERT_EQ(covered.contiguous(), static_cast<std::uint64_t>(gap - map.begin()));
            ASSERT_EQ(
                covered.total(),
                static_cast<std::uint64_t>(std::count(map.begin(), map.end(), true))
            );
        }
    }
}

// ---- alarms and keepalive ---------------------------------------------------------------------

TEST(alarms, ring_in_order_and_once) {
    alarms set;
    EXPECT_FALSE(set.next());
    set.set(alarm::replacement, noon + 20s);
    set.set(alarm::pause, noon + 10s);
    EXPECT_EQ(set.next(), noon + 10s);
    EXPECT_FALSE(set.take_due(noon + 9s));
    EXPECT_EQ(set.take_due(noon + 30s), alarm::pause);
    EXPECT_EQ(set.take_due(noon + 30s), alarm::replacement);
    EXPECT_FALSE(set.take_due(noon + 30s));
    set.set(alarm::login, noon);
    set.clear(alarm::login);
    EXPECT_FALSE(set.is_set(alarm::login));
    EXPECT_FALSE(set.next());
}

session_timeouts nop_timeouts(duration interval, duration timeout) {
    session_timeouts limits;
    limits.noop_out_interval = interval;
    limits.noop_out_timeout = timeout;
    return limits;
}

TEST(keepalive, asks_a_silent_target_and_then_gives_it_up) {
    const auto limits = nop_timeouts(5s, 3s);
    keepalive life(limits);
    EXPECT_FALSE(life.deadline());
    life.start(noon);
    EXPECT_EQ(life.judge(noon + 4s), keepalive::verdict::fine);
    EXPECT_EQ(life.judge(noon + 5s), keepalive::verdict::ask);
    EXPECT_EQ(life.deadline(), noon + 8s);
    EXPECT_EQ(life.judge(noon + 7s), keepalive::verdict::fine);
    EXPECT_EQ(life.judge(noon + 8s), keepalive::verdict::dead);
    life.stop();
    EXPECT_FALSE(life.deadline());
}

TEST(keepalive, takes_any_byte_as_a_sign_of_life) {
    const auto limits = nop_timeouts(5s, 3s);
    keepalive life(limits);
    life.start(noon);
    EXPECT_EQ(life.judge(noon + 5s), keepalive::verdict::ask);
    life.heard(noon + 7s);
    EXPECT_EQ(life.judge(noon + 9s), keepalive::verdict::fine);
    EXPECT_EQ(life.deadline(), noon + 12s);
}

TEST(keepalive, can_be_switched_off) {
    const auto off = nop_timeouts(0s, 3s);
    keepalive never(off);
    never.start(noon);
    EXPECT_FALSE(never.deadline());
    const auto without_end = nop_timeouts(5s, 0s);
    keepalive patient(without_end);
    patient.start(noon);
    EXPECT_EQ(patient.judge(noon + 5s), keepalive::verdict::ask);
    EXPECT_FALSE(patient.deadline());
}

TEST(keepalive, follows_its_limits_while_it_waits) {
    auto limits = nop_timeouts(5s, 3s);
    keepalive life(limits);
    life.start(noon);
    limits.noop_out_interval = 2s;
    EXPECT_EQ(life.judge(noon + 2s), keepalive::verdict::ask);
    limits.noop_out_timeout = 10s;
    EXPECT_EQ(life.judge(noon + 5s), keepalive::verdict::fine);
    EXPECT_EQ(life.judge(noon + 12s), keepalive::verdict::dead);
}

// ---- tags -------------------------------------------------------------------------------------

TEST(control_tags, are_no_task_slots_and_differ) {
    control_tags tags;
    std::set<std::uint32_t> seen;
    for (int i = 0; i < 1000; ++i) {
        const auto tag = tags.next(control_purpose::text);
        EXPECT_TRUE(seen.insert(tag).second);
        EXPECT_EQ(control_tags::purpose_of(tag), control_purpose::text);
        EXPECT_GE(tag & 0xffffU, 4096U);
    }
    EXPECT_FALSE(control_tags::purpose_of(reserved_tag));
    EXPECT_FALSE(control_tags::purpose_of(0x0001'0003));
}

TEST(task_table, tells_stale_tags_from_forged_ones) {
    task_table table(2, 1);
    auto* first = table.open({});
    auto* second = table.open({});
    ASSERT_TRUE(first != nullptr && second != nullptr);
    EXPECT_EQ(table.open({}), nullptr);
    const auto id = first->id;
    EXPECT_EQ(table.find(id), first);
    EXPECT_FALSE(table.was_closed(id));
    table.close(*first);
    EXPECT_EQ(table.find(id), nullptr);
    EXPECT_TRUE(table.was_closed(id));
    auto* again = table.open({});
    ASSERT_EQ(again, first);
    EXPECT_NE(again->id, id);
    EXPECT_EQ(table.find(id), nullptr);
    EXPECT_TRUE(table.was_closed(id));
    EXPECT_FALSE(table.was_closed(again->id));
    for (const task_id forged : {0U, 1U, 2U, 0x7777'0000U, 0x0001'0002U, reserved_tag}) {
        EXPECT_EQ(table.find(forged), nullptr) << forged;
        EXPECT_FALSE(table.was_closed(forged)) << forged;
    }
}

TEST(task_table, never_gives_the_reserved_tag) {
    task_table table(1, 1);
    for (int i = 0; i < 70'000; ++i) {
        auto* opened = table.open({});
        ASSERT_NE(opened, nullptr);
        ASSERT_NE(opened->id, reserved_tag);
        ASSERT_EQ(opened->id & 0xffffU, 0U);
        table.close(*opened);
    }
}

// ---- events -----------------------------------------------------------------------------------

TEST(event_queue, keeps_order_and_the_data_of_messages) {
    event_queue queue(4);
    const std::vector<std::byte> data{std::byte{1}, std::byte{2}};
    queue.push(logged_in{true});
    queue.push_message({}, data);
    queue.push(want_close{});
    queue.push(gave_up{});
    queue.forget_want_close();
    EXPECT_TRUE(std::holds_alternative<logged_in>(*queue.pop()));
    const auto message = std::get<target_message>(*queue.pop());
    EXPECT_TRUE(std::equal(message.data.begin(), message.data.end(), data.begin(), data.end()));
    EXPECT_TRUE(std::holds_alternative<gave_up>(*queue.pop()));
    EXPECT_FALSE(queue.pop());
}

// ---- the life of a session --------------------------------------------------------------------

constexpr std::array every_life{
    life::idle,
    life::connecting,
    life::in_login,
    life::logged_in,
    life::leaving,
    life::moving,
    life::dropping,
    life::redirecting,
    life::refused,
    life::ending,
    life::pausing,
    life::over};

TEST(lifecycle, changes_nothing_for_what_is_not_in_the_table) {
    EXPECT_EQ(advance(life::over, happening::transport_up), (life_step{life::over, action::none}));
    EXPECT_EQ(advance(life::idle, happening::pause_over), (life_step{life::idle, action::none}));
}

TEST(lifecycle, can_be_ended_from_everywhere) {
    for (auto now : every_life) {
        now = advance(now, happening::logout_asked).next;
        EXPECT_TRUE(ends(now));
        now = advance(now, happening::connection_bad).next;
        now = advance(now, happening::transport_lost).next;
        EXPECT_EQ(now, life::over);
    }
}

TEST(lifecycle, never_talks_without_a_transport) {
    for (const auto now : every_life) {
        EXPECT_FALSE(talks(advance(now, happening::transport_lost).next));
        const auto closed = advance(now, happening::connection_bad);
        EXPECT_EQ(closed.what == action::close, talks(now));
        EXPECT_FALSE(talks(closed.next));
    }
}

TEST(lifecycle, finishes_exactly_when_it_is_over) {
    for (const auto& row : life_table)
        EXPECT_EQ(row.step.what == action::finish, row.step.next == life::over);
}

} // namespace
} // namespace iscsi
