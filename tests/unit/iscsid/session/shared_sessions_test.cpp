#include "tests/unit/iscsid/session/manager_world.hpp"

#include <filesystem>
#include <fstream>

namespace iscsid::session {

namespace {

// Two sessions of one record, whose disks are one.
struct sharing_world : manager_world {
    sharing_world() {
        driver.shares = true;
        with.workers = &several;
        with.disks.shares = &shares;
        store(node, {{"node.session.nr_sessions", "2"}});
    }

    ~sharing_world() override {
        several.join();
        made.reset();
    }

    asio::awaitable<int> log_in_both() {
        const auto record = record_of(node);
        const auto first = all().start_login(*record, {});
        const auto second = all().start_login(*record, {1});
        const auto one = co_await first->session->login_end();
        const auto two = co_await second->session->login_end();
        co_return static_cast<int>(one.has_value()) + static_cast<int>(two.has_value());
    }

    std::vector<std::string> disks_of(session_key sid) {
        std::vector<std::string> names;
        const auto sessions = list(sid);
        for (const auto& each : sessions.at(0).luns)
            names.push_back(each.disk);
        return names;
    }

    worker_pool several{2, 8};
    shared_disks shares{true, {10s, 1ms}};
};

TEST_F(sharing_world, a_record_with_several_sessions_has_one_disk_of_each_lun) {
    show(luns);
    ASSERT_EQ(iscsi::test::run(context, log_in_both()), 2);
    EXPECT_EQ(driver.attached, 2);
    EXPECT_EQ(driver.sharing.size(), 2U);
    EXPECT_EQ(disks_of(1).size(), 2U);
    EXPECT_EQ(disks_of(1), disks_of(2));
}

TEST_F(sharing_world, a_session_that_stays_gets_disks_of_its_own) {
    show(luns);
    ASSERT_EQ(iscsi::test::run(context, log_in_both()), 2);
    driver.busy = {1};
    EXPECT_EQ(log_out(1).code, admin::exit_code::busy);
    EXPECT_EQ(disks_of(1), disks_of(2));
    driver.busy = {};
    EXPECT_EQ(log_out(1).code, admin::exit_code::success);
    EXPECT_EQ(disks_of(2), (std::vector<std::string>{"", ""}));
    EXPECT_EQ(rescan(2).code, admin::exit_code::success);
    EXPECT_NE(disks_of(2).at(0), "");
    EXPECT_EQ(driver.sharing.size(), 2U); // none of them is shared
    EXPECT_EQ(log_out(2).code, admin::exit_code::success);
    EXPECT_TRUE(driver.present.empty());
}

TEST_F(sharing_world, a_refused_detach_lifts_no_order_of_another_session) {
    show(luns);
    ASSERT_EQ(iscsi::test::run(context, log_in_both()), 2);
    const auto path = std::pair(session_key(2), scsi::lun_from_number(1));
    lane.failing[path] = EIO; // another LUN is there under its number
    driver.busy = {1};
    const auto told = iscsi::test::run(context, all().find(1)->detach_lun(1));
    ASSERT_TRUE(told.has_error());
    EXPECT_EQ(told.error().code, admin::exit_code::busy);
    EXPECT_EQ(lane.failing[path], EIO);
    driver.busy = {};
}

// The unit is gone at the target; whoever is away would hear of that when he is back.
TEST_F(sharing_world, a_session_that_is_away_does_not_hold_up_a_disk_that_is_gone) {
    show(luns);
    ASSERT_EQ(iscsi::test::run(context, log_in_both()), 2);
    const auto path = std::pair(session_key(2), scsi::lun_from_number(1));
    std::vector<int> errors; // of its requests, when the disk goes
    driver.on_removal = [&](std::uint64_t /*lun*/) { errors.push_back(lane.failing_for[path][1]); };
    lane.silent = {2};
    show({2});
    EXPECT_EQ(rescan(1).code, admin::exit_code::success);
    EXPECT_EQ(errors, std::vector<int>{ENODEV});
    EXPECT_EQ(lane.failing_for[path][1], 0);
    EXPECT_EQ(lane.failing.count(path), 0U);
    EXPECT_EQ(disks_of(1).size(), 1U);
}

// A session's own trouble is its own, whether it came before that or meanwhile.
TEST_F(sharing_world, a_disk_that_cannot_go_lifts_no_order_of_another_session) {
    show(luns);
    ASSERT_EQ(iscsi::test::run(context, log_in_both()), 2);
    const auto path = std::pair(session_key(2), scsi::lun_from_number(1));
    lane.silent = {2};
    driver.busy = {1};
    show({2});
    for (const bool is_there_before : {true, false}) {
        lane.failing[path] = is_there_before ? EIO : 0;
        int during = 0;
        driver.on_removal = [&](std::uint64_t /*lun*/) {
            during = lane.failing_for[path][1];
            lane.failing[path] = EIO;
        };
        rescan(1);
        EXPECT_EQ(during, ENODEV);
        EXPECT_EQ(lane.failing_for[path][1], 0);
        EXPECT_EQ(lane.failing[path], EIO) << is_there_before;
    }
    driver.on_removal = {};
    driver.busy = {};
}

// A disk of the target has ended with a write that may still run, perhaps with an earlier daemon.
TEST_F(sharing_world, a_session_that_begins_resets_what_is_not_settled) {
    std::filesystem::create_directory(folder / "unsettled");
    std::ofstream(folder / "unsettled/feed") << node.target << "\n1\nublkb3 has ended\n";
    disk::unsettled_units unsettled(folder.string());
    with.disks.unsettled = &unsettled;
    show(luns);
    bool is_ordered = false; // when something is sent for the first time
    lane.answers = [&](const auto& what, auto done) {
        is_ordered |= lane.reset_before_use.contains({1, scsi::lun_from_number(1)});
        EXPECT_TRUE(is_ordered);
        done(target_says(what));
    };
    ASSERT_EQ(iscsi::test::run(context, log_in_both()), 2);
    EXPECT_TRUE(is_ordered);
    EXPECT_FALSE(lane.reset_before_use.contains({1, scsi::lun_from_number(2)}));
    EXPECT_FALSE(std::filesystem::exists(folder / "unsettled/feed")); // its target has answered
}

TEST_F(sharing_world, a_session_that_answers_flushes_a_disk_that_is_gone) {
    show(luns);
    ASSERT_EQ(iscsi::test::run(context, log_in_both()), 2);
    const auto path = std::pair(session_key(2), scsi::lun_from_number(1));
    std::vector<int> errors;
    driver.on_removal = [&](std::uint64_t /*lun*/) { errors.push_back(lane.failing_for[path][1]); };
    show({2});
    EXPECT_EQ(rescan(1).code, admin::exit_code::success);
    EXPECT_EQ(errors, std::vector<int>{0});
}

} // namespace

} // namespace iscsid::session
