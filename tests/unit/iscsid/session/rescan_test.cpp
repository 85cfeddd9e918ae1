#include "tests/unit/iscsid/session/states.hpp"

#include "iscsid/session/rescan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace {

using namespace iscsid::session;
using iscsid::device::found_lun;
using iscsid::device::registry;
using iscsid::device::scan_result;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using lun_list = std::vector<std::uint64_t>;

found_lun other(std::uint64_t lun) {
    auto seen = found(lun);
    seen.properties.wwid = "36009";
    return seen;
}

// ---- what is done about it --------------------------------------------------------------------

struct changed_disks : disk_world {
    change_report apply(std::vector<attached_disk> disks, disk_changes changes) {
        return apply_changes(with, lane, std::move(disks), std::move(changes));
    }

    // What the scan saw is what is applied.
    change_report follow(
        const std::vector<attached_disk>& disks,
        const std::vector<found_lun>& seen,
        const std::vector<iscsid::device::disk_state>& orphans = {}
    ) {
        return apply(disks, changes_of(disks, orphans, {seen, {}, {}}, state_of(0), true));
    }

    // One that an earlier daemon has left.
    iscsid::device::disk_state orphan(std::uint64_t lun, const std::string& node) {
        const auto state = state_of(lun, node);
        EXPECT_TRUE(registry.save(state));
        return state;
    }
};

TEST_F(changed_disks, are_attached_and_remembered) {
    const auto report = follow(attached({1}), {found(1), found(2)});
    EXPECT_EQ(luns_of(report.disks), (lun_list{1, 2}));
    EXPECT_THAT(report.news, ElementsAre("LUN 2 is no-such-disk-2 now"));
    EXPECT_THAT(report.troubles, IsEmpty());
    EXPECT_EQ(report.disks[1].state.node, "no-such-disk-2");
    EXPECT_EQ(report.disks[1].state.driver, "fake");
    EXPECT_TRUE(remembers(2, "no-such-disk-2"));
}

TEST_F(changed_disks, are_remembered_before_anybody_sees_them) {
    driver.on_the_edge = [this](const auto& what) {
        EXPECT_EQ(what.lun_number, 2U);
        EXPECT_TRUE(remembers(2, "no-such-disk-2"));
    };
    follow({}, {found(2)});
    EXPECT_EQ(driver.attached, 1);
}

TEST_F(changed_disks, are_told_when_they_cannot_be_attached) {
    driver.unfit = {2};
    const auto report = follow({}, {found(1), found(2)});
    EXPECT_EQ(luns_of(report.disks), lun_list{1});
    ASSERT_EQ(report.troubles.size(), 1U);
    EXPECT_THAT(report.troubles[0], HasSubstr("LUN 2"));
    EXPECT_EQ(remembered(), lun_list{1});
}

TEST_F(changed_disks, are_removed_and_forgotten_when_they_are_gone) {
    const auto report = follow(attached({1, 2}), {found(2)});
    EXPECT_EQ(luns_of(report.disks), lun_list{2});
    EXPECT_THAT(report.news, ElementsAre("LUN 1 (no-such-disk-1) is gone"));
    EXPECT_THAT(report.troubles, IsEmpty());
    EXPECT_EQ(driver.present, std::set<std::string>{"no-such-disk-2"});
    EXPECT_EQ(remembered(), lun_list{2});
}

TEST_F(changed_disks, stay_while_they_are_in_use) {
    const auto disks = attached({1, 2});
    driver.busy = {1};
    const auto report = follow(disks, {found(2)});
    EXPECT_EQ(luns_of(report.disks), (lun_list{1, 2}));
    EXPECT_THAT(report.news, IsEmpty());
    ASSERT_EQ(report.troubles.size(), 1U);
    EXPECT_THAT(report.troubles[0], HasSubstr("its disk stays"));
    EXPECT_THAT(report.troubles[0], HasSubstr("LUN 1"));
    EXPECT_EQ(remembered(), (lun_list{1, 2}));
    driver.busy.clear();
    EXPECT_EQ(luns_of(follow(report.disks, {found(2)}).disks), lun_list{2});
}

// Nothing of it may wait for a unit that is not there, least of all its last flush.
TEST_F(changed_disks, of_gone_units_fail_before_they_are_removed) {
    const auto disks = attached({1, 2, 3});
    driver.on_removal = [this](std::uint64_t lun) {
        EXPECT_EQ(bar_of(lun), ENODEV);
        EXPECT_EQ(lane.retired.count({some_sid, scsi::lun_from_number(lun)}), 1U);
    };
    EXPECT_EQ(luns_of(follow(disks, {found(2)}).disks), lun_list{2});
    EXPECT_EQ(bar_of(1), 0); // for the next one of that number
    EXPECT_EQ(bar_of(2), 0);
}

TEST_F(changed_disks, of_gone_units_fail_while_they_stay_and_work_again_when_these_are_back) {
    const auto disks = attached({1});
    driver.busy = {1};
    auto report = follow(disks, {});
    EXPECT_EQ(bar_of(1), ENODEV);
    ASSERT_EQ(luns_of(report.disks), lun_list{1});
    EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("its disk stays")));
    report = follow(report.disks, {found(1)});
    EXPECT_EQ(bar_of(1), 0);
    EXPECT_FALSE(report.disks.at(0).is_gone);
}

// Whoever asks for a scan hears of it each time, though the log has it once.
TEST_F(changed_disks, warn_with_each_scan_while_all_their_io_fails) {
    auto report = follow(attached({1, 2}), {other(1), found(2)});
    for (int scan = 0; scan < 2; ++scan) {
        EXPECT_THAT(
            report.warnings,
            ElementsAre("LUN 1 (no-such-disk-1): all its I/O fails: the LUN is not the disk that "
                        "it was")
        );
        report = follow(report.disks, {other(1), found(2)});
    }
    EXPECT_THAT(follow(report.disks, {found(1), found(2)}).warnings, IsEmpty());
}

TEST_F(changed_disks, warn_with_each_scan_while_they_cannot_follow_their_unit) {
    driver.can_resize = false;
    auto report = follow(attached({1, 2}), {found(1, 300), found(2)});
    for (int scan = 0; scan < 2; ++scan) {
        EXPECT_THAT(
            report.warnings,
            ElementsAre("LUN 1 (no-such-disk-1): the target shows 153600 bytes, the disk still "
                        "51200: log out and in again to follow")
        );
        report = follow(report.disks, {found(1, 300), found(2)});
    }
    report = follow(report.disks, {found(1, 100), found(2)}); // as the disk shows it
    EXPECT_THAT(report.warnings, IsEmpty());
}

TEST_F(changed_disks, without_a_node_have_no_empty_names) {
    driver.has_nodes = driver.adopts = false;
    const auto report = follow({}, {found(1), found(2)});
    EXPECT_THAT(report.news, ElementsAre("LUN 1 is exported now", "LUN 2 is exported now"));
    EXPECT_THAT(follow(report.disks, {found(2)}).news, ElementsAre("LUN 1 is gone"));
    driver.busy = {2};
    const auto refused = remove_all(with, lane, report.disks, {});
    EXPECT_THAT(refused.refusal, testing::StartsWith("LUN 2: "));
}

TEST_F(changed_disks, tell_of_losses_when_they_go) {
    const auto disks = attached({1});
    driver.lossy = {1};
    const auto report = follow(disks, {});
    EXPECT_THAT(report.disks, IsEmpty());
    EXPECT_THAT(remembered(), IsEmpty());
}

TEST_F(changed_disks, tell_of_losses_when_they_go_as_a_trouble) {
    const auto disks = attached({1});
    driver.lossy = {1};
    EXPECT_EQ(follow(disks, {}).troubles.size(), 1U);
}

TEST_F(changed_disks, follow_their_capacity) {
    const auto report = follow(attached({1}), {found(1, 300)});
    EXPECT_EQ(driver.resized.at(1), 300U);
    EXPECT_EQ(lane.refreshed.back().properties.block_count, 300U);
    EXPECT_EQ(report.disks.at(0).state.properties.block_count, 300U);
    EXPECT_THAT(report.news, ElementsAre("LUN 1 (no-such-disk-1) has 153600 bytes now"));
    EXPECT_EQ(registry.load().disks.at(0).properties.block_count, 300U);
    EXPECT_THAT(follow(report.disks, {found(1, 300)}).news, IsEmpty());
}

TEST_F(changed_disks, are_told_once_when_they_cannot_follow) {
    driver.can_resize = false;
    const auto report = follow(attached({1}), {found(1, 50)});
    EXPECT_THAT(report.news, IsEmpty());
    ASSERT_EQ(report.troubles.size(), 1U);
    EXPECT_THAT(report.troubles[0], HasSubstr("25600 bytes"));
    EXPECT_EQ(lane.refreshed.back().properties.block_count, 50U);
    EXPECT_THAT(follow(report.disks, {found(1, 50)}).troubles, IsEmpty());
}

TEST_F(changed_disks, are_noted_at_a_later_look_when_they_could_not_be) {
    auto disks = attached({1});
    std::filesystem::rename(folder / "disks-state", folder / "away");
    std::ofstream(folder / "disks-state") << "a file where the folder should be";
    for (const std::size_t lines_of_the_log : {1U, 0U}) {
        auto report = follow(disks, {found(1, 500)});
        EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("LUN 1 (no-such-disk-1): the next")));
        EXPECT_EQ(report.troubles.size(), lines_of_the_log);
        disks = std::move(report.disks);
    }
    std::filesystem::remove(folder / "disks-state");
    std::filesystem::rename(folder / "away", folder / "disks-state");
    EXPECT_EQ(registry.load().disks.at(0).properties.block_count, 100U);
    EXPECT_THAT(follow(disks, {found(1, 500)}).warnings, IsEmpty());
    EXPECT_EQ(registry.load().disks.at(0).properties.block_count, 500U);
}

TEST_F(changed_disks, tell_of_disks_that_udev_cannot_be_told_of) {
    std::ofstream(folder / "udev") << "a file where the folder should be";
    const iscsid::device::udev_links links(folder / "udev");
    with.links = &links;
    const auto report = follow({}, {found(1)});
    EXPECT_EQ(luns_of(report.disks), lun_list{1});
    EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("gets no links in /dev/disk")));
    EXPECT_EQ(report.troubles, report.warnings);
}

TEST_F(changed_disks, tell_the_lane_of_every_look) {
    auto seen = found(1);
    seen.looked_at = iscsi::instant(std::chrono::seconds(7));
    const auto report = follow(attached({1}), {seen});
    ASSERT_EQ(lane.refreshed.size(), 1U);
    EXPECT_EQ(lane.refreshed[0].looked_at, seen.looked_at);
    EXPECT_EQ(lane.refreshed[0].properties, seen.properties);
    EXPECT_THAT(report.news, IsEmpty());
    follow(report.disks, {seen, found(2)});
    EXPECT_EQ(lane.refreshed.size(), 3U) << "and of new ones, before they are attached";
}

TEST_F(changed_disks, follow_their_write_protection) {
    auto seen = found(1);
    seen.properties.read_only = true;
    auto report = follow(attached({1, 2}), {seen, found(2)});
    EXPECT_EQ(driver.made_read_only, (std::map<std::uint64_t, bool>{{1, true}}));
    EXPECT_THAT(report.news, ElementsAre("LUN 1 (no-such-disk-1) is read-only now"));
    EXPECT_TRUE(registry.load().disks.at(0).properties.read_only);
    report = follow(report.disks, {found(1), found(2)});
    EXPECT_EQ(driver.made_read_only, (std::map<std::uint64_t, bool>{{1, false}}));
    EXPECT_THAT(report.news, ElementsAre("LUN 1 (no-such-disk-1) is writable now"));
}

TEST_F(changed_disks, are_told_once_when_they_cannot_follow_their_write_protection) {
    driver.can_protect = false;
    auto seen = found(1);
    seen.properties.read_only = true;
    const auto report = follow(attached({1}), {seen});
    EXPECT_THAT(report.news, IsEmpty());
    ASSERT_EQ(report.troubles.size(), 1U);
    EXPECT_THAT(report.troubles[0], HasSubstr("LUN 1 (no-such-disk-1) is read-only now"));
    ASSERT_EQ(report.warnings.size(), 1U);
    EXPECT_THAT(report.warnings[0], HasSubstr("log out and in"));
    EXPECT_TRUE(lane.refreshed.back().properties.read_only) << "the lane refuses writes";
    EXPECT_THAT(follow(report.disks, {seen}).troubles, IsEmpty());
}

TEST_F(changed_disks, follow_whatever_else_is_new) {
    using unit = scsi::logical_unit;

    struct example {
        void (*change)(unit& what);
        const char* words;
    };

    for (const auto& each :
         {example{[](unit& what) { what.write_cache_enabled = true; }, "write cache on"},
          example{[](unit& what) { what.write_cache_known = false; }, "write cache unknown"},
          example{[](unit& what) { what.dpofua = true; }, "FUA bit supported"},
          example{[](unit& what) { what.thin = what.can_unmap = true; }, "discards"},
          example{
              [](unit& what) { what.reads_zero_after_unmap = true; },
              "unmapped blocks read as zeros"},
          example{
              [](unit& what) { what.max_transfer_blocks = 256; }, "at most 256 blocks at a time"},
          example{[](unit& what) { what.unmap_granularity = 8; }, "limits of discards"}}) {
        lane.refreshed.clear();
        auto seen = found(1);
        each.change(seen.properties);
        const auto report = follow(attached({1}), {seen});
        ASSERT_EQ(report.news.size(), 1U) << each.words;
        EXPECT_THAT(report.news[0], HasSubstr(each.words));
        EXPECT_EQ(lane.refreshed.back().properties, seen.properties);
        EXPECT_EQ(report.disks.at(0).state.properties, seen.properties);
        EXPECT_EQ(registry.load().disks.at(0).properties, seen.properties);
        EXPECT_THAT(follow(report.disks, {seen}).news, IsEmpty());
    }
}

TEST_F(changed_disks, that_are_adopted_are_known_to_the_lane_before) {
    auto seen = found(1);
    seen.properties.write_cache_enabled = true;
    driver.on_the_edge = [this](const auto& what) {
        EXPECT_TRUE(what.properties.write_cache_enabled);
        EXPECT_EQ(lane.refreshed.size(), 1U);
    };
    follow({}, {seen}, {orphan(1, "old1")});
    EXPECT_EQ(driver.adopted, 1);
}

TEST_F(changed_disks, are_barred_once_while_they_are_others) {
    auto report = follow(attached({1, 2}), {other(1), found(2)});
    EXPECT_EQ(bar_of(1), EIO);
    EXPECT_EQ(bar_of(2), 0);
    EXPECT_TRUE(report.disks.at(0).is_failed);
    EXPECT_FALSE(report.disks.at(1).is_failed);
    ASSERT_EQ(report.troubles.size(), 1U);
    EXPECT_THAT(report.troubles[0], HasSubstr("36009"));
    EXPECT_EQ(driver.present.size(), 2U);

    report = follow(report.disks, {other(1), found(2)});
    EXPECT_THAT(report.troubles, IsEmpty());
    EXPECT_EQ(bar_of(1), EIO);

    report = follow(report.disks, {found(1), found(2)});
    EXPECT_EQ(bar_of(1), 0);
    EXPECT_FALSE(report.disks.at(0).is_failed);
    EXPECT_THAT(report.news, ElementsAre("LUN 1 is the disk that it was, again"));
}

// The lane remembers what fails for disks that come later: this one would never work.
TEST_F(changed_disks, leave_no_bar_behind_when_they_go) {
    auto report = follow(attached({1}), {other(1)});
    report = follow(report.disks, {});
    EXPECT_THAT(report.disks, IsEmpty());
    report = follow(report.disks, {other(1)});
    ASSERT_EQ(luns_of(report.disks), lun_list{1});
    EXPECT_EQ(bar_of(1), 0);
}

// ---- orphans ----------------------------------------------------------------------------------

TEST_F(changed_disks, are_taken_over_where_they_stopped) {
    const auto report = follow({}, {found(1)}, {orphan(1, "old1")});
    EXPECT_EQ(luns_of(report.disks), lun_list{1});
    EXPECT_EQ(report.disks[0].state.node, "old1");
    EXPECT_FALSE(report.disks[0].is_failed);
    EXPECT_THAT(report.news, ElementsAre("LUN 1 (old1) goes on where it stopped"));
    EXPECT_EQ(driver.adopted, 1);
    EXPECT_EQ(driver.attached, 0);
    EXPECT_TRUE(remembers(1, "old1"));
}

TEST_F(changed_disks, are_taken_over_behind_a_bar_that_the_lane_knows_before) {
    for (const auto& seen : {std::vector{other(1)}, std::vector<found_lun>{}}) {
        lane.failing.clear();
        driver.on_the_edge = [this](const auto&) { EXPECT_EQ(bar_of(1), EIO); };
        auto report = follow({}, seen, {orphan(1, "old1")});
        ASSERT_EQ(luns_of(report.disks), lun_list{1});
        EXPECT_TRUE(report.disks[0].is_failed);
        EXPECT_EQ(report.troubles.size(), 1U);
        EXPECT_EQ(bar_of(1), EIO);

        report = follow(report.disks, {found(1)});
        EXPECT_FALSE(report.disks.at(0).is_failed);
        EXPECT_EQ(bar_of(1), 0);
    }
    EXPECT_EQ(driver.adopted, 2);
}

TEST_F(changed_disks, bar_only_the_orphans_that_are_others) {
    const auto report = follow({}, {other(1), found(2)}, {orphan(1, "old1"), orphan(2, "old2")});
    ASSERT_EQ(luns_of(report.disks), (lun_list{1, 2}));
    EXPECT_TRUE(report.disks[0].is_failed);
    EXPECT_FALSE(report.disks[1].is_failed);
    EXPECT_EQ(bar_of(2), 0);
}

TEST_F(changed_disks, are_made_anew_when_the_device_has_not_outlived_its_daemon) {
    driver.gone = {"old1"};
    const auto report = follow({}, {found(1)}, {orphan(1, "old1")});
    ASSERT_EQ(luns_of(report.disks), lun_list{1});
    EXPECT_EQ(report.disks[0].state.node, "no-such-disk-1");
    EXPECT_EQ(driver.adopted, 0);
    EXPECT_EQ(driver.attached, 1);
    EXPECT_TRUE(remembers(1, "no-such-disk-1"));
    EXPECT_FALSE(remembers(1, "old1"));
}

TEST_F(changed_disks, are_forgotten_when_they_can_neither_be_taken_over_nor_made) {
    driver.gone = {"old1"};
    driver.unfit = {1};
    const auto report = follow({}, {found(1)}, {orphan(1, "old1")});
    EXPECT_THAT(report.disks, IsEmpty());
    EXPECT_EQ(report.troubles.size(), 1U);
    EXPECT_THAT(remembered(), IsEmpty());
}

TEST_F(changed_disks, are_taken_over_by_the_driver_that_made_them) {
    fake_driver old("older");
    old.adopts = true;
    with.earlier = {&old};
    driver.adopts = false; // today's leaves nothing behind
    auto left = orphan(1, "old1");
    left.driver = "older";
    const auto report = follow({}, {found(1)}, {left});
    ASSERT_EQ(luns_of(report.disks), lun_list{1});
    EXPECT_EQ(report.disks[0].state.driver, "older");
    EXPECT_EQ(old.adopted, 1);
    EXPECT_EQ(driver.attached, 0);
    EXPECT_TRUE(remembers(1, "old1"));

    old.gone = {"old2"};
    left = orphan(2, "old2");
    left.driver = "older";
    const auto anew = follow({}, {found(2)}, {left});
    ASSERT_EQ(luns_of(anew.disks), lun_list{2});
    EXPECT_EQ(anew.disks[0].state.driver, "fake");
    EXPECT_EQ(old.attached, 0);
    EXPECT_EQ(driver.attached, 1);
    EXPECT_EQ(remembered(), lun_list{1});
}

TEST_F(changed_disks, are_left_alone_when_nobody_knows_their_driver) {
    auto left = orphan(1, "old1");
    left.driver = "unknown";
    const auto report = follow({}, {found(1)}, {left});
    EXPECT_THAT(report.disks, IsEmpty());
    ASSERT_EQ(report.troubles.size(), 1U);
    EXPECT_THAT(report.troubles[0], HasSubstr("unknown"));
    EXPECT_EQ(driver.attached, 0);
    EXPECT_TRUE(remembers(1, "old1"));
}

TEST_F(changed_disks, of_a_driver_that_leaves_nothing_are_not_remembered) {
    driver.adopts = false;
    auto report = follow({}, {found(1), found(2)});
    EXPECT_EQ(luns_of(report.disks), (lun_list{1, 2}));
    EXPECT_THAT(remembered(), IsEmpty());
    follow(report.disks, {found(1, 300), found(2)});
    EXPECT_THAT(remembered(), IsEmpty());
}

TEST_F(changed_disks, of_all_kinds_come_in_one_scan) {
    const auto disks = attached({1, 2, 3});
    const auto report =
        follow(disks, {found(1, 50), other(2), found(4), found(5)}, {orphan(4, "old4")});
    EXPECT_EQ(luns_of(report.disks), (lun_list{1, 2, 4, 5}));
    EXPECT_EQ(report.news.size(), 4U);
    EXPECT_EQ(report.troubles.size(), 1U);
    EXPECT_EQ(remembered(), (lun_list{1, 2, 4, 5}));
}

// With none of its requests failing the next disk of that number would work.
TEST_F(changed_disks, leave_no_bar_behind_when_they_could_not_be_taken_over) {
    driver.gone = {"old1"};
    driver.unfit = {1};
    auto report = follow({}, {other(1)}, {orphan(1, "old1")});
    EXPECT_THAT(report.disks, IsEmpty());
    driver.unfit.clear();
    report = follow(report.disks, {other(1)});
    ASSERT_EQ(luns_of(report.disks), lun_list{1});
    EXPECT_EQ(bar_of(1), 0);
}

} // namespace
