#include "tests/unit/iscsid/session/states.hpp"

#include "iscsid/session/rescan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

namespace {

using namespace iscsid::session;
using iscsid::device::found_lun;
using iscsid::device::scan_result;
using testing::HasSubstr;

using lun_list = std::vector<std::uint64_t>;

// ---- what a scan means ------------------------------------------------------------------------

attached_disk disk_of(std::uint64_t lun, bool is_failed = false) {
    return {state_of(lun), nullptr, is_failed};
}

attached_disk gone(std::uint64_t lun) {
    auto disk = disk_of(lun, true);
    disk.is_gone = true;
    return disk;
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
    for (const auto& each : changes.to_fail)
        all.push_back(fmt::format("fail {}", each.lun_number));
    for (const auto number : changes.to_restore)
        all.push_back(fmt::format("restore {}", number));
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
        {"gone, requests fail", {disk_of(1, true)}, {}, {{}, {}, {}}, "remove 1"},
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
        {"other", {disk_of(1), disk_of(2)}, {}, {{other(1), found(2)}, {}, {}}, "fail 1"},
        {"other, no list", {disk_of(1)}, {}, {{other(1)}, {}, "no"}, "fail 1"},
        {"still other", {disk_of(1, true)}, {}, {{other(1)}, {}, {}}, ""},
        {"gone, and then other", {gone(1)}, {}, {{other(1)}, {}, {}}, "fail 1"},
        {"gone, and back again", {gone(1)}, {}, {{found(1)}, {}, {}}, "restore 1"},
        {"back again", {disk_of(1, true)}, {}, {{found(1)}, {}, {}}, "restore 1"},
        {"back and grown",
         {disk_of(1, true)},
         {},
         {{found(1, 101)}, {}, {}},
         "resize 1 to 101; restore 1"},
        {"skipped, requests fail", {disk_of(1, true)}, {}, {{}, {{1, "no"}}, {}}, ""},
    });
}

TEST(disk_changes, take_orphans_in_whatever_the_target_shows) {
    check({
        {"as it was", {}, {1, 2}, {{found(1), found(2)}, {}, {}}, "adopt 1; adopt 2"},
        {"nothing new wanted", {}, {1}, {{found(1), found(2)}, {}, {}}, "adopt 1", false},
        {"with a new one", {}, {1}, {{found(1), found(2)}, {}, {}}, "attach 2; adopt 1"},
        {"other", {}, {1}, {{other(1)}, {}, {}}, "adopt 1; fail 1"},
        {"not shown", {}, {1}, {{}, {}, {}}, "adopt 1; fail 1"},
        {"no list", {}, {1}, {{found(0)}, {}, "no"}, "attach 0; adopt 1; fail 1"},
        {"skipped", {}, {1}, {{}, {{1, "no"}}, {}}, "adopt 1; fail 1"},
        {"beside a disk", {disk_of(1)}, {2}, {{found(1), found(2)}, {}, {}}, "adopt 2"},
    });
}

TEST(disk_changes, say_why_a_lun_is_another_one) {
    const auto one = changes_of({disk_of(1)}, {}, {{other(1)}, {}, {}}, state_of(0), true);
    ASSERT_EQ(one.to_fail.size(), 1U);
    EXPECT_THAT(one.to_fail[0].why, HasSubstr("36009"));
    EXPECT_THAT(one.to_fail[0].why, HasSubstr("36001"));
    auto block = found(1);
    block.properties.block_size = 4096;
    const auto two = changes_of({}, {state_of(1)}, {{block}, {}, {}}, state_of(0), true);
    ASSERT_EQ(two.to_fail.size(), 1U);
    EXPECT_THAT(two.to_fail[0].why, HasSubstr("4096"));
    const auto three = changes_of({}, {state_of(1)}, {{}, {}, {}}, state_of(0), true);
    ASSERT_EQ(three.to_fail.size(), 1U);
    EXPECT_THAT(three.to_fail[0].why, HasSubstr("not show it"));
    EXPECT_TRUE(three.to_fail[0].is_unknown);
    EXPECT_FALSE(two.to_fail[0].is_unknown);
    const auto four =
        changes_of({}, {state_of(1)}, {{}, {{1, "not ready"}}, {}}, state_of(0), true);
    ASSERT_EQ(four.to_fail.size(), 1U);
    EXPECT_EQ(four.to_fail[0].why, "not ready");
    EXPECT_TRUE(four.to_fail[0].is_unknown);
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
        {"an orphan", {}, {1}, {{}, {}, {}, {{1, "BUSY"}}}, "adopt 1; fail 1"},
    });
    const auto one = changes_of({}, {state_of(1)}, {{}, {}, {}, {{1, "BUSY"}}}, state_of(0), true);
    EXPECT_EQ(one.to_fail.at(0).why, "BUSY");
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

// The next scan would end this: a smaller disk is the same disk there.
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
        {"agrees, requests fail", {disk_of(1, true)}, {}, {{nameless(1)}, {}, {}}, "restore 1"},
        {"agrees, an orphan", {}, {1}, {{nameless(1)}, {}, {}}, "adopt 1"},
        {"has grown", {disk_of(1)}, {}, {{nameless(1, 101)}, {}, {}}, "resize 1 to 101"},
        {"is smaller", {disk_of(1)}, {}, {{nameless(1, 99)}, {}, {}}, "fail 1"},
        {"other vendor", {disk_of(1)}, {}, {{other_maker}, {}, {}}, "fail 1"},
        {"other vendor, an orphan", {}, {1}, {{other_maker}, {}, {}}, "adopt 1; fail 1"},
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

} // namespace
