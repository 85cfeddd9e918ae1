#include "tests/unit/iscsid/session/states.hpp"

#include "iscsid/session/rescan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <cerrno>

namespace {

using namespace iscsid::session;
using iscsid::device::found_lun;
using iscsid::device::registry;
using iscsid::device::scan_result;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using lun_list = std::vector<std::uint64_t>;

// ---- what a scan means ------------------------------------------------------------------------

attached_disk disk_of(std::uint64_t lun, bool barred = false) {
    return {state_of(lun), nullptr, barred};
}

found_lun other(std::uint64_t lun) {
    auto seen = found(lun);
    seen.properties.wwid = "36009";
    return seen;
}

// "attach 2; remove 1; …": all of it, in the fewest words.
std::string describe(const disk_changes& changes) {
    std::vector<std::string> all;
    for (const auto& each : changes.attach)
        all.push_back(fmt::format("attach {}", each.lun_number));
    for (const auto& each : changes.adopt)
        all.push_back(fmt::format("adopt {}", each.lun_number));
    for (const auto number : changes.remove)
        all.push_back(fmt::format("remove {}", number));
    for (const auto& each : changes.refresh)
        if (each.properties.block_count != unit_of(each.number).block_count)
            all.push_back(fmt::format("resize {} to {}", each.number, each.properties.block_count));
    for (const auto& each : changes.bars)
        all.push_back(fmt::format("bar {}", each.lun_number));
    for (const auto number : changes.unbar)
        all.push_back(fmt::format("unbar {}", number));
    return fmt::format("{}", fmt::join(all, "; "));
}

struct example {
    std::string name;
    std::vector<attached_disk> disks;
    lun_list orphans;
    scan_result seen;
    std::string expected;
    bool attach_new = true;
};

void check(const std::vector<example>& examples) {
    for (const auto& each : examples) {
        std::vector<iscsid::device::disk_state> orphans;
        for (const auto lun : each.orphans)
            orphans.push_back(state_of(lun));
        const auto changes =
            changes_of(each.disks, orphans, each.seen, state_of(0), each.attach_new);
        EXPECT_EQ(describe(changes), each.expected) << each.name;
    }
}

TEST(disk_changes, follow_the_list_of_luns) {
    check({
        {"all as it was", {disk_of(1), disk_of(2)}, {}, {{found(1), found(2)}, {}, {}}, ""},
        {"a new LUN", {disk_of(1)}, {}, {{found(1), found(2)}, {}, {}}, "attach 2"},
        {"not wanted", {disk_of(1)}, {}, {{found(1), found(2)}, {}, {}}, "", false},
        {"gone", {disk_of(1), disk_of(2)}, {}, {{found(2)}, {}, {}}, "remove 1"},
        {"gone, nothing new wanted", {disk_of(1)}, {}, {{}, {}, {}}, "remove 1", false},
        {"gone behind a bar", {disk_of(1, true)}, {}, {{}, {}, {}}, "remove 1"},
        {"no list", {disk_of(1)}, {}, {{found(0)}, {}, "REPORT LUNS: refused"}, "attach 0"},
        {"skipped", {disk_of(1)}, {}, {{}, {{1, "not ready"}}, {}}, ""},
        {"another one skipped", {disk_of(1)}, {}, {{}, {{2, "not ready"}}, {}}, "remove 1"},
        {"one for another", {disk_of(1)}, {}, {{found(2)}, {}, {}}, "attach 2; remove 1"},
    });
}

TEST(disk_changes, follow_what_a_lun_is) {
    check({
        {"grown", {disk_of(1)}, {}, {{found(1, 101)}, {}, {}}, "resize 1 to 101"},
        {"shrunk", {disk_of(1)}, {}, {{found(1, 99)}, {}, {}}, "resize 1 to 99"},
        {"other", {disk_of(1), disk_of(2)}, {}, {{other(1), found(2)}, {}, {}}, "bar 1"},
        {"other, no list", {disk_of(1)}, {}, {{other(1)}, {}, "no"}, "bar 1"},
        {"still other", {disk_of(1, true)}, {}, {{other(1)}, {}, {}}, ""},
        {"back again", {disk_of(1, true)}, {}, {{found(1)}, {}, {}}, "unbar 1"},
        {"back and grown",
         {disk_of(1, true)},
         {},
         {{found(1, 101)}, {}, {}},
         "resize 1 to 101; unbar 1"},
        {"skipped behind a bar", {disk_of(1, true)}, {}, {{}, {{1, "no"}}, {}}, ""},
    });
}

TEST(disk_changes, take_orphans_in_whatever_the_target_shows) {
    check({
        {"as it was", {}, {1, 2}, {{found(1), found(2)}, {}, {}}, "adopt 1; adopt 2"},
        {"nothing new wanted", {}, {1}, {{found(1), found(2)}, {}, {}}, "adopt 1", false},
        {"with a new one", {}, {1}, {{found(1), found(2)}, {}, {}}, "attach 2; adopt 1"},
        {"other", {}, {1}, {{other(1)}, {}, {}}, "adopt 1; bar 1"},
        {"not shown", {}, {1}, {{}, {}, {}}, "adopt 1; bar 1"},
        {"no list", {}, {1}, {{found(0)}, {}, "no"}, "attach 0; adopt 1; bar 1"},
        {"skipped", {}, {1}, {{}, {{1, "no"}}, {}}, "adopt 1; bar 1"},
        {"beside a disk", {disk_of(1)}, {2}, {{found(1), found(2)}, {}, {}}, "adopt 2"},
    });
}

TEST(disk_changes, say_why_a_lun_is_another_one) {
    const auto one = changes_of({disk_of(1)}, {}, {{other(1)}, {}, {}}, state_of(0), true);
    ASSERT_EQ(one.bars.size(), 1U);
    EXPECT_THAT(one.bars[0].why, HasSubstr("36009"));
    EXPECT_THAT(one.bars[0].why, HasSubstr("36001"));
    auto block = found(1);
    block.properties.block_size = 4096;
    const auto two = changes_of({}, {state_of(1)}, {{block}, {}, {}}, state_of(0), true);
    ASSERT_EQ(two.bars.size(), 1U);
    EXPECT_THAT(two.bars[0].why, HasSubstr("4096"));
    const auto three = changes_of({}, {state_of(1)}, {{}, {}, {}}, state_of(0), true);
    ASSERT_EQ(three.bars.size(), 1U);
    EXPECT_THAT(three.bars[0].why, HasSubstr("not show it"));
    EXPECT_TRUE(three.bars[0].is_unknown);
    EXPECT_FALSE(two.bars[0].is_unknown);
    const auto four =
        changes_of({}, {state_of(1)}, {{}, {{1, "not ready"}}, {}}, state_of(0), true);
    ASSERT_EQ(four.bars.size(), 1U);
    EXPECT_EQ(four.bars[0].why, "not ready");
    EXPECT_TRUE(four.bars[0].is_unknown);
}

TEST(disk_changes, have_the_words_of_the_session_for_a_new_lun) {
    auto whose = state_of(0);
    whose.index = 3;
    const auto changes = changes_of({}, {}, {{found(16640, 7)}, {}, {}}, whose, true);
    ASSERT_EQ(changes.attach.size(), 1U);
    const auto& state = changes.attach[0];
    EXPECT_EQ(state.sid, some_sid);
    EXPECT_EQ(state.index, 3U);
    EXPECT_EQ(state.target, whose.target);
    EXPECT_EQ(state.lun_number, 16640U);
    EXPECT_EQ(state.lun, scsi::lun_from_number(16640));
    EXPECT_EQ(state.properties.wwid, "360016640");
    EXPECT_EQ(state.properties.block_count, 7U);
}

// Also of those where nothing is other than it was: a doubt of the lane ends with it.
TEST(disk_changes, have_what_was_seen_of_every_unit_that_is_right) {
    const scan_result seen{
        {found(1), other(2), found(3), found(4), other(5)}, {{6, "no"}}, {}, {{7, "silent"}}};
    const auto changes = changes_of(
        {disk_of(1), disk_of(2), disk_of(6), disk_of(7)},
        {state_of(3), state_of(5)},
        seen,
        state_of(0),
        true
    );
    EXPECT_EQ(changes.sid, some_sid);
    ASSERT_EQ(changes.refresh.size(), 3U);
    EXPECT_EQ(changes.refresh[0].number, 1U);
    EXPECT_EQ(changes.refresh[2].number, 4U) << "and 3 before it, in the order of the scan";
}

TEST(disk_changes, do_not_take_a_silent_lun_for_one_that_is_gone) {
    check({
        {"silent", {disk_of(1)}, {}, {{}, {}, {}, {{1, "BUSY"}}}, ""},
        {"another one", {disk_of(1)}, {}, {{}, {}, {}, {{2, "BUSY"}}}, "remove 1"},
        {"an orphan", {}, {1}, {{}, {}, {}, {{1, "BUSY"}}}, "adopt 1; bar 1"},
    });
    const auto one = changes_of({}, {state_of(1)}, {{}, {}, {}, {{1, "BUSY"}}}, state_of(0), true);
    EXPECT_EQ(one.bars.at(0).why, "BUSY");
}

// From its first write on it must behave as it is now; what the kernel shows is followed after.
TEST(disk_changes, adopt_an_orphan_as_it_is_now) {
    auto seen = found(1, 101);
    seen.properties.write_cache_enabled = true;
    seen.properties.read_only = true;
    const auto changes = changes_of({}, {state_of(1)}, {{seen}, {}, {}}, state_of(0), true);
    ASSERT_EQ(changes.adopt.size(), 1U);
    EXPECT_TRUE(changes.adopt[0].properties.write_cache_enabled);
    EXPECT_FALSE(changes.adopt[0].properties.read_only);
    EXPECT_EQ(changes.adopt[0].properties.block_count, 100U);
    EXPECT_EQ(changes.adopt[0].node, "fake0");
}

// An orphan keeps its recorded size until it is a disk: only the next scan follows it.
TEST(disk_changes, follow_an_orphan_that_has_grown) {
    check({{"grown", {}, {1}, {{found(1, 101)}, {}, {}}, "adopt 1; resize 1 to 101"}});
}

// The next scan would lift this bar: a smaller disk is the same disk there.
TEST(disk_changes, do_not_bar_an_orphan_that_has_shrunk) {
    check({{"shrunk", {}, {1}, {{found(1, 99)}, {}, {}}, "adopt 1; resize 1 to 99"}});
}

found_lun nameless(std::uint64_t lun, std::uint64_t blocks = 100) {
    auto seen = found(lun, blocks);
    seen.properties.wwid = seen.properties.serial = {};
    return seen;
}

// A page that a unit refuses says nothing; vendor, product and size do.
TEST(disk_changes, know_a_lun_that_does_not_say_its_name_any_more) {
    auto other_maker = nameless(1);
    other_maker.properties.vendor = "OTHER";
    check({
        {"agrees", {disk_of(1)}, {}, {{nameless(1)}, {}, {}}, ""},
        {"agrees, barred", {disk_of(1, true)}, {}, {{nameless(1)}, {}, {}}, "unbar 1"},
        {"agrees, an orphan", {}, {1}, {{nameless(1)}, {}, {}}, "adopt 1"},
        {"has grown", {disk_of(1)}, {}, {{nameless(1, 101)}, {}, {}}, "resize 1 to 101"},
        {"is smaller", {disk_of(1)}, {}, {{nameless(1, 99)}, {}, {}}, "bar 1"},
        {"other vendor", {disk_of(1)}, {}, {{other_maker}, {}, {}}, "bar 1"},
        {"other vendor, an orphan", {}, {1}, {{other_maker}, {}, {}}, "adopt 1; bar 1"},
    });
}

TEST(disk_changes, keep_the_name_that_a_lun_does_not_say_any_more) {
    const auto recorded = state_of(1).properties;
    ASSERT_FALSE(recorded.wwid.empty());
    for (const bool is_orphan : {false, true}) {
        const auto disks = is_orphan ? std::vector<attached_disk>{} : std::vector{disk_of(1)};
        const auto orphans =
            is_orphan ? std::vector{state_of(1)} : std::vector<iscsid::device::disk_state>{};
        const auto changes = changes_of(disks, orphans, {{nameless(1)}, {}, {}}, state_of(0), true);
        ASSERT_EQ(changes.refresh.size(), 1U);
        EXPECT_EQ(changes.refresh[0].properties.wwid, recorded.wwid);
        EXPECT_EQ(changes.refresh[0].properties.serial, recorded.serial);
        for (const auto& adopted : changes.adopt)
            EXPECT_EQ(adopted.properties.wwid, recorded.wwid);
    }
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
    const auto refused = remove_all(with, lane, report.disks, users::are_respected);
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
    EXPECT_TRUE(report.disks.at(0).barred);
    EXPECT_FALSE(report.disks.at(1).barred);
    ASSERT_EQ(report.troubles.size(), 1U);
    EXPECT_THAT(report.troubles[0], HasSubstr("36009"));
    EXPECT_EQ(driver.present.size(), 2U);

    report = follow(report.disks, {other(1), found(2)});
    EXPECT_THAT(report.troubles, IsEmpty());
    EXPECT_EQ(bar_of(1), EIO);

    report = follow(report.disks, {found(1), found(2)});
    EXPECT_EQ(bar_of(1), 0);
    EXPECT_FALSE(report.disks.at(0).barred);
    EXPECT_THAT(report.news, ElementsAre("LUN 1 is the disk that it was, again"));
}

// The lane remembers bars for disks that come later: this one would never work.
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
    EXPECT_FALSE(report.disks[0].barred);
    EXPECT_THAT(report.news, ElementsAre("LUN 1 (old1) goes on where it stopped"));
    EXPECT_EQ(driver.adopted, 1);
    EXPECT_EQ(driver.attached, 0);
    EXPECT_TRUE(remembers(1, "old1"));
}

TEST_F(changed_disks, are_taken_over_behind_a_bar_that_the_lane_knows_before) {
    for (const auto& seen : {std::vector{other(1)}, std::vector<found_lun>{}}) {
        lane.barred.clear();
        driver.on_the_edge = [this](const auto&) { EXPECT_EQ(bar_of(1), EIO); };
        auto report = follow({}, seen, {orphan(1, "old1")});
        ASSERT_EQ(luns_of(report.disks), lun_list{1});
        EXPECT_TRUE(report.disks[0].barred);
        EXPECT_EQ(report.troubles.size(), 1U);
        EXPECT_EQ(bar_of(1), EIO);

        report = follow(report.disks, {found(1)});
        EXPECT_FALSE(report.disks.at(0).barred);
        EXPECT_EQ(bar_of(1), 0);
    }
    EXPECT_EQ(driver.adopted, 2);
}

TEST_F(changed_disks, bar_only_the_orphans_that_are_others) {
    const auto report = follow({}, {other(1), found(2)}, {orphan(1, "old1"), orphan(2, "old2")});
    ASSERT_EQ(luns_of(report.disks), (lun_list{1, 2}));
    EXPECT_TRUE(report.disks[0].barred);
    EXPECT_FALSE(report.disks[1].barred);
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

// Behind no bar the next disk of that number would work.
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
