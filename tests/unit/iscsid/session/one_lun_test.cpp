#include "tests/unit/iscsid/session/captured_log.hpp"
#include "tests/unit/iscsid/session/manager_world.hpp"

#include <gmock/gmock.h>

#include <fstream>

// One LUN of a session, attached and detached by a user.
namespace {

using namespace iscsid::session;
using namespace iscsid::device::test;
using admin::exit_code;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct one_lun : manager_world {
    one_lun() {
        driver.adopts = true;
        with.disks.registry = &registry;
        luns = {0, 1, 2};
    }

    void scan_manually() { store(node, {{"node.session.scan", "manual"}}); }

    admin::lun_progress attach(std::uint64_t lun) {
        const auto how = iscsi::test::run(context, all().find(1)->attach_lun(lun));
        return iscsid::ipc::message_of(1, how);
    }

    admin::lun_progress detach(std::uint64_t lun) {
        const auto how = iscsi::test::run(context, all().find(1)->detach_lun(lun));
        return iscsid::ipc::message_of(1, how);
    }

    std::vector<std::uint64_t> disks(session_key sid = 1) {
        std::vector<std::uint64_t> numbers;
        for (const auto& info : list(sid))
            for (const auto& each : info.luns)
                if (!each.disk.empty())
                    numbers.push_back(each.lun);
        return numbers;
    }

    unsigned looks() { return target.times_asked(0, plain(scsi::operation_code::report_luns)); }

    // Its connection was lost and is back, and its LUNs have been looked at.
    bool reconnects() {
        const auto before = looks();
        lane.tell(1, iscsi::logged_in{true});
        return until([&] { return looks() > before; }) && rescan_has_ended();
    }

    // Whoever orders something waits for the look that is under way: a LUN that nobody has.
    bool rescan_has_ended() { return attach(99).code == exit_code::no_objects_found; }

    captured_log log;
    iscsid::device::registry registry{folder / "disks-state"};
};

TEST_F(one_lun, is_attached_alone) {
    scan_manually();
    ASSERT_EQ(log_in().code, exit_code::success);
    EXPECT_THAT(disks(), IsEmpty());
    const auto told = attach(1);
    EXPECT_EQ(told.code, exit_code::success) << told.detail;
    EXPECT_EQ(told.disk, "no-such-disk-1");
    EXPECT_TRUE(told.changed);
    EXPECT_THAT(disks(), ElementsAre(1));
    EXPECT_EQ(looks(), 0U);
    EXPECT_EQ(target.times_asked(0, standard_inquiry()), 0U);
    EXPECT_EQ(target.times_asked(2, standard_inquiry()), 0U);
    EXPECT_EQ(registry.load().disks.size(), 1U);
}

TEST_F(one_lun, is_attached_once_however_often_it_is_asked_for) {
    ASSERT_EQ(log_in().code, exit_code::success);
    const auto asked = target.times_asked(1, standard_inquiry());
    const auto told = attach(1);
    EXPECT_EQ(told.code, exit_code::success);
    EXPECT_FALSE(told.changed);
    EXPECT_EQ(told.disk, "no-such-disk-1");
    EXPECT_EQ(driver.attached, 3);
    EXPECT_EQ(target.times_asked(1, standard_inquiry()), asked);
}

TEST_F(one_lun, is_refused_with_the_reason_when_it_can_be_no_disk) {
    scan_manually();
    ASSERT_EQ(log_in().code, exit_code::success);
    target.answer(7, standard_inquiry(), {sense(scsi::sense_key::illegal_request, 0x25, 0)});
    const auto none = attach(7);
    EXPECT_EQ(none.code, exit_code::no_objects_found);
    EXPECT_THAT(none.detail, HasSubstr("LUN 7: INQUIRY: CHECK CONDITION, ILLEGAL REQUEST 25/00"));
    target.answer(8, standard_inquiry(), {sends(bytes_of({0x7f, 0, 5, 2, 31}) + zeros(31))});
    EXPECT_THAT(attach(8).detail, HasSubstr("no logical unit there (peripheral qualifier 3)"));
    target.answer(9, standard_inquiry(), {sends(bytes_of({0x0c, 0, 5, 2, 31}) + zeros(31))});
    const auto controller = attach(9);
    EXPECT_EQ(controller.code, exit_code::invalid_request);
    EXPECT_THAT(controller.detail, HasSubstr("storage array controller"));
    driver.unfit = {1};
    const auto unfit = attach(1);
    EXPECT_EQ(unfit.code, exit_code::error);
    EXPECT_THAT(unfit.detail, HasSubstr("LUN 1: "));
    is_lost = true;
    EXPECT_EQ(attach(2).code, exit_code::session_not_connected);
    EXPECT_THAT(disks(), IsEmpty());
}

TEST_F(one_lun, stays_detached_until_a_user_wants_it_back) {
    ASSERT_EQ(log_in().code, exit_code::success);
    const auto told = detach(1);
    EXPECT_EQ(told.code, exit_code::success) << told.detail;
    EXPECT_EQ(told.disk, "no-such-disk-1");
    EXPECT_TRUE(told.changed);
    EXPECT_THAT(disks(), ElementsAre(0, 2));
    ASSERT_TRUE(reconnects());
    EXPECT_THAT(disks(), ElementsAre(0, 2));
    const auto again = detach(1);
    EXPECT_EQ(again.code, exit_code::success);
    EXPECT_FALSE(again.changed);
    EXPECT_TRUE(attach(1).changed);
    EXPECT_THAT(disks(), ElementsAre(0, 1, 2));
    ASSERT_TRUE(detach(2).changed);
    EXPECT_EQ(rescan(1).code, exit_code::success);
    EXPECT_THAT(disks(), ElementsAre(0, 1, 2));
    EXPECT_THAT(registry.load().detached, IsEmpty());
}

TEST_F(one_lun, stays_detached_over_a_rescan_where_the_scan_is_manual) {
    scan_manually();
    ASSERT_EQ(log_in().code, exit_code::success);
    ASSERT_TRUE(attach(1).changed);
    ASSERT_TRUE(detach(1).changed);
    EXPECT_EQ(rescan(1).code, exit_code::success);
    EXPECT_THAT(disks(), ElementsAre(0, 2));
    EXPECT_TRUE(attach(1).changed);
    EXPECT_THAT(disks(), ElementsAre(0, 1, 2));
}

TEST_F(one_lun, stays_when_it_is_in_use) {
    ASSERT_EQ(log_in().code, exit_code::success);
    driver.busy = {1};
    const auto told = detach(1);
    EXPECT_EQ(told.code, exit_code::busy);
    EXPECT_THAT(told.detail, HasSubstr("LUN 1 (no-such-disk-1)"));
    EXPECT_THAT(disks(), ElementsAre(0, 1, 2));
    EXPECT_THAT(registry.load().detached, IsEmpty());
    driver.busy = {};
    EXPECT_EQ(log_out(1).code, exit_code::success);
    EXPECT_FALSE(driver.holds("no-such-disk-1"));
}

TEST_F(one_lun, is_taken_from_its_users_where_these_do_not_count) {
    std::ofstream(folder / "iscsid.conf") << "iscsid.safe_logout = No\n";
    settings.config = admin::config::load(folder / "iscsid.conf");
    ASSERT_EQ(log_in().code, exit_code::success);
    driver.busy = {1};
    EXPECT_EQ(detach(1).code, exit_code::success);
    EXPECT_THAT(disks(), ElementsAre(0, 2));
}

TEST_F(one_lun, tells_of_losses) {
    ASSERT_EQ(log_in().code, exit_code::success);
    driver.lossy = {2};
    const auto told = detach(2);
    EXPECT_EQ(told.code, exit_code::error);
    EXPECT_THAT(told.detail, HasSubstr("detached, with losses: LUN 2 (no-such-disk-2)"));
    EXPECT_THAT(disks(), ElementsAre(0, 1));
}

TEST_F(one_lun, that_does_not_get_on_is_given_up_after_three_quarters_of_the_logout_timeout) {
    ASSERT_EQ(log_in().code, exit_code::success);
    std::atomic<bool> is_given_up{false};
    driver.on_removal = [&](std::uint64_t lun) {
        while (lun == 1 && !is_given_up)
            std::this_thread::yield();
    };
    bool is_over = false;
    asio::co_spawn(context, all().find(1)->detach_lun(1), [&](auto, auto) { is_over = true; });
    const auto key = std::pair(session_key{1}, scsi::lun_from_number(1));
    EXPECT_TRUE(until([&] { return lane.failing[key] == EIO; }));
    EXPECT_TRUE(log.has("unfinished I/O of LUN 1 is given up"));
    is_given_up = true;
    EXPECT_TRUE(until([&] { return is_over; }));
    EXPECT_EQ(lane.failing[key], 0); // for whoever has it next
    EXPECT_THAT(disks(), ElementsAre(0, 2));
}

// What the target has of its commands ends, too, when failing the others does not help.
TEST_F(one_lun, that_is_silent_is_cut_off_within_the_logout_timeout) {
    ASSERT_EQ(log_in().code, exit_code::success);
    std::atomic<bool> is_cut_off{false};
    lane.on_give_up = [&] { is_cut_off = true; };
    driver.on_removal = [&](std::uint64_t lun) {
        while (lun == 1 && !is_cut_off)
            std::this_thread::yield();
    };
    EXPECT_EQ(detach(1).code, exit_code::success);
    EXPECT_THAT(lane.given_up, ElementsAre(std::pair(session_key{1}, scsi::lun_from_number(1))));
    EXPECT_EQ((lane.failing[{1, scsi::lun_from_number(1)}]), 0);
    EXPECT_THAT(disks(), ElementsAre(0, 2));
}

TEST_F(one_lun, that_is_silent_while_it_is_detached_does_not_hold_up_a_logout) {
    store(node, {{"node.conn[0].timeo.logout_timeout", "600"}}); // of the detach alone
    ASSERT_EQ(log_in().code, exit_code::success);
    store(node, {{"node.conn[0].timeo.logout_timeout", "1"}});
    std::atomic<bool> is_cut_off{false};
    std::atomic<bool> is_going{false};
    lane.on_give_up = [&] { is_cut_off = true; };
    driver.on_removal = [&](std::uint64_t lun) {
        is_going = true;
        while (lun == 1 && !is_cut_off)
            std::this_thread::yield();
    };
    bool is_over = false;
    asio::co_spawn(context, all().find(1)->detach_lun(1), [&](auto, auto) { is_over = true; });
    ASSERT_TRUE(until([&] { return is_going.load(); }));
    ASSERT_TRUE(
        all().find(1)->change(all().plans(), record_of(), {"node.conn[0].timeo.logout_timeout"})
    );
    EXPECT_EQ(log_out(1).code, exit_code::success);
    EXPECT_TRUE(log.has("unfinished I/O of LUN 1 is given up for a logout"));
    EXPECT_TRUE(until([&] { return is_over; }));
}

TEST_F(one_lun, that_was_removed_at_the_target_is_detached_without_a_flush_of_it) {
    ASSERT_EQ(log_in().code, exit_code::success);
    target.answer(1, standard_inquiry(), {sense(scsi::sense_key::illegal_request, 0x25, 0)});
    int bar = 0;
    driver.on_removal = [&](std::uint64_t lun) {
        bar = lane.failing[{1, scsi::lun_from_number(lun)}];
    };
    EXPECT_EQ(detach(1).code, exit_code::success);
    EXPECT_EQ(bar, ENODEV);
    EXPECT_EQ((lane.failing[{1, scsi::lun_from_number(1)}]), 0);
}

// The target is asked whether the unit is there, and says nothing; a logout does not wait for that.
TEST_F(one_lun, is_left_to_a_logout_that_comes_between) {
    ASSERT_EQ(log_in().code, exit_code::success);
    bool is_asked = false;
    lane.answers = [&](const auto&, auto) { is_asked = true; };
    std::optional<outcome<lun_result>> told;
    asio::co_spawn(context, all().find(1)->detach_lun(1), [&](auto, auto how) { told = how; });
    ASSERT_TRUE(until([&] { return is_asked; }));
    EXPECT_EQ(log_out(1).code, exit_code::success);
    ASSERT_TRUE(until([&] { return told.has_value(); }));
    EXPECT_TRUE(told->has_error());
    EXPECT_EQ(all().session_count(), 0U);
    EXPECT_TRUE(std::filesystem::is_empty(folder / "disks-state"));
}

TEST_F(one_lun, stays_detached_with_the_next_daemon) {
    ASSERT_EQ(log_in().code, exit_code::success);
    ASSERT_TRUE(detach(1).changed);
    auto left = registry.load();
    EXPECT_THAT(left.detached, ElementsAre(iscsid::device::detached_lun{1, 1}));
    made.reset(); // as a kill does: nobody is logged out
    all().restore(std::move(left.disks), left.detached);
    lane.tell(1, iscsi::logged_in{true});
    ASSERT_TRUE(until([&] { return log.has("LUN 2 (no-such-disk-2) goes on where it stopped"); }));
    ASSERT_TRUE(rescan_has_ended());
    EXPECT_THAT(disks(), ElementsAre(0, 2));
    EXPECT_FALSE(detach(1).changed);
    EXPECT_TRUE(attach(1).changed);
    EXPECT_THAT(disks(), ElementsAre(0, 1, 2));
    EXPECT_THAT(registry.load().detached, IsEmpty());
}

TEST_F(one_lun, of_an_earlier_daemon_waits_until_it_is_taken_over) {
    ASSERT_EQ(log_in().code, exit_code::success);
    auto left = registry.load();
    made.reset();
    all().restore(std::move(left.disks), left.detached);
    const auto there = attach(1);
    EXPECT_EQ(there.code, exit_code::success);
    EXPECT_FALSE(there.changed);
    EXPECT_EQ(there.disk, "no-such-disk-1");
    EXPECT_EQ(detach(1).code, exit_code::session_not_connected);
    EXPECT_THAT(registry.load().detached, IsEmpty());
}

TEST_F(one_lun, leaves_no_note_behind_when_its_session_ends) {
    ASSERT_EQ(log_in().code, exit_code::success);
    ASSERT_TRUE(detach(1).changed);
    EXPECT_EQ(log_out(1).code, exit_code::success);
    EXPECT_TRUE(std::filesystem::is_empty(folder / "disks-state"));
}

TEST_F(one_lun, is_described_with_all_others) {
    const auto describe = [this] {
        const auto how = iscsi::test::run(context, all().find(1)->describe_luns());
        return iscsid::ipc::message_of(1, how);
    };
    ASSERT_EQ(log_in().code, exit_code::success);
    ASSERT_TRUE(detach(1).changed);
    target.answer(2, standard_inquiry(), {sends(bytes_of({0x0c, 0, 5, 2, 31}) + zeros(31))});
    const auto told = describe();
    EXPECT_EQ(told.code, exit_code::success);
    EXPECT_THAT(told.warnings, IsEmpty());
    ASSERT_EQ(told.luns.size(), 3U);
    EXPECT_EQ(told.luns[0].state, "running");
    EXPECT_EQ(told.luns[0].disk, "no-such-disk-0");
    EXPECT_EQ(told.luns[0].size, 2ULL << 30U);
    EXPECT_TRUE(told.luns[0].thin);
    EXPECT_EQ(told.luns[1].state, "detached");
    EXPECT_EQ(told.luns[1].size, 2ULL << 30U);
    EXPECT_EQ(told.luns[2].state, "offline");
    EXPECT_EQ(told.luns[2].why, "storage array controller");
    EXPECT_EQ(disks().size(), 2U); // nothing has changed
    is_lost = true;
    const auto known = describe();
    EXPECT_EQ(known.code, exit_code::success);
    EXPECT_EQ(known.warnings.size(), 1U);
    EXPECT_EQ(known.luns.size(), 2U);
}

TEST_F(one_lun, is_nothing_for_a_session_that_is_being_logged_in) {
    hangs = true;
    show(luns);
    const auto begun = all().start_login(*record_of(), {}, manager::waiting::no);
    ASSERT_TRUE(begun.has_value());
    EXPECT_EQ(attach(1).code, exit_code::session_not_connected);
    EXPECT_EQ(detach(1).code, exit_code::session_not_connected);
}

} // namespace
