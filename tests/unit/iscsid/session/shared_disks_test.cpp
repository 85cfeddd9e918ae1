#include "tests/unit/iscsid/session/captured_log.hpp"
#include "tests/unit/iscsid/session/states.hpp"

#include "iscsid/session/removal.hpp"

#include <gmock/gmock.h>

#include <cerrno>
#include <future>

namespace {

using namespace iscsid::session;
using namespace std::chrono_literals;
using iscsid::device::disk_state;
using iscsid::lane::session_key;
using iscsid::lane::write_place;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using sid_list = std::vector<session_key>;

constexpr auto never = std::chrono::hours(1); // is not waited for
constexpr shared_disks::patience little{50ms, 50ms};

// Sessions 1, 2, … of one node, each with a worker of its own.
struct shared : disk_world {
    shared() {
        driver.shares = true;
        use(shared_disks::patience{never, never});
    }

    void use(shared_disks::patience times, bool joins_new = true) {
        shares = std::make_unique<shared_disks>(joins_new, times);
        with.shares = shares.get();
        nonces = std::make_unique<iscsid::device::nonce_maker>("boot", folder);
        with.nonces = nonces.get();
    }

    static login_plan plan(unsigned sessions = 2) {
        login_plan of;
        of.node.target = "iqn.2026-01.org.example:disk";
        of.sessions = sessions;
        return of;
    }

    static disk_state unit(session_key sid, std::uint64_t lun) {
        auto state = state_of(lun);
        state.sid = sid;
        return state;
    }

    std::future<attach_report> attach(std::vector<disk_state> wanted) {
        return std::async(std::launch::async, [this, wanted = std::move(wanted)] {
            return attach_all(with, lane, wanted);
        });
    }

    std::future<attach_report> adopt(const disk_state& left) {
        return std::async(std::launch::async, [this, left] {
            return adopt_all(with, lane, {left});
        });
    }

    // LUN 1 as the one disk of sessions 1 and 2.
    std::vector<attached_disk> disk_of_two() {
        shares->coming(1, plan());
        shares->coming(2, plan());
        auto second = attach({unit(2, 1)});
        auto all = attach({unit(1, 1)}).get().disks;
        for (auto& each : second.get().disks)
            all.push_back(std::move(each));
        EXPECT_THAT(all, SizeIs(2));
        return all;
    }

    disk_state left(session_key sid, std::uint64_t nonce) {
        auto state = unit(sid, 1);
        state.nonce = nonce;
        shares->resume(lane, plan(), {state});
        return state;
    }

    std::unique_ptr<shared_disks> shares;
    std::unique_ptr<iscsid::device::nonce_maker> nonces;
};

// ---- who is one disk ----------------------------------------------------------------------------

TEST_F(shared, a_unit_is_one_disk_of_the_sessions_that_see_it_as_the_same) {
    const auto all = disk_of_two();
    EXPECT_THAT(driver.sharing, ElementsAre(sid_list{1, 2}));
    EXPECT_EQ(driver.attached, 1);
    EXPECT_EQ(all[0].state.node, all[1].state.node);
    EXPECT_EQ(all[0].state.nonce, all[1].state.nonce);
    EXPECT_THAT(driver.nonces, ElementsAre(all[0].state.nonce, all[0].state.nonce));
    ASSERT_THAT(all[0].others, SizeIs(1));
    EXPECT_EQ(all[0].others[0].sid, 2U);
    const auto noted = registry.load().disks;
    ASSERT_THAT(noted, SizeIs(2));
    EXPECT_EQ(noted[0].nonce, noted[1].nonce);
    EXPECT_EQ(noted[0].node, noted[1].node);
}

TEST_F(shared, units_of_several_sessions_come_in_any_order) {
    shares->coming(1, plan(3));
    shares->coming(2, plan(3));
    shares->coming(3, plan(3));
    auto third = attach({unit(3, 2), unit(3, 1)});
    auto first = attach({unit(1, 1), unit(1, 2)});
    auto second = attach({unit(2, 2)});
    const auto of_first = first.get(); // which ends for all with the first that lets go
    const auto of_second = second.get();
    const auto of_third = third.get();
    EXPECT_THAT(of_first.disks, SizeIs(2));
    EXPECT_THAT(of_second.disks, SizeIs(1));
    EXPECT_THAT(of_third.disks, SizeIs(2));
    EXPECT_THAT(driver.sharing, testing::UnorderedElementsAre(sid_list{1, 2, 3}, sid_list{1, 3}));
}

TEST_F(shared, a_unit_in_that_sessions_differ_is_a_disk_of_each) {
    captured_log log;
    shares->coming(1, plan());
    shares->coming(2, plan());
    auto other = unit(2, 1);
    other.properties.wwid = "another";
    auto second = attach({other});
    EXPECT_THAT(attach({unit(1, 1)}).get().disks, SizeIs(1));
    EXPECT_THAT(second.get().disks, SizeIs(1));
    EXPECT_THAT(driver.sharing, IsEmpty());
    EXPECT_EQ(driver.attached, 2);
    EXPECT_TRUE(log.has("is not joined with that of session"));
    EXPECT_TRUE(log.has("WWID"));
}

TEST(difference_of, is_nothing_that_a_request_could_meet) {
    const auto one = unit_of(1);
    EXPECT_EQ(difference_of(one, one), "");
    const auto differs = [&](auto change) {
        auto other = one;
        change(other);
        return !difference_of(one, other).empty() && !difference_of(other, one).empty();
    };
    EXPECT_TRUE(differs([](auto& unit) { unit.wwid = "x"; }));
    EXPECT_TRUE(differs([](auto& unit) { unit.wwid.clear(); }));
    EXPECT_TRUE(differs([](auto& unit) { unit.block_size = 4096; }));
    EXPECT_TRUE(differs([](auto& unit) { ++unit.block_count; }));
    EXPECT_TRUE(differs([](auto& unit) { unit.read_only = true; }));
    EXPECT_TRUE(differs([](auto& unit) { unit.max_transfer_blocks = 8; }));
    auto nameless = one;
    nameless.wwid.clear();
    EXPECT_NE(difference_of(nameless, nameless), "");
}

TEST_F(shared, sessions_of_other_nodes_have_nothing_to_do_with_it) {
    shares->coming(1, plan());
    auto of_other_node = plan();
    of_other_node.node.interface = "eth1";
    shares->coming(2, of_other_node);
    EXPECT_THAT(attach({unit(1, 1)}).get().disks, SizeIs(1));
    EXPECT_THAT(attach({unit(2, 1)}).get().disks, SizeIs(1));
    EXPECT_THAT(driver.sharing, IsEmpty());
}

TEST_F(shared, disks_are_separate_unless_that_was_asked_for) {
    use(shared_disks::patience{never, never}, false);
    shares->coming(1, plan());
    shares->coming(2, plan());
    EXPECT_THAT(attach({unit(1, 1)}).get().disks, SizeIs(1));
    use(shared_disks::patience{never, never});
    shares->coming(1, plan(1));
    shares->coming(2, plan(1));
    EXPECT_THAT(attach({unit(1, 2)}).get().disks, SizeIs(1));
    EXPECT_THAT(driver.sharing, IsEmpty());
}

// ---- who is waited for
// ----------------------------------------------------------------------------

TEST_F(shared, a_session_that_ends_or_has_offered_all_is_not_waited_for) {
    shares->coming(1, plan(3));
    shares->coming(2, plan(3));
    shares->coming(3, plan(3));
    auto first = attach({unit(1, 1)});
    EXPECT_EQ(first.wait_for(20ms), std::future_status::timeout);
    auto second = attach({unit(2, 2)}); // waits for session 3
    EXPECT_EQ(second.wait_for(20ms), std::future_status::timeout);
    shares->gone(3);
    EXPECT_THAT(first.get().disks, SizeIs(1));
    EXPECT_THAT(second.get().disks, SizeIs(1));
}

TEST_F(shared, a_session_that_is_to_end_waits_for_nobody) {
    shares->coming(1, plan());
    shares->coming(2, plan());
    auto first = attach({unit(1, 1), unit(1, 2)});
    EXPECT_EQ(first.wait_for(20ms), std::future_status::timeout);
    shares->hurry(1);
    EXPECT_THAT(first.get().disks, SizeIs(2));
}

TEST_F(shared, a_session_that_comes_late_gets_a_disk_of_its_own) {
    captured_log log;
    use(little);
    shares->coming(1, plan());
    shares->coming(2, plan());
    EXPECT_THAT(attach({unit(1, 1)}).get().disks, SizeIs(1));
    EXPECT_TRUE(log.has("LUN 1 of session 1 gets a disk of its own"));
    EXPECT_THAT(attach({unit(2, 1)}).get().disks, SizeIs(1));
    EXPECT_EQ(driver.attached, 2);
    EXPECT_THAT(driver.sharing, IsEmpty());
}

TEST_F(shared, a_session_that_has_its_disks_is_not_waited_for_as_long) {
    use({never, 20ms});
    shares->coming(1, plan());
    shares->coming(2, plan());
    shares->settled(2);
    EXPECT_THAT(attach({unit(1, 1)}).get().disks, SizeIs(1));
}

TEST_F(shared, a_device_that_cannot_be_made_fails_for_all) {
    shares->coming(1, plan());
    shares->coming(2, plan());
    driver.unfit = {1};
    auto second = attach({unit(2, 1)});
    EXPECT_THAT(attach({unit(1, 1)}).get().failures, SizeIs(1));
    EXPECT_THAT(second.get().failures, SizeIs(1));
    EXPECT_THAT(registry.load().disks, IsEmpty());
}

// As when one of its sessions is lost right then: the others are worth a disk.
TEST_F(shared, each_session_tries_a_disk_of_its_own_when_the_one_of_all_fails) {
    shares->coming(1, plan());
    shares->coming(2, plan());
    driver.is_unfit_for_several = true;
    auto second = attach({unit(2, 1)});
    const auto of_first = attach({unit(1, 1)}).get().disks;
    const auto of_second = second.get().disks;
    ASSERT_THAT(of_first, SizeIs(1));
    ASSERT_THAT(of_second, SizeIs(1));
    EXPECT_NE(of_first[0].state.nonce, of_second[0].state.nonce);
    EXPECT_THAT(of_first[0].others, IsEmpty());
    EXPECT_EQ(driver.attached, 2);
}

// ---- what it shows ------------------------------------------------------------------------------

TEST_F(shared, a_disk_grows_when_all_its_sessions_have_seen_it_and_shrinks_at_once) {
    const auto all = disk_of_two();
    auto grown = unit_of(1);
    grown.block_count *= 2;
    EXPECT_TRUE(all[0].device->resize(grown));
    EXPECT_THAT(driver.resized, IsEmpty());
    EXPECT_TRUE(all[1].device->resize(grown));
    EXPECT_EQ(driver.resized[1], grown.block_count);
    EXPECT_TRUE(all[1].device->resize(unit_of(1)));
    EXPECT_EQ(driver.resized[1], unit_of(1).block_count);
}

TEST_F(shared, a_disk_is_writable_when_it_is_for_all_its_sessions) {
    const auto all = disk_of_two();
    auto locked = unit_of(1);
    locked.read_only = true;
    EXPECT_TRUE(all[0].device->set_read_only(locked));
    EXPECT_TRUE(driver.made_read_only[1]);
    EXPECT_TRUE(all[1].device->set_read_only(locked));
    EXPECT_TRUE(all[0].device->set_read_only(unit_of(1)));
    EXPECT_TRUE(driver.made_read_only[1]);
    EXPECT_TRUE(all[1].device->set_read_only(unit_of(1)));
    EXPECT_FALSE(driver.made_read_only[1]);
}

// ---- its end ------------------------------------------------------------------------------------

TEST_F(shared, a_disk_ends_with_the_first_of_its_sessions) {
    auto all = disk_of_two();
    const auto first = remove_all(with, lane, {all[0]}, {users::are_respected});
    EXPECT_EQ(first.refusal, "");
    EXPECT_TRUE(driver.present.empty());
    EXPECT_TRUE(all[1].is_lost());
    EXPECT_TRUE(all[1].device->ends_with_another());
    EXPECT_FALSE(all[0].device->ends_with_another());
    EXPECT_TRUE(all[1].device->resize(unit_of(1)));
    const auto second = remove_all(with, lane, {all[1]}, {users::are_respected});
    EXPECT_EQ(second.refusal, "");
    EXPECT_THAT(second.losses, IsEmpty());
    EXPECT_THAT(registry.load().disks, IsEmpty());
}

TEST_F(shared, a_disk_in_use_stays_for_all) {
    auto all = disk_of_two();
    driver.busy = {1};
    const auto report = remove_all(with, lane, {all[0]}, {users::are_respected});
    EXPECT_NE(report.refusal, "");
    EXPECT_THAT(report.left, SizeIs(1));
    EXPECT_FALSE(all[1].is_lost());
    EXPECT_FALSE(all[1].device->ends_with_another());
    EXPECT_FALSE(driver.present.empty());
}

TEST_F(shared, a_disk_that_is_taken_from_its_users_ends_for_all) {
    auto all = disk_of_two();
    driver.busy = {1};
    const auto node = all[0].state.node;
    std::vector<attached_disk> mine;
    mine.push_back(std::move(all[0]));
    remove_all(with, lane, std::move(mine), {users::are_ignored});
    EXPECT_FALSE(driver.holds(node));
    EXPECT_TRUE(all[1].is_lost());
}

TEST_F(shared, what_other_sessions_wrote_is_lost_with_the_disk) {
    auto all = disk_of_two();
    const auto of = [this](session_key sid) {
        auto& ledger = lane.ledgers[{sid, scsi::lun_from_number(1)}];
        ledger = std::make_shared<iscsid::lane::write_ledger>();
        return ledger;
    };
    of(1);
    of(2)->write_ended(4096, write_place::maybe_cached, 0);
    driver.lossy = {1};
    const auto report = remove_all(with, lane, {all[0]}, {users::are_respected});
    ASSERT_THAT(report.losses, SizeIs(1));
    EXPECT_THAT(report.losses[0], HasSubstr("4096 bytes written since the last flush"));
    EXPECT_EQ(lane.ledgers.count({1, scsi::lun_from_number(1)}), 0U);
}

// The other session may have another disk of the unit before the first one has ended: its ledger
// is its own affair.
TEST_F(shared, a_session_forgets_what_another_has_accounted_for_before_its_next_disk) {
    use(little);
    auto all = disk_of_two();
    const auto path = std::pair(session_key(2), scsi::lun_from_number(1));
    lane.ledgers[path] = std::make_shared<iscsid::lane::write_ledger>();
    remove_all(with, lane, {all[0]}, {users::are_respected});
    EXPECT_EQ(lane.ledgers.count(path), 1U);
    EXPECT_THAT(replace_lost(with, lane, all[1]).disks, SizeIs(1));
    EXPECT_EQ(lane.ledgers.count(path), 0U);
}

// Two sessions that are logged out together: the flush of the one that came first gets on, and so
// does the other, which waits for it.
TEST_F(shared, a_flush_that_gets_on_counts_for_all_sessions_that_wait_for_it) {
    auto all = disk_of_two();
    const auto of_first = std::make_shared<iscsid::lane::write_ledger>();
    lane.ledgers[{1, scsi::lun_from_number(1)}] = of_first;
    lane.ledgers[{2, scsi::lun_from_number(1)}] = std::make_shared<iscsid::lane::write_ledger>();
    std::promise<void> flushing;
    std::promise<void> flushed;
    driver.on_removal = [&](auto /*lun*/) {
        flushing.set_value();
        flushed.get_future().wait();
    };
    const auto remove = [this](attached_disk& disk, std::shared_ptr<removal_progress> progress) {
        return std::async(std::launch::async, [&, progress = std::move(progress)] {
            return remove_all(with, lane, {disk}, {users::are_respected, progress});
        });
    };
    auto first = remove(all[0], nullptr);
    flushing.get_future().wait();
    const auto progress = std::make_shared<removal_progress>();
    auto second = remove(all[1], progress);
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (progress->steps() == 0 && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
    const auto before = progress->steps();
    of_first->write_ended(4096, write_place::maybe_cached, 0);
    EXPECT_GT(progress->steps(), before);
    flushed.set_value();
    EXPECT_EQ(first.get().refusal, "");
    EXPECT_EQ(second.get().refusal, "");
}

TEST_F(shared, a_disk_that_has_ended_is_given_up_nowhere) {
    auto all = disk_of_two();
    EXPECT_THAT(shared_among(all), SizeIs(2));
    remove_all(with, lane, {all[0]}, {users::are_respected});
    EXPECT_THAT(shared_among(all), IsEmpty());
}

TEST_F(shared, a_disk_that_does_not_get_on_is_given_up_on_all_paths) {
    const auto all = disk_of_two();
    const auto lun = scsi::lun_from_number(1);
    lane.failing[{2, lun}] = EIO; // another LUN is there under its number
    give_up_other_paths(all[0]);
    EXPECT_EQ((lane.failing_for[{2, lun}][1]), EIO);
    EXPECT_TRUE((lane.given_up.contains({2, lun})));
    EXPECT_FALSE((lane.given_up.contains({1, lun})));
    fail_other_paths(all[0], 0);
    EXPECT_EQ((lane.failing_for[{2, lun}][1]), 0);
    EXPECT_EQ((lane.failing[{2, lun}]), EIO);
}

// ---- after another daemon -----------------------------------------------------------------------

TEST_F(shared, the_first_session_takes_a_left_disk_over_with_the_paths_of_all) {
    use(little, false); // whatever is wanted of new disks
    const auto one = left(1, 77);
    const auto two = left(2, 77);
    const auto second = adopt(two).get();
    ASSERT_THAT(second.disks, SizeIs(1));
    EXPECT_THAT(driver.sharing, ElementsAre(sid_list{1, 2}));
    const auto lun = scsi::lun_from_number(1);
    EXPECT_TRUE((lane.inherited.contains({1, lun})));
    EXPECT_TRUE((lane.inherited.contains({2, lun})));
    const auto first = adopt(one).get();
    ASSERT_THAT(first.disks, SizeIs(1));
    EXPECT_EQ(driver.adopted, 1);
    EXPECT_EQ(first.disks[0].state.node, second.disks[0].state.node);
    EXPECT_EQ(first.disks[0].others.at(0).sid, 2U);
}

TEST_F(shared, a_left_disk_of_one_session_is_one_of_one_session) {
    const auto one = left(1, 77);
    const auto two = left(2, 78);
    EXPECT_THAT(adopt(one).get().disks, SizeIs(1));
    EXPECT_THAT(adopt(two).get().disks, SizeIs(1));
    EXPECT_THAT(driver.sharing, IsEmpty());
    EXPECT_EQ(driver.adopted, 2);
}

TEST_F(shared, a_left_disk_that_has_ended_meanwhile_is_made_anew) {
    use(little);
    const auto one = left(1, 77);
    const auto two = left(2, 77);
    auto first = adopt(one).get();
    remove_all(with, lane, std::move(first.disks), {users::are_respected});
    const auto second = adopt(two).get();
    ASSERT_THAT(second.disks, SizeIs(1));
    EXPECT_FALSE(second.disks[0].is_lost());
    EXPECT_EQ(driver.attached, 1);
}

} // namespace
