#include "tests/integration/disk/memory_lane.hpp"

#include "iscsid/disk/unsettled_units.hpp"

#include "libiscsi/scsi/lun.hpp"

#include <gtest/gtest.h>

#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace iscsid::disk {
namespace {

constexpr std::string_view some_target = "iqn.2026-01.org.example:disk";

struct order {
    lane::session_key session = 0;
    iscsi::lun_field lun{};
    std::string why;
};

struct ended_disk : testing::Test {
    ended_disk() {
        std::string name = testing::TempDir() + "unsettled.XXXXXX";
        folder = ::mkdtemp(name.data());
        lane.on_reset_first = [this](auto session, const auto& lun, const auto& why) {
            EXPECT_EQ(orders.size(), questions.size());
            orders.push_back({session, lun, why});
        };
        lane.on_execute = [this](const iscsi::command& what, auto done) {
            EXPECT_EQ(what.lun, orders.back().lun);
            questions.push_back(std::move(done));
        };
    }

    ~ended_disk() override { std::filesystem::remove_all(folder); }

    std::vector<disk_path> paths() {
        std::vector<disk_path> all;
        for (const lane::session_key session : {4U, 5U}) {
            auto& path = all.emplace_back();
            path.where = &lane;
            path.what.session = session;
            path.what.lun_number = 3;
            path.what.lun = scsi::lun_from_number(3);
            path.what.target_name = some_target;
            path.what.nonce = 0xfeed;
        }
        return all;
    }

    void answer(std::size_t question, iscsi::task_result outcome) {
        lane::scsi_outcome how;
        how.done.outcome = outcome;
        questions.at(question)(how);
    }

    bool is_noted() const { return std::filesystem::exists(folder + "/unsettled/feed"); }

    std::size_t orders_for_a_session_of(unsettled_units& units, std::string_view target) {
        const auto before = orders.size();
        units.greet(lane, 9, target);
        return orders.size() - before;
    }

    std::string folder;
    test::memory_lane lane;
    std::vector<order> orders;
    std::vector<std::function<void(lane::scsi_outcome)>> questions;
};

TEST_F(ended_disk, has_its_unit_reset_by_each_of_its_sessions_first) {
    unsettled_units units(folder);
    units.add(paths(), "ublkb3 has ended");
    ASSERT_EQ(orders.size(), 2U);
    EXPECT_EQ(questions.size(), 2U);
    EXPECT_EQ(orders[0].session, 4U);
    EXPECT_EQ(orders[1].session, 5U);
    EXPECT_EQ(orders[1].lun, scsi::lun_from_number(3));
    EXPECT_EQ(orders[1].why, "ublkb3 has ended");
    EXPECT_TRUE(is_noted());
}

TEST_F(ended_disk, is_settled_with_the_first_answer_behind_a_reset) {
    unsettled_units units(folder);
    units.add(paths(), "ublkb3 has ended");
    answer(0, iscsi::task_result::lost);
    EXPECT_TRUE(is_noted());
    EXPECT_EQ(orders_for_a_session_of(units, some_target), 1U);
    answer(2, iscsi::task_result::answered);
    EXPECT_FALSE(is_noted());
    EXPECT_EQ(orders_for_a_session_of(units, some_target), 0U);
    answer(1, iscsi::task_result::answered); // too late to matter
}

TEST_F(ended_disk, concerns_sessions_that_are_there_without_having_had_it) {
    unsettled_units units(folder);
    units.greet(lane, 4, some_target);
    units.greet(lane, 6, some_target);
    units.greet(lane, 7, "iqn.2026-01.org.example:other");
    units.part(4, false);
    units.add(paths(), "ublkb3 has ended");
    ASSERT_EQ(orders.size(), 3U);
    EXPECT_EQ(orders[2].session, 6U);
}

// The daemon may be killed before it is known how it ends.
TEST_F(ended_disk, is_noted_before_it_has_ended) {
    {
        unsettled_units units(folder);
        EXPECT_EQ(
            units.note(paths(), "ublkb3 has ended"), unsettled_units::note_result::outlives_daemon
        );
        EXPECT_TRUE(orders.empty());
    }
    unsettled_units next(folder);
    EXPECT_EQ(orders_for_a_session_of(next, some_target), 1U);
    next.add(paths(), "ublkb3 has ended");
    EXPECT_EQ(orders_for_a_session_of(next, some_target), 1U); // one unit, one order
}

TEST_F(ended_disk, is_nothing_to_know_when_no_write_may_still_run) {
    unsettled_units units(folder);
    units.note(paths(), "ublkb3 has ended");
    units.withdraw(paths());
    EXPECT_FALSE(is_noted());
    EXPECT_EQ(orders_for_a_session_of(units, some_target), 0U);
}

TEST_F(ended_disk, that_cannot_be_noted_is_known_to_this_daemon) {
    std::ofstream(folder + "/unsettled") << "no folder";
    unsettled_units units(folder);
    EXPECT_EQ(units.add(paths(), "ublkb3 has ended"), unsettled_units::note_result::of_this_daemon);
    EXPECT_EQ(orders_for_a_session_of(units, some_target), 1U);
}

TEST_F(ended_disk, concerns_the_sessions_of_its_target) {
    unsettled_units units(folder);
    units.add(paths(), "ublkb3 has ended");
    EXPECT_EQ(orders_for_a_session_of(units, "iqn.2026-01.org.example:other"), 0U);
    EXPECT_EQ(orders_for_a_session_of(units, some_target), 1U);
    EXPECT_EQ(orders.back().session, 9U);
}

TEST_F(ended_disk, is_known_to_the_next_daemon_until_that_is_settled) {
    unsettled_units(folder).add(paths(), "ublkb3 has ended");
    {
        unsettled_units next(folder);
        EXPECT_EQ(orders_for_a_session_of(next, some_target), 1U);
        EXPECT_EQ(orders.back().lun, scsi::lun_from_number(3));
        EXPECT_EQ(orders.back().why, "ublkb3 has ended");
        EXPECT_TRUE(is_noted());
        answer(2, iscsi::task_result::answered);
    }
    unsettled_units after(folder);
    EXPECT_EQ(orders_for_a_session_of(after, some_target), 0U);
}

// It may refuse all resets.
TEST_F(ended_disk, is_forgotten_with_the_logout_of_all_sessions_of_its_target) {
    unsettled_units units(folder);
    units.greet(lane, 4, some_target);
    units.greet(lane, 5, some_target);
    units.greet(lane, 6, "iqn.2026-01.org.example:other");
    units.add(paths(), "ublkb3 has ended");
    units.part(5, true);
    units.part(6, true);
    EXPECT_TRUE(is_noted());
    units.greet(lane, 7, some_target);
    units.part(4, true);
    units.part(7, false); // its login has failed: nothing is known of its target
    EXPECT_TRUE(is_noted());
    units.greet(lane, 8, some_target);
    units.part(8, true);
    EXPECT_FALSE(is_noted());
    EXPECT_EQ(orders_for_a_session_of(units, some_target), 0U);
}

TEST_F(ended_disk, is_not_known_by_a_note_that_is_none) {
    std::filesystem::create_directory(folder + "/unsettled");
    for (const auto* text : {"", "iqn.x\n", "iqn.x\n0\n", "iqn.x\nnumber\nwhy\n"}) {
        std::ofstream(folder + "/unsettled/1") << text;
        unsettled_units units(folder);
        EXPECT_EQ(orders_for_a_session_of(units, "iqn.x"), 0U) << text;
        EXPECT_FALSE(std::filesystem::exists(folder + "/unsettled/1")) << text;
    }
}

// Where nothing can be noted the sessions hear of it all the same.
TEST_F(ended_disk, that_cannot_be_noted_is_known_to_this_process) {
    unsettled_units units(folder + "/missing");
    units.add(paths(), "ublkb3 has ended");
    EXPECT_EQ(orders.size(), 2U);
    EXPECT_EQ(orders_for_a_session_of(units, some_target), 1U);
}

} // namespace
} // namespace iscsid::disk
