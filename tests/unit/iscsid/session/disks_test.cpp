#include "tests/unit/iscsid/session/states.hpp"

#include "iscsid/session/removal.hpp"

#include "libiscsi/scsi/cdb.hpp"

#include <gmock/gmock.h>

#include <cerrno>
#include <fstream>

namespace {

using namespace iscsid::session;
using iscsid::lane::write_place;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using lun_list = std::vector<std::uint64_t>;

struct disks : disk_world {
    removal_report remove(std::vector<attached_disk> which, users whose) {
        return remove_all(with, lane, std::move(which), {whose});
    }
};

// ---- all or none ------------------------------------------------------------------------------

TEST_F(disks, are_removed_and_forgotten) {
    for (const auto whose : {users::are_respected, users::are_ignored}) {
        const auto report = remove(attached({1, 2}), whose);
        EXPECT_THAT(report.left, IsEmpty());
        EXPECT_EQ(report.refusal, "");
        EXPECT_THAT(report.losses, IsEmpty());
        EXPECT_TRUE(driver.present.empty());
        EXPECT_THAT(remembered(), IsEmpty());
        EXPECT_FALSE(driver.holds("no-such-disk-1"));
    }
}

TEST_F(disks, stay_when_one_is_in_use) {
    const auto all = attached({1, 2, 3});
    driver.busy = {2};
    const auto report = remove(all, users::are_respected);
    EXPECT_EQ(luns_of(report.left), (lun_list{1, 2, 3}));
    EXPECT_THAT(report.refusal, HasSubstr("LUN 2 (no-such-disk-2)"));
    EXPECT_THAT(report.losses, IsEmpty());
    EXPECT_EQ(driver.present.size(), 3U);
    EXPECT_EQ(driver.attached, 4); // LUN 1 again
    EXPECT_EQ(remembered(), (lun_list{1, 2, 3}));
    for (const auto& each : report.left)
        EXPECT_NE(each.device, nullptr);
    EXPECT_EQ(report.left[1].device, all[1].device);
}

TEST_F(disks, are_not_touched_when_the_first_is_in_use) {
    const auto all = attached({1, 2});
    driver.busy = {1};
    const auto report = remove(all, users::are_respected);
    EXPECT_EQ(luns_of(report.left), (lun_list{1, 2}));
    EXPECT_EQ(driver.attached, 2);
    EXPECT_EQ(report.left[0].device, all[0].device);
    EXPECT_EQ(report.left[1].device, all[1].device);
}

TEST_F(disks, are_not_among_those_left_when_they_do_not_come_back) {
    const auto all = attached({1, 2});
    driver.busy = {2};
    driver.unfit = {1};
    const auto report = remove(all, users::are_respected);
    EXPECT_EQ(luns_of(report.left), lun_list{2});
    EXPECT_EQ(remembered(), lun_list{2});
}

TEST_F(disks, are_taken_from_their_users_when_these_do_not_count) {
    auto all = attached({1, 2, 3});
    driver.busy = {1, 2};
    const auto report = remove(std::exchange(all, {}), users::are_ignored);
    EXPECT_THAT(report.left, IsEmpty());
    EXPECT_EQ(report.refusal, "");
    EXPECT_THAT(report.losses, IsEmpty());
    EXPECT_THAT(remembered(), IsEmpty());
    for (const auto* node : {"no-such-disk-1", "no-such-disk-2", "no-such-disk-3"})
        EXPECT_FALSE(driver.holds(node)) << node;
    EXPECT_EQ(driver.attached, 3); // none comes back
}

TEST_F(disks, are_gone_although_something_was_lost) {
    for (const auto whose : {users::are_respected, users::are_ignored}) {
        const auto all = attached({1, 2});
        driver.lossy = {1};
        const auto report = remove(all, whose);
        EXPECT_THAT(report.left, IsEmpty());
        EXPECT_EQ(report.refusal, "");
        EXPECT_THAT(report.losses, ElementsAre(HasSubstr("LUN 1 (no-such-disk-1)")));
        EXPECT_TRUE(driver.present.empty());
        EXPECT_THAT(remembered(), IsEmpty());
    }
}

// ---- what a last flush that fails has cost ----------------------------------------------------

struct last_flush : disks {
    removal_report remove_after(iscsid::lane::write_ledger& ledger, int flush_error) {
        auto all = attached({1, 2});
        driver.lossy = {1};
        lane.ledgers[{some_sid, scsi::lun_from_number(1)}] = keep(ledger);
        ledger.flush_ended(ledger.mark(), flush_error);
        auto report = remove(prepare(std::move(all)), users::are_respected);
        EXPECT_EQ(report.refusal, "");
        EXPECT_THAT(report.left, IsEmpty());
        EXPECT_TRUE(driver.present.empty());
        return report;
    }

    static std::shared_ptr<iscsid::lane::write_ledger> keep(iscsid::lane::write_ledger& ledger) {
        return {std::shared_ptr<void>(), &ledger};
    }

    std::vector<attached_disk> prepare(std::vector<attached_disk> all) const {
        all[0].is_failed = is_barred;
        all[0].is_adopted = is_adopted;
        all[0].is_gone = is_gone;
        return all;
    }

    iscsid::lane::write_ledger ledger;
    bool is_adopted = false;
    bool is_gone = false;
    bool is_barred = false;
};

TEST_F(last_flush, of_a_disk_that_was_only_read_costs_nothing) {
    const auto report = remove_after(ledger, ENOLINK);
    EXPECT_THAT(report.losses, IsEmpty());
    EXPECT_THAT(report.notes, ElementsAre(HasSubstr("LUN 1 (no-such-disk-1)")));
}

TEST_F(last_flush, after_an_earlier_one_costs_nothing) {
    ledger.write_ended(4096, write_place::maybe_cached, 0);
    ledger.flush_ended(ledger.mark(), 0);
    EXPECT_THAT(remove_after(ledger, ENOLINK).losses, IsEmpty());
}

TEST_F(last_flush, costs_what_was_written_since_the_one_before) {
    ledger.write_ended(4096, write_place::maybe_cached, 0);
    ledger.flush_ended(ledger.mark(), 0);
    ledger.write_ended(512, write_place::maybe_cached, 0);
    const auto report = remove_after(ledger, ENOLINK);
    EXPECT_THAT(report.losses, ElementsAre(HasSubstr("512 bytes written since the last flush")));
    EXPECT_THAT(report.notes, IsEmpty());
}

TEST_F(last_flush, costs_nothing_more_than_what_its_user_has_heard) {
    ledger.write_ended(512, write_place::maybe_cached, EIO);
    EXPECT_THAT(remove_after(ledger, ENOLINK).losses, IsEmpty());
}

TEST_F(last_flush, of_a_disk_of_another_daemon_may_cost_what_that_one_wrote) {
    is_adopted = true;
    EXPECT_THAT(remove_after(ledger, ENOLINK).losses, ElementsAre(HasSubstr("LUN 1")));
    iscsid::lane::write_ledger flushed;
    flushed.flush_ended(0, 0);
    EXPECT_THAT(remove_after(flushed, ENOLINK).losses, IsEmpty());
}

TEST_F(last_flush, in_conflict_with_a_reservation_is_no_loss) {
    ledger.write_ended(512, write_place::maybe_cached, 0);
    const auto report = remove_after(ledger, EBADE);
    EXPECT_THAT(report.losses, IsEmpty());
    EXPECT_THAT(report.notes, ElementsAre(HasSubstr("reservation")));
}

TEST_F(last_flush, of_a_unit_that_is_gone_is_not_sent_and_no_loss) {
    is_gone = true;
    ledger.write_ended(512, write_place::maybe_cached, 0);
    const auto report = remove_after(ledger, 0);
    EXPECT_THAT(report.losses, IsEmpty());
    EXPECT_EQ(lane.retired.count({some_sid, scsi::lun_from_number(1)}), 1U);
    EXPECT_EQ(lane.retired.size(), 1U);
}

TEST_F(last_flush, of_a_gone_unit_whose_disk_stays_is_not_kept_quiet) {
    auto all = attached({1});
    all[0].is_gone = true;
    driver.busy = {1};
    const auto report = remove(all, users::are_respected);
    EXPECT_THAT(report.refusal, HasSubstr("LUN 1"));
    EXPECT_TRUE(lane.retired.empty());
    EXPECT_EQ(bar_of(1), ENODEV);
}

// One that says nothing may take all the time that there is.
TEST_F(last_flush, of_a_silent_unit_comes_after_those_of_the_others) {
    auto all = attached({1, 2, 3});
    std::vector<std::function<void(iscsid::lane::scsi_outcome)>> unanswered;
    lane.answers = [&](const auto& what, auto done) {
        if (scsi::lun_number(what.lun) == 1)
            unanswered.push_back(std::move(done));
        else
            done({});
    };
    std::vector<std::uint64_t> order;
    driver.on_removal = [&](std::uint64_t lun) { order.push_back(lun); };
    EXPECT_EQ(remove(std::move(all), users::are_respected).refusal, "");
    EXPECT_EQ(order, (std::vector<std::uint64_t>{2, 3, 1}));
}

// ---- taken from their users -------------------------------------------------------------------

struct taken : last_flush {
    removal_report take(std::uint8_t status) {
        auto all = attached({1, 2});
        driver.busy = {1, 2};
        lane.ledgers[{some_sid, scsi::lun_from_number(1)}] = keep(ledger);
        lane.ledgers[{some_sid, scsi::lun_from_number(2)}] =
            std::make_shared<iscsid::lane::write_ledger>();
        lane.answers = [this, status](const auto& what, auto done) {
            iscsid::lane::scsi_outcome how;
            if (what.cdb == scsi::test_unit_ready())
                return done(std::move(how));
            flushed.push_back(scsi::lun_number(what.lun));
            EXPECT_EQ(what.cdb, scsi::synchronize_cache());
            how.done.status = status;
            done(std::move(how));
        };
        return remove(prepare(std::move(all)), users::are_ignored);
    }

    lun_list flushed;
};

TEST_F(taken, have_what_was_answered_flushed_at_their_unit) {
    ledger.write_ended(512, write_place::maybe_cached, 0);
    const auto report = take(0);
    // Before, as all are, and after its users have lost it; nothing was written to the other.
    EXPECT_EQ(flushed, (lun_list{1, 1}));
    EXPECT_THAT(report.losses, IsEmpty());
}

TEST_F(taken, are_a_loss_when_their_unit_cannot_be_flushed) {
    ledger.write_ended(512, write_place::maybe_cached, 0);
    EXPECT_THAT(take(0x18).losses, ElementsAre(HasSubstr("LUN 1 (no-such-disk-1): 512 bytes")));
}

TEST_F(taken, have_flushed_what_an_earlier_daemon_may_have_written) {
    ledger.inherit();
    EXPECT_THAT(take(0x18).losses, ElementsAre(HasSubstr("before iscsid ended")));
    EXPECT_THAT(take(0).losses, IsEmpty());
    EXPECT_EQ(flushed.size(), 4U);
}

TEST_F(taken, are_not_flushed_behind_a_bar) {
    ledger.write_ended(512, write_place::maybe_cached, 0);
    is_barred = true; // it may be another unit
    EXPECT_THAT(take(0).losses, ElementsAre(HasSubstr("LUN 1")));
    EXPECT_THAT(flushed, IsEmpty());
}

TEST_F(disks, without_any_are_removed_at_once) {
    const auto report = remove({}, users::are_respected);
    EXPECT_EQ(report.refusal, "");
    EXPECT_THAT(report.left, IsEmpty());
}

// The lane fails its requests: without this flag nobody will ever end that.
TEST_F(disks, come_back_with_their_bar) {
    auto all = attached({1, 2});
    all[0].is_failed = true;
    driver.busy = {2};
    const auto report = remove(all, users::are_respected);
    ASSERT_EQ(luns_of(report.left), (lun_list{1, 2}));
    EXPECT_TRUE(report.left[0].is_failed);
}

// ---- attached and taken over ------------------------------------------------------------------

TEST_F(disks, do_not_appear_when_they_cannot_be_remembered) {
    std::ofstream(folder / "disks-state") << "a file where the folder should be";
    const auto report = attach_all(with, lane, {state_of(1)});
    EXPECT_THAT(report.disks, IsEmpty());
    EXPECT_THAT(report.failures, ElementsAre(HasSubstr("LUN 1")));
    EXPECT_TRUE(driver.present.empty());
}

TEST_F(disks, that_are_named_late_are_remembered_when_they_are_there) {
    driver.is_named_late = true;
    const auto report = attach_all(with, lane, {state_of(1)});
    ASSERT_EQ(luns_of(report.disks), lun_list{1});
    EXPECT_TRUE(outlives_daemon(with, report.disks[0].state));
    EXPECT_EQ(registry.load().disks.at(0).node, "no-such-disk-1");
}

TEST_F(disks, that_are_named_late_end_with_the_daemon_when_they_cannot_be_remembered) {
    driver.is_named_late = true;
    std::ofstream(folder / "disks-state") << "a file where the folder should be";
    const auto report = attach_all(with, lane, {state_of(1)});
    ASSERT_EQ(luns_of(report.disks), lun_list{1});
    EXPECT_FALSE(outlives_daemon(with, report.disks[0].state));
    EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("it ends with this iscsid")));
}

TEST_F(disks, that_nobody_keeps_are_not_remembered) {
    driver.is_named_late = true;
    driver.mortal = {2};
    const auto report = attach_all(with, lane, {state_of(1), state_of(2)});
    ASSERT_EQ(luns_of(report.disks), (lun_list{1, 2}));
    EXPECT_TRUE(outlives_daemon(with, report.disks[0].state));
    EXPECT_FALSE(outlives_daemon(with, report.disks[1].state));
    EXPECT_EQ(remembered(), lun_list{1});
    EXPECT_TRUE(remember(with, report.disks[1].state)); // as a look does
    EXPECT_EQ(remembered(), lun_list{1});
}

TEST_F(disks, work_without_links_and_say_so_when_udev_cannot_be_told) {
    std::ofstream(folder / "udev") << "a file where the folder should be";
    const iscsid::device::udev_links links(folder / "udev");
    with.links = &links;
    for (const bool outlives : {true, false}) {
        driver.adopts = outlives;
        const auto report = attach_all(with, lane, {state_of(1)});
        EXPECT_EQ(luns_of(report.disks), lun_list{1});
        EXPECT_THAT(report.failures, IsEmpty());
        EXPECT_THAT(
            report.warnings,
            ElementsAre(AllOf(
                HasSubstr("LUN 1 (no-such-disk-1) gets no links in /dev/disk"),
                HasSubstr((folder / "udev").string())
            ))
        );
    }
}

TEST_F(disks, are_taken_over_and_said_to_be_noted_as_before_when_they_cannot_be_noted_anew) {
    std::ofstream(folder / "disks-state") << "a file where the folder should be";
    const auto report = adopt_all(with, lane, {state_of(1, "old1")});
    ASSERT_EQ(luns_of(report.disks), lun_list{1});
    EXPECT_EQ(driver.adopted, 1);
    EXPECT_TRUE(report.disks[0].is_unnoted);
    EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("LUN 1 (old1): the next iscsid knows")));
}

TEST_F(disks, do_not_stop_each_other) {
    driver.unfit = {1, 3};
    const auto report = attach_all(with, lane, {state_of(1), state_of(2), state_of(3)});
    EXPECT_EQ(luns_of(report.disks), lun_list{2});
    EXPECT_THAT(report.failures, ElementsAre(HasSubstr("LUN 1"), HasSubstr("LUN 3")));
    EXPECT_EQ(remembered(), lun_list{2});
}

TEST_F(disks, need_no_registry) {
    with.registry = nullptr;
    EXPECT_EQ(adopt_all(with, lane, {state_of(1, "old1")}).disks.at(0).state.node, "old1");
    EXPECT_EQ(remove(attached({2}), users::are_respected).refusal, "");
    EXPECT_FALSE(std::filesystem::exists(folder / "disks-state"));
}

TEST_F(disks, are_remembered_as_they_are_when_they_are_taken_over) {
    ASSERT_TRUE(registry.save(state_of(1, "old1")));
    auto now = state_of(1, "old1");
    now.properties.block_count = 500;
    driver.on_the_edge = [this](const auto&) {
        EXPECT_EQ(registry.load().disks.at(0).properties.block_count, 500U);
    };
    EXPECT_EQ(luns_of(adopt_all(with, lane, {now}).disks), lun_list{1});
    EXPECT_EQ(driver.adopted, 1);
}

TEST_F(disks, that_are_taken_over_have_something_to_flush) {
    const auto left = state_of(1, "old1");
    attach_all(with, lane, {state_of(2)});
    EXPECT_THAT(lane.inherited, IsEmpty());
    adopt_all(with, lane, {left});
    EXPECT_THAT(lane.inherited, ElementsAre(std::pair(left.sid, left.lun)));
}

// ---- drivers that come and go -----------------------------------------------------------------

TEST_F(disks, are_taken_over_by_their_driver_when_there_is_none_today) {
    auto left = state_of(1, "old1");
    ASSERT_TRUE(registry.save(left));
    with.driver = nullptr;
    with.earlier = {&driver};
    EXPECT_TRUE(outlives_daemon(with, left));
    const auto report = adopt_all(with, lane, {left});
    EXPECT_EQ(luns_of(report.disks), lun_list{1});
    EXPECT_EQ(driver.adopted, 1);
    EXPECT_EQ(remembered(), lun_list{1});
}

TEST_F(disks, wait_for_a_daemon_that_has_their_driver) {
    auto left = state_of(1, "old1");
    ASSERT_TRUE(registry.save(left));
    with.driver = nullptr;
    EXPECT_FALSE(outlives_daemon(with, left));
    EXPECT_THAT(adopt_all(with, lane, {left}).failures, ElementsAre(HasSubstr("old1")));
    EXPECT_THAT(attach_all(with, lane, {state_of(2)}).failures, ElementsAre(HasSubstr("LUN 2")));
    EXPECT_EQ(remembered(), lun_list{1});
}

} // namespace
