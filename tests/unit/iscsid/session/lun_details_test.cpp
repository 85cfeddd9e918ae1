#include "tests/unit/iscsid/session/states.hpp"

#include "iscsid/session/lun_details.hpp"

#include <gmock/gmock.h>

// What people are told of the LUNs of a session.
namespace {

using namespace iscsid::session;
using iscsid::device::probed_lun;
using iscsid::device::survey_result;
using iscsid::device::unit_kind;

probed_lun answer(unit_kind is, const std::string& why = "", bool is_there = true) {
    return {{is, why}, is_there, is_there ? "direct access block device" : "", {}, {}};
}

probed_lun disk(std::uint64_t lun, std::uint64_t blocks) {
    auto probed = answer(unit_kind::disk);
    probed.properties = unit_of(lun, blocks);
    return probed;
}

struct described : testing::Test {
    void shows(std::uint64_t lun, std::optional<probed_lun> what) {
        seen.luns.push_back({scsi::lun_from_number(lun), std::move(what)});
    }

    void has_disk(std::uint64_t lun, bool is_failed = false) {
        disks.push_back({state_of(lun, "fake" + std::to_string(lun)), nullptr, is_failed});
    }

    std::map<std::uint64_t, lun_details> all() {
        std::map<std::uint64_t, lun_details> by_number;
        std::uint64_t last = 0;
        for (const auto& each : details_of(seen, {disks, left, detached})) {
            EXPECT_LE(last, each.number);
            last = each.number;
            by_number[each.number] = each;
        }
        return by_number;
    }

    survey_result seen;
    std::vector<attached_disk> disks;
    std::vector<iscsid::device::disk_state> left;
    std::set<std::uint64_t> detached;
};

TEST_F(described, are_luns_with_and_without_a_disk) {
    has_disk(3);
    has_disk(2, true);
    detached = {1, 3};
    shows(0, answer(unit_kind::no_disk, "storage array controller"));
    for (const std::uint64_t lun : {1U, 2U, 3U, 4U})
        shows(lun, disk(lun, 200));
    shows(5, answer(unit_kind::unusable, "no capacity"));
    auto luns = all();
    ASSERT_EQ(luns.size(), 6U);
    EXPECT_EQ(luns[0].is, lun_state::unusable);
    EXPECT_EQ(luns[0].why, "storage array controller");
    EXPECT_EQ(luns[0].properties.block_count, 0U);
    EXPECT_EQ(luns[1].is, lun_state::detached);
    EXPECT_EQ(luns[2].is, lun_state::offline);
    EXPECT_EQ(luns[3].is, lun_state::running);
    EXPECT_EQ(luns[3].node, "fake3");
    EXPECT_EQ(luns[3].properties.block_count, 200U); // as the target says now
    EXPECT_EQ(luns[3].kind, "direct access block device");
    EXPECT_EQ(luns[4].is, lun_state::no_disk);
    EXPECT_EQ(luns[4].node, "");
    EXPECT_EQ(luns[5].why, "no capacity");
}

TEST_F(described, are_luns_that_do_not_answer_by_what_is_known_of_their_disks) {
    has_disk(1);
    shows(1, answer(unit_kind::no_answer, "INQUIRY: no answer within 4 s", false));
    shows(2, answer(unit_kind::no_answer, "READ CAPACITY(16): BUSY"));
    shows(3, std::nullopt);
    auto luns = all();
    for (const std::uint64_t lun : {1U, 2U, 3U})
        EXPECT_EQ(luns[lun].is, lun_state::no_answer) << lun;
    EXPECT_EQ(luns[1].properties, unit_of(1));
    EXPECT_EQ(luns[1].node, "fake1");
    EXPECT_EQ(luns[1].why, "INQUIRY: no answer within 4 s");
    EXPECT_EQ(luns[2].properties.block_count, 0U);
    EXPECT_NE(luns[3].why, "");
}

TEST_F(described, are_disks_whose_lun_is_not_there_any_more) {
    has_disk(1, true);
    has_disk(2);
    left = {state_of(7, "old7")};
    shows(2, answer(unit_kind::no_disk, "no logical unit there", false));
    auto luns = all();
    EXPECT_EQ(luns[1].is, lun_state::offline);
    EXPECT_EQ(luns[1].why, "the target does not list it");
    EXPECT_EQ(luns[2].is, lun_state::offline);
    EXPECT_EQ(luns[2].why, "no logical unit there");
    EXPECT_EQ(luns[2].properties, unit_of(2));
    EXPECT_EQ(luns[7].is, lun_state::waiting);
    EXPECT_EQ(luns[7].node, "old7");
}

TEST_F(described, are_no_luns_that_were_only_guessed) {
    seen.no_list = "REPORT LUNS: refused";
    shows(0, answer(unit_kind::no_disk, "no logical unit there", false));
    shows(1, disk(1, 200));
    shows(2, answer(unit_kind::unusable, "25/00", false));
    shows(3, std::nullopt);
    auto luns = all();
    ASSERT_EQ(luns.size(), 2U);
    EXPECT_EQ(luns[0].is, lun_state::unusable);
    EXPECT_EQ(luns[1].is, lun_state::no_disk);
}

TEST_F(described, are_the_disks_alone_without_a_connection) {
    has_disk(1);
    left = {state_of(7, "old7")};
    const auto luns = details_of({disks, left, detached});
    ASSERT_EQ(luns.size(), 2U);
    EXPECT_EQ(luns[0].node, "fake1");
    EXPECT_EQ(luns[0].why, "");
    EXPECT_EQ(luns[1].is, lun_state::waiting);
}

} // namespace
