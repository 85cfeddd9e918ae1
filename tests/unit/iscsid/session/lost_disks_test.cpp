#include "tests/unit/iscsid/session/captured_log.hpp"
#include "tests/unit/iscsid/session/manager_world.hpp"

#include <gmock/gmock.h>

// Disks whose devices somebody takes away behind the daemon's back.
namespace {

using namespace iscsid::session;
using namespace iscsid::device::test;
using admin::exit_code;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct lost_disks : manager_world {
    lost_disks() {
        with.devices = &devices;
        luns = {0, 1, 2};
    }

    // The names that users are told, by LUN.
    std::vector<std::string> told() {
        std::vector<std::string> names;
        for (const auto& info : list(1))
            for (const auto& each : info.luns)
                names.push_back(each.disk);
        return names;
    }

    lun_details details_of(std::uint64_t lun) {
        const auto all = iscsi::test::run(context, session().describe_luns());
        for (const auto& each : all->luns)
            if (each.number == lun)
                return each;
        return {};
    }

    live_session& session() { return *all().find(1); }

    admin::lun_progress attach(std::uint64_t lun) {
        return iscsid::ipc::message_of(1, iscsi::test::run(context, session().attach_lun(lun)));
    }

    admin::lun_progress detach(std::uint64_t lun) {
        return iscsid::ipc::message_of(1, iscsi::test::run(context, session().detach_lun(lun)));
    }

    std::size_t losses_said() const { return log.count("has lost its disk"); }

    iscsid::device::block_events devices{context.get_executor()};
    captured_log log;
};

TEST_F(lost_disks, are_never_told_of_and_made_anew) {
    ASSERT_EQ(log_in().code, exit_code::success);
    driver.take_away("no-such-disk-1");
    EXPECT_THAT(told(), ElementsAre("no-such-disk-0", "", "no-such-disk-2"));
    EXPECT_EQ(details_of(1).is, lun_state::lost);
    EXPECT_EQ(details_of(1).node, "");
    EXPECT_THAT(details_of(1).why, HasSubstr("somebody has taken no-such-disk-1 away"));
    devices.tell("no-such-disk-1");
    ASSERT_TRUE(until([&] { return driver.attached == 4; }));
    ASSERT_TRUE(until([&] { return told()[1] == "no-such-disk-1-again"; }));
    EXPECT_EQ(details_of(1).is, lun_state::running);
    EXPECT_EQ(losses_said(), 1U);
}

TEST_F(lost_disks, are_found_by_a_look_at_all_when_events_were_missed) {
    ASSERT_EQ(log_in().code, exit_code::success);
    driver.take_away("no-such-disk-0");
    driver.take_away("no-such-disk-2");
    devices.tell("another-disk");
    EXPECT_EQ(losses_said(), 0U);
    devices.tell("");
    ASSERT_TRUE(until([&] { return driver.attached == 5; }));
    EXPECT_TRUE(until([&] {
        return told() == std::vector<std::string>{
                             "no-such-disk-0-again", "no-such-disk-1", "no-such-disk-2-again"};
    }));
    EXPECT_EQ(losses_said(), 2U);
}

TEST_F(lost_disks, wait_for_their_target_without_being_told_again) {
    with.first_pause_of_looks = 20ms;
    ASSERT_EQ(log_in().code, exit_code::success);
    driver.take_away("no-such-disk-1");
    target.answer(1, standard_inquiry(), {sense(scsi::sense_key::not_ready, 0x04, 0x01)});
    devices.tell("no-such-disk-1");
    devices.tell("no-such-disk-1");
    ASSERT_TRUE(until([&] { return losses_said() == 1; }));
    EXPECT_EQ(told()[1], "");
    devices.tell("no-such-disk-1");
    show(luns);
    ASSERT_TRUE(until([&] { return told()[1] == "no-such-disk-1-again"; }));
    EXPECT_EQ(losses_said(), 1U);
}

TEST_F(lost_disks, are_tried_again_when_no_device_can_be_made) {
    with.first_pause_of_looks = 20ms;
    ASSERT_EQ(log_in().code, exit_code::success);
    driver.refuse({1});
    driver.take_away("no-such-disk-1");
    devices.tell("no-such-disk-1");
    ASSERT_TRUE(until([&] { return losses_said() == 1; }));
    EXPECT_EQ(details_of(1).is, lun_state::lost);
    driver.refuse({});
    EXPECT_TRUE(until([&] { return told()[1] == "no-such-disk-1-again"; }));
}

TEST_F(lost_disks, do_not_hold_up_a_logout) {
    ASSERT_EQ(log_in().code, exit_code::success);
    is_lost = true; // the target: nothing can be made anew
    driver.take_away("no-such-disk-1");
    devices.tell("no-such-disk-1");
    ASSERT_TRUE(until([&] { return losses_said() == 1; }));
    EXPECT_EQ(log_out(1).code, exit_code::success);
}

TEST_F(lost_disks, are_attached_by_an_order_and_detached_by_one) {
    ASSERT_EQ(log_in().code, exit_code::success);
    driver.take_away("no-such-disk-1");
    driver.take_away("no-such-disk-2");
    const auto attached = attach(1);
    EXPECT_EQ(attached.code, exit_code::success) << attached.detail;
    EXPECT_TRUE(attached.changed);
    EXPECT_EQ(attached.disk, "no-such-disk-1-again");
    const auto detached = detach(2);
    EXPECT_EQ(detached.code, exit_code::success) << detached.detail;
    devices.tell("");
    EXPECT_THAT(told(), ElementsAre("no-such-disk-0", "no-such-disk-1-again", ""));
    EXPECT_EQ(driver.attached, 4);
}

TEST_F(lost_disks, of_a_lun_that_is_another_now_are_not_made) {
    ASSERT_EQ(log_in().code, exit_code::success);
    driver.take_away("no-such-disk-1");
    // VPD 83 with another NAA designator (SPC-4 §7.8.5.2.5).
    target.answer(
        1, vpd(0x83), {sends(bytes_of({0, 0x83, 0, 12, 1, 3, 0, 8, 0x50, 0, 0, 0, 0, 0, 0, 0x99}))}
    );
    devices.tell("no-such-disk-1");
    ASSERT_TRUE(until([&] { return log.has("IS NOT THE DISK"); }));
    EXPECT_EQ(driver.attached, 3);
    EXPECT_EQ(told()[1], "");
}

TEST_F(lost_disks, that_an_earlier_daemon_has_left_are_not_told) {
    driver.adopts = true;
    iscsid::device::disk_state left;
    left.sid = 1;
    left.target = node.target;
    left.portal_address = node.address;
    left.portal_group_tag = node.group_tag;
    left.isid = "800102030405";
    left.driver = "fake";
    left.node = "old-0";
    left.properties.block_count = 100;
    all().restore({left});
    EXPECT_THAT(told(), ElementsAre("old-0"));
    EXPECT_EQ(session().outline()->disks.at(0).node, "old-0");
    driver.take_away("old-0");
    EXPECT_THAT(told(), ElementsAre(""));
    EXPECT_EQ(session().outline()->disks.at(0).node, "");
    EXPECT_EQ(details_of(0).node, "");
}

} // namespace
