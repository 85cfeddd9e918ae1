#include "tests/unit/iscsid/device/scripted_target.hpp"
#include "tests/unit/iscsid/session/captured_log.hpp"
#include "tests/unit/iscsid/session/manager_world.hpp"

#include "iscsid/session/isid.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cerrno>
#include <fstream>

// Sessions that go on for another daemon, and the disks of running ones.
namespace {

using namespace iscsid::session;
using namespace iscsid::device::test;
using admin::exit_code;
using iscsid::device::disk_state;
using testing::HasSubstr;

struct restored : manager_world {
    restored() {
        driver.adopts = true;
        with.disks.registry = &registry;
        show({0, 1});
        lane.answers = [this](const auto& what, auto done) {
            if (hold)
                return held.push_back([this, what, done] { done(target_says(what)); });
            done(target_says(what));
        };
    }

    // The target has other LUNs when the login is over.
    admin::login_progress log_in() {
        auto done = manager_world::log_in();
        show({0, 1});
        return done;
    }

    // VPD 83 with another NAA designator (SPC-4 §7.8.5.2.5).
    void show_another_disk(std::uint64_t lun) {
        target.answer(
            lun,
            vpd(0x83),
            {sends(bytes_of({0, 0x83, 0, 12, 1, 3, 0, 8, 0x50, 0, 0, 0, 0, 0, 0, 0x99}))}
        );
    }

    void refuse_names(std::uint64_t lun) {
        const auto refused = sense(scsi::sense_key::illegal_request, 0x24, 0);
        target.answer(lun, vpd(0x80), {refused});
        target.answer(lun, vpd(0x83), {refused});
    }

    disk_state left(session_key sid, std::uint64_t lun, unsigned index = 0) {
        disk_state state;
        state.sid = sid;
        state.index = index;
        state.target = node.target;
        state.portal_address = node.address;
        state.portal_group_tag = node.group_tag;
        for (const auto each : make_isid(settings.identity.name, node, index))
            state.isid += fmt::format("{:02x}", static_cast<unsigned>(each));
        state.driver = "fake";
        state.node = "old-" + std::to_string(lun);
        const auto seen = scan_of(target);
        for (const auto& each : seen->disks)
            if (each.number == lun) {
                state.lun = each.lun;
                state.lun_number = lun;
                state.properties = each.properties;
            }
        EXPECT_GT(state.properties.block_count, 0U);
        EXPECT_TRUE(registry.save(state));
        return state;
    }

    // Its session is back on its lane, and has been scanned when the log has this line.
    bool come_back(session_key sid, const std::string& line) {
        lane.tell(sid, iscsi::logged_in{true});
        return until([&] { return log.has(line); });
    }

    bool give_up(session_key sid, const std::string& line) {
        lane.tell(sid, iscsi::gave_up{});
        return until([&] { return log.has(line); });
    }

    std::string disk_of(session_key sid, std::uint64_t lun) {
        for (const auto& info : list(sid))
            for (const auto& each : info.luns)
                if (each.lun == lun)
                    return each.disk;
        return "no such LUN";
    }

    int bar_of(session_key sid, std::uint64_t lun) {
        return lane.failing[{sid, scsi::lun_from_number(lun)}];
    }

    void turn() { // what is ready, without the workers
        context.restart();
        context.poll();
    }

    void ignore_users() {
        std::ofstream(folder / "iscsid.conf") << "iscsid.safe_logout = No\n";
        settings.config = admin::config::load(folder / "iscsid.conf");
    }

    captured_log log;
    iscsid::device::registry registry{folder / "disks-state"};
    bool hold = false; // commands are kept
    std::vector<std::function<void()>> held;
};

// ---- the start --------------------------------------------------------------------------------

// Its target knows it by the ISID from before there were seeds; one that logs in anew gets another.
TEST_F(restored, keep_the_isid_that_their_target_knows) {
    show({1});
    settings.identity.isid_seed = "a seed";
    auto of_then = left(3, 1);
    const auto plan = all().plans().plan_again(of_then);
    ASSERT_TRUE(plan) << plan.error().reason;
    EXPECT_EQ(to_text(plan->session.isid), of_then.isid);
    const auto seeded = make_isid(settings.identity.name, node, 0, "a seed");
    EXPECT_NE(to_text(seeded), of_then.isid);
    EXPECT_FALSE(plan->may_be_unknown);
    of_then.isid = "800000000000"; // of another seed, or of another initiator name
    const auto strange = all().plans().plan_again(of_then);
    ASSERT_TRUE(strange) << strange.error().reason;
    EXPECT_EQ(to_text(strange->session.isid), of_then.isid);
    EXPECT_TRUE(strange->may_be_unknown);
    of_then.isid = to_text(seeded);
    EXPECT_FALSE(all().plans().plan_again(of_then)->may_be_unknown);
    EXPECT_EQ(all().plans().plan_login(*record_of(), 0)->session.isid, seeded);
}

TEST_F(restored, sessions_are_the_same_as_before) {
    all().restore({left(4, 0), left(4, 1), left(9, 0, 1)});
    EXPECT_EQ(all().session_count(), 2U);
    ASSERT_EQ(lane.adopted.size(), 2U);
    for (auto& [sid, it] : lane.adopted) {
        EXPECT_EQ(it.socket, -1);
        EXPECT_EQ(
            it.engine.config().isid, make_isid(settings.identity.name, node, sid == 4 ? 0 : 1)
        );
        EXPECT_EQ(it.engine.config().target_name, node.target);
        EXPECT_EQ(it.engine.state(), iscsi::session_state::failed);
        EXPECT_TRUE(std::holds_alternative<iscsi::want_transport>(it.engine.poll_event().value()));
    }
    const auto sessions = list();
    ASSERT_EQ(sessions.size(), 2U);
    EXPECT_EQ(sessions[0].sid, 4U);
    EXPECT_EQ(sessions[0].node, node);
    EXPECT_EQ(sessions[0].internal_state, "REOPEN");
    EXPECT_EQ(disk_of(4, 1), "old-1");
    EXPECT_EQ(disk_of(9, 0), "old-0");
    EXPECT_TRUE(log.has("goes on for a daemon that has ended, 2 disk(s)"));
    EXPECT_EQ(driver.attached + driver.adopted, 0);
}

TEST_F(restored, sessions_count_as_sessions_of_their_node) {
    store(node, {{"node.session.nr_sessions", "2"}});
    all().restore({left(4, 0)});
    EXPECT_EQ(*logins_to(), 1U);
    const auto next = log_in();
    EXPECT_EQ(next.code, exit_code::success);
    EXPECT_EQ(next.sid, 5U);
    EXPECT_EQ(plans.at(0).session.isid, make_isid(settings.identity.name, node, 1));
    EXPECT_EQ(log_in().code, exit_code::session_exists);
}

TEST_F(restored, sessions_go_on_without_their_record) {
    auto state = left(4, 0);
    state.target += "x";
    auto unknown = node;
    unknown.target = state.target;
    all().restore({state});
    ASSERT_EQ(list().size(), 1U);
    EXPECT_EQ(list()[0].node, unknown);
    EXPECT_EQ(to_text(lane.adopted.at(4).engine.config().isid), state.isid);
    EXPECT_TRUE(log.has("its target may take it for another one"));
    EXPECT_TRUE(come_back(4, "goes on where it stopped"));
}

// The database may be on the very disk that waits.
TEST_F(restored, sessions_go_on_by_their_record_in_memory) {
    admin::record_store in_memory(folder / "in-memory");
    with.records_in_memory = &in_memory;
    auto kept = **records->find(node);
    ASSERT_TRUE(kept.set("node.session.timeo.replacement_timeout", "777"));
    ASSERT_TRUE(in_memory.write(kept));
    const auto plan = all().plans().plan_again(left(4, 0));
    ASSERT_TRUE(plan.has_value());
    EXPECT_EQ(plan->session.timeouts.replacement, iscsi::duration(777s));
}

TEST_F(restored, sessions_that_begin_leave_their_record_in_memory) {
    admin::record_store in_memory(folder / "in-memory");
    with.records_in_memory = &in_memory;
    ASSERT_TRUE(all().start_login(*record_of(), {}).has_value());
    EXPECT_EQ(**in_memory.find(node), **records->find(node));
}

TEST_F(restored, sessions_keep_their_isid_without_their_record) {
    const auto state = left(4, 0);
    ASSERT_TRUE(records->remove(node));
    all().restore({state});
    EXPECT_EQ(all().session_count(), 1U);
    EXPECT_FALSE(log.has("its target may take it for another one"));
}

TEST_F(restored, sessions_that_cannot_go_on_are_left_alone) {
    const auto state = left(4, 0);
    const auto identity = std::exchange(settings.identity, {});
    all().restore({state});
    EXPECT_EQ(all().session_count(), 0U);
    EXPECT_TRUE(lane.adopted.empty());
    EXPECT_TRUE(log.has("old-0 is left alone"));
    EXPECT_EQ(registry.load().disks.size(), 1U);
    all().use({{}, identity});
    EXPECT_EQ(log_in().sid, 5U); // its number is not given away
}

TEST_F(restored, sessions_reset_their_units_unless_told_otherwise) {
    all().restore({left(4, 0)});
    EXPECT_EQ(lane.adopted.at(4).engine.config().replay_barrier, iscsi::barrier_policy::automatic);
    made.reset();
    std::ofstream(folder / "iscsid.conf") << "iscsid.replay_barrier = none\n";
    settings.config = admin::config::load(folder / "iscsid.conf");
    all().restore({left(4, 0)});
    EXPECT_EQ(lane.adopted.at(4).engine.config().replay_barrier, iscsi::barrier_policy::none);
}

// ---- back again -------------------------------------------------------------------------------

TEST_F(restored, disks_are_taken_over_after_the_login) {
    all().restore({left(4, 0), left(4, 1)});
    ASSERT_TRUE(come_back(4, "LUN 1 (old-1) goes on where it stopped"));
    EXPECT_EQ(driver.adopted, 2);
    EXPECT_EQ(driver.attached, 0);
    EXPECT_EQ(disk_of(4, 0), "old-0");
    EXPECT_EQ(list()[0].internal_state, "NO CHANGE");
    EXPECT_EQ(bar_of(4, 0), 0);
    EXPECT_EQ(registry.load().disks.size(), 2U);
    EXPECT_EQ(rescan(4).code, exit_code::success);
    EXPECT_EQ(driver.adopted, 2); // each once
}

TEST_F(restored, disks_that_are_others_are_taken_over_behind_a_bar) {
    all().restore({left(4, 0), left(4, 1)});
    show_another_disk(1);
    ASSERT_TRUE(come_back(4, "LUN 1 IS NOT THE DISK THAT IT WAS"));
    EXPECT_EQ(bar_of(4, 1), EIO);
    EXPECT_EQ(bar_of(4, 0), 0);
    target.has_disk(1);
    EXPECT_EQ(rescan(4).code, exit_code::success);
    EXPECT_EQ(bar_of(4, 1), 0);
}

TEST_F(restored, disks_that_do_not_say_their_names_any_more_are_taken_over) {
    all().restore({left(4, 0), left(4, 1)});
    refuse_names(1);
    ASSERT_TRUE(come_back(4, "LUN 1 (old-1) goes on where it stopped"));
    EXPECT_EQ(bar_of(4, 1), 0);
    show_another_disk(1); // the name of before is what it is compared with
    EXPECT_EQ(rescan(4).code, exit_code::success);
    EXPECT_EQ(bar_of(4, 1), EIO);
}

// Their users wait, instead of hearing errors because of a target that has much to do.
TEST_F(restored, disks_of_busy_luns_are_looked_at_until_these_answer) {
    with.first_pause_of_looks = std::chrono::milliseconds(1);
    all().restore({left(4, 0), left(4, 1)});
    const auto ready = plain(scsi::operation_code::test_unit_ready);
    target.answer(1, ready, {sense(scsi::sense_key::not_ready, 0x04, 0x0b)});
    ASSERT_TRUE(come_back(4, "LUN 0 (old-0) goes on where it stopped"));
    const auto looks = target.times_asked(1, ready);
    EXPECT_TRUE(until([&] { return target.times_asked(1, ready) > looks + 2; }));
    EXPECT_EQ(bar_of(4, 1), 0);
    EXPECT_EQ(driver.adopted, 1);
    EXPECT_EQ(disk_of(4, 1), "old-1");
    target.has_disk(1);
    EXPECT_TRUE(until([&] { return log.has("LUN 1 (old-1) goes on where it stopped"); }));
    EXPECT_EQ(driver.adopted, 2);
    EXPECT_EQ(registry.load().disks.size(), 2U);
}

TEST_F(restored, disks_that_cannot_be_looked_at_are_looked_at_again) {
    with.first_pause_of_looks = std::chrono::milliseconds(1);
    with.patience_with_left = {};
    all().restore({left(4, 0), left(4, 1)});
    const auto ready = plain(scsi::operation_code::test_unit_ready);
    target.answer(1, ready, {sense(scsi::sense_key::not_ready, 0x3a, 0)});
    ASSERT_TRUE(come_back(4, "LUN 1 cannot be looked at"));
    EXPECT_EQ(bar_of(4, 1), EIO);
    EXPECT_EQ(bar_of(4, 0), 0);
    target.has_disk(1);
    EXPECT_TRUE(until([&] { return log.has("LUN 1 is the disk that it was, again"); }));
    EXPECT_EQ(bar_of(4, 1), 0);
    const auto lists = plain(scsi::operation_code::report_luns);
    const auto looks = target.times_asked(0, lists);
    EXPECT_EQ(rescan(4).code, exit_code::success);
    EXPECT_EQ(target.times_asked(0, lists), looks + 1); // and no look after that
}

TEST_F(restored, disks_get_new_ones_beside_them_unless_the_scan_is_manual) {
    for (const bool manual : {false, true}) {
        made.reset();
        store(node, {{"node.session.scan", manual ? "manual" : "auto"}});
        log.clear();
        driver.attached = 0;
        all().restore({left(4, 0)});
        ASSERT_TRUE(come_back(4, "goes on where it stopped"));
        if (manual) {
            EXPECT_EQ(disk_of(4, 1), "");
            EXPECT_EQ(driver.attached, 0);
        }
        EXPECT_EQ(rescan(4).code, exit_code::success); // which is a wish for all there is
        EXPECT_EQ(disk_of(4, 1), "no-such-disk-1");
        EXPECT_EQ(driver.attached, 1);
    }
}

TEST_F(restored, disks_wait_for_the_next_login_when_the_scan_is_cut_off) {
    all().restore({left(4, 0)});
    is_lost = true;
    ASSERT_TRUE(come_back(4, "its LUNs could not be looked at"));
    EXPECT_TRUE(log.has("connection lost"));
    EXPECT_EQ(driver.adopted, 0);
    EXPECT_EQ(disk_of(4, 0), "old-0");
    EXPECT_EQ(rescan(4).code, exit_code::session_not_connected);
    is_lost = false;
    EXPECT_TRUE(come_back(4, "LUN 0 (old-0) goes on where it stopped"));
}

TEST_F(restored, disks_are_scanned_again_when_something_happens_meanwhile) {
    all().restore({left(4, 0)});
    const auto lists = plain(scsi::operation_code::report_luns);
    const auto before = target.times_asked(0, lists);
    hold = true;
    lane.tell(4, iscsi::logged_in{true});
    ASSERT_TRUE(until([&] { return !held.empty(); }));
    lane.tell(4, iscsi::logged_in{true});
    lane.tell(4, iscsi::logged_in{true});
    turn();
    EXPECT_EQ(held.size(), 1U); // one scan at a time
    hold = false;
    held[0]();
    EXPECT_TRUE(until([&] { return target.times_asked(0, lists) == before + 2; }));
    EXPECT_EQ(rescan(4).code, exit_code::success);
    EXPECT_EQ(target.times_asked(0, lists), before + 3);
    EXPECT_EQ(driver.adopted, 1);
}

// ---- without the target -----------------------------------------------------------------------

TEST_F(restored, disks_fail_when_the_target_does_not_come_back) {
    all().restore({left(4, 0), left(4, 1)});
    driver.on_the_edge = [this](const auto& what) {
        EXPECT_EQ(bar_of(4, what.lun_number), ENOLINK);
    };
    ASSERT_TRUE(give_up(4, "LUN 1 (old-1) goes on where it stopped"));
    EXPECT_EQ(driver.adopted, 2);
    EXPECT_EQ(disk_of(4, 0), "old-0");
    EXPECT_EQ(bar_of(4, 0), ENOLINK);
    driver.on_the_edge = {};

    ASSERT_TRUE(come_back(4, "LUN 1 is the disk that it was, again"));
    EXPECT_EQ(bar_of(4, 0), 0);
    EXPECT_EQ(bar_of(4, 1), 0);
    EXPECT_EQ(driver.adopted, 2);
}

TEST_F(restored, disks_stay_behind_their_bar_when_another_one_comes_back) {
    all().restore({left(4, 0), left(4, 1)});
    ASSERT_TRUE(give_up(4, "LUN 1 (old-1) goes on where it stopped"));
    show_another_disk(1);
    ASSERT_TRUE(come_back(4, "LUN 0 is the disk that it was, again"));
    EXPECT_NE(bar_of(4, 1), 0);
    EXPECT_FALSE(log.has("LUN 1 is the disk that it was"));
}

// Nothing in the log says why this disk still fails.
TEST_F(restored, disks_that_are_others_after_giving_up_are_told) {
    all().restore({left(4, 0), left(4, 1)});
    ASSERT_TRUE(give_up(4, "LUN 1 (old-1) goes on where it stopped"));
    show_another_disk(1);
    ASSERT_TRUE(come_back(4, "LUN 0 is the disk that it was, again"));
    EXPECT_TRUE(log.has("LUN 1 IS NOT THE DISK THAT IT WAS"));
}

// ---- rescan -----------------------------------------------------------------------------------

TEST_F(restored, ends_io_that_waits_for_a_connection) {
    const auto sid = log_in().sid;
    lane.waiting = 5;
    const auto how = fail_io(sid);
    EXPECT_EQ(how.code, exit_code::success);
    EXPECT_EQ(how.commands, 5U);
    EXPECT_TRUE(until([&] { return log.has("asked not to wait for the target: 5 commands"); }));
    EXPECT_FALSE(log.has("not back within the replacement timeout"));
}

TEST_F(restored, ends_no_io_when_nothing_waits_for_a_connection) {
    const auto how = fail_io(log_in().sid);
    EXPECT_EQ(how.code, exit_code::invalid_request);
    EXPECT_THAT(how.detail, testing::HasSubstr("nothing waits for a connection"));
}

TEST_F(restored, a_rescan_needs_a_session) {
    EXPECT_EQ(all().find(9), nullptr);
    hangs = true;
    asio::co_spawn(context, login_message(node), asio::detached);
    turn();
    EXPECT_EQ(rescan(1).code, exit_code::session_not_connected);
    EXPECT_EQ(log_out(1).code, exit_code::success);
}

TEST_F(restored, a_rescan_needs_a_connection) {
    all().restore({left(4, 0)});
    const auto before = target.commands();
    const auto done = rescan(4);
    EXPECT_EQ(static_cast<int>(done.code), 32);
    EXPECT_NE(done.detail, "");
    EXPECT_EQ(target.commands(), before);
    ASSERT_TRUE(give_up(4, "goes on where it stopped"));
    EXPECT_EQ(rescan(4).code, exit_code::session_not_connected);
}

TEST_F(restored, a_rescan_follows_the_target) {
    luns = {};
    log_in();
    EXPECT_EQ(rescan(1).code, exit_code::success);
    EXPECT_EQ(driver.present, (std::set<std::string>{"no-such-disk-0", "no-such-disk-1"}));
    EXPECT_EQ(registry.load().disks.size(), 2U);
    show({1, 2});
    EXPECT_EQ(rescan(1).code, exit_code::success);
    EXPECT_EQ(driver.present, (std::set<std::string>{"no-such-disk-1", "no-such-disk-2"}));
    EXPECT_TRUE(log.has("LUN 0 (no-such-disk-0) is gone"));
    ASSERT_EQ(list()[0].luns.size(), 2U);
    EXPECT_EQ(disk_of(1, 2), "no-such-disk-2");
}

TEST_F(restored, a_rescan_comes_by_itself_with_a_unit_attention) {
    luns = {};
    log_in();
    lane.handlers.at(1)({1, iscsid::lane::lun_attention{{}, scsi::attention::luns_changed}, {}});
    EXPECT_TRUE(until([&] { return log.has("LUN 1 is no-such-disk-1 now"); }));
}

// A target may say it thousands of times a second.
TEST_F(restored, rescans_that_come_by_themselves_are_paced_and_the_last_is_not_lost) {
    with.shortest_gap_of_looks = 300ms;
    luns = {};
    log_in();
    const auto tell = [this] {
        lane.handlers.at(1)({1, iscsid::lane::lun_attention{{}, scsi::attention::luns_changed}, {}}
        );
    };
    tell();
    ASSERT_TRUE(until([&] { return log.has("LUN 1 is no-such-disk-1 now"); }));
    for (int i = 0; i < 100; ++i) {
        tell();
        turn();
    }
    show({0, 1, 2});
    tell();
    ASSERT_TRUE(until([&] { return log.has("LUN 2 is no-such-disk-2 now"); }));
    EXPECT_LT(target.times_asked(0, plain(scsi::operation_code::report_luns)), 20U);
    EXPECT_EQ(log.count("reported LUNs changed"), 7U); // of 102: 1, 2, 4, …, 64
    EXPECT_TRUE(log.has("reported LUNs changed (64 in a row; 31 without a line)"));
}

TEST_F(restored, a_logout_waits_for_the_scan) {
    all().restore({left(4, 0)});
    hold = true;
    lane.tell(4, iscsi::logged_in{true});
    ASSERT_TRUE(until([&] { return !held.empty(); }));
    std::optional<admin::logout_progress> out;
    asio::co_spawn(context, logout_message(4), [&](auto, auto how) { out = how; });
    turn();
    EXPECT_FALSE(out);
    EXPECT_TRUE(lane.logouts.empty());
    hold = false;
    held[0]();
    ASSERT_TRUE(until([&] { return out.has_value(); }));
    EXPECT_EQ(out->code, exit_code::success);
    EXPECT_EQ(driver.adopted, 1); // and then removed
    EXPECT_TRUE(driver.present.empty());
    EXPECT_TRUE(registry.load().disks.empty());
}

// It fsyncs and looks for users: neither may find a disk that answers with errors.
TEST_F(restored, a_logout_in_a_scan_bars_nothing) {
    all().restore({left(4, 0)});
    hold = true;
    lane.tell(4, iscsi::logged_in{true});
    ASSERT_TRUE(until([&] { return !held.empty(); }));
    std::optional<admin::logout_progress> out;
    asio::co_spawn(context, logout_message(4), [&](auto, auto how) { out = how; });
    turn();
    EXPECT_EQ(bar_of(4, 0), 0);
    hold = false;
    held[0]();
    ASSERT_TRUE(until([&] { return out.has_value(); }));
    EXPECT_EQ(bar_of(4, 0), 0);
}

TEST_F(restored, the_word_of_a_changed_list_counts_for_the_next_list_only) {
    luns = {0, 1};
    log_in();
    luns = {0};
    is_lost = true;
    lane.handlers.at(1)({1, iscsid::lane::lun_attention{{}, scsi::attention::luns_changed}, {}});
    ASSERT_TRUE(until([&] { return log.has("could not be looked at"); }));
    is_lost = false;
    lane.tell(1, iscsi::logged_in{true}); // a target that is not complete yet
    EXPECT_EQ(all().find(2), nullptr);
    turn();
    EXPECT_FALSE(log.has("LUN 1 (no-such-disk-1) is gone"));
    EXPECT_EQ(disk_of(1, 1), "no-such-disk-1");
}

// ---- the end ----------------------------------------------------------------------------------

asio::awaitable<int> log_out_of_mortals(manager& all) {
    co_await all.shut_down(std::chrono::seconds(20), manager::leaving::mortal);
    co_return 0;
}

TEST_F(restored, sessions_whose_disks_would_end_are_logged_out) {
    luns = {0};
    log_in();
    iscsi::test::run(context, log_out_of_mortals(all()));
    EXPECT_EQ(all().session_count(), 1U);
    EXPECT_EQ(all().outliving(), 1U);
    driver.adopts = false;
    EXPECT_EQ(all().outliving(), 0U);
    iscsi::test::run(context, log_out_of_mortals(all()));
    EXPECT_EQ(all().session_count(), 0U);
}

TEST_F(restored, sessions_and_disks_are_handed_over) {
    luns = {0, 1};
    log_in();
    const auto remembered = registry.load().disks.size();
    all().hand_over();
    EXPECT_EQ(all().session_count(), 1U);
    EXPECT_NE(log_out(1).code, exit_code::success);
    EXPECT_NE(rescan(1).code, exit_code::success);
    EXPECT_NE(log_in().code, exit_code::success);
    lane.tell(1, iscsi::logged_out{}); // no reason any more to take its disks away
    lane.tell(1, iscsi::want_transport{});
    turn();
    EXPECT_TRUE(lane.logouts.empty());
    EXPECT_EQ(list().at(0).internal_state, "NO CHANGE"); // nobody follows it any more
    EXPECT_EQ(lane.handlers.count(1), 1U);
    made.reset();
    EXPECT_EQ(driver.present.size(), 2U);
    EXPECT_EQ(registry.load().disks.size(), remembered);
}

TEST_F(restored, sessions_that_are_not_back_yet_are_handed_over_again) {
    all().restore({left(4, 0)});
    all().hand_over();
    lane.tell(4, iscsi::logged_in{true});
    lane.tell(4, iscsi::gave_up{});
    turn();
    EXPECT_EQ(driver.adopted, 0);
    EXPECT_EQ(bar_of(4, 0), 0);
    EXPECT_TRUE(lane.logouts.empty());
    EXPECT_EQ(registry.load().disks.size(), 1U);
}

TEST_F(restored, disks_in_use_do_not_matter_when_logouts_need_not_be_safe) {
    ignore_users();
    luns = {0, 1};
    log_in();
    driver.busy = {0, 1};
    EXPECT_EQ(log_out(1).code, exit_code::success);
    EXPECT_EQ(all().session_count(), 0U);
    EXPECT_EQ(lane.logouts.size(), 1U);
    EXPECT_FALSE(driver.holds("no-such-disk-0"));
    EXPECT_FALSE(driver.holds("no-such-disk-1"));
    EXPECT_TRUE(registry.load().disks.empty());
}

// Their devices wait for ever, and the next daemon logs in again to what was logged out of.
TEST_F(restored, disks_do_not_outlive_a_logout_before_they_are_taken_over) {
    all().restore({left(4, 0)});
    const auto out = log_out(4);
    EXPECT_TRUE(out.code != exit_code::success || registry.load().disks.empty());
    EXPECT_EQ(all().session_count(), registry.load().disks.size());
}

} // namespace
