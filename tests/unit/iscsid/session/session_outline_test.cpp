#include "tests/unit/iscsid/session/manager_world.hpp"

#include <gmock/gmock.h>

// What others are told of a session while it lives.
namespace {

using namespace iscsid::session;
using namespace iscsid::device::test;
using admin::exit_code;
using testing::ElementsAre;

struct session_outlines : manager_world {
    session_outlines() {
        with.hosts_before = 1000;
        with.changed = [this](session_key sid) { known = outline(sid); };
    }

    std::optional<session_outline> outline(session_key sid) {
        const auto session = all().find(sid);
        return session ? session->outline() : std::nullopt;
    }

    std::vector<std::uint64_t> disks() const {
        std::vector<std::uint64_t> numbers;
        for (const auto& each : known->disks)
            numbers.push_back(each.number);
        return numbers;
    }

    std::optional<session_outline> known; // when a change was told last
};

TEST_F(session_outlines, are_there_when_a_login_returns_and_gone_when_a_logout_does) {
    ASSERT_EQ(log_in().code, exit_code::success);
    ASSERT_TRUE(known.has_value());
    EXPECT_EQ(known->sid, 1U);
    EXPECT_EQ(known->host_number, 1001U);
    EXPECT_EQ(list(1).front().host_number, 1001U) << "as in listings";
    EXPECT_TRUE(known->is_up);
    EXPECT_THAT(disks(), ElementsAre(1, 2));
    ASSERT_TRUE(iscsi::test::run(context, all().logout(1)).has_value());
    EXPECT_FALSE(known.has_value());
}

TEST_F(session_outlines, are_none_of_a_login_under_way) {
    hangs = true;
    ASSERT_TRUE(all().start_login(*record_of(), {}, manager::waiting::no).has_value());
    EXPECT_FALSE(outline(1).has_value());
}

TEST_F(session_outlines, follow_the_disks) {
    ASSERT_EQ(log_in().code, exit_code::success);
    ASSERT_TRUE(iscsi::test::run(context, all().find(1)->detach_lun(1)).has_value());
    EXPECT_THAT(disks(), ElementsAre(2));
    ASSERT_TRUE(iscsi::test::run(context, all().find(1)->attach_lun(1)).has_value());
    EXPECT_THAT(disks(), ElementsAre(1, 2));
}

TEST_F(session_outlines, follow_the_connection) {
    ASSERT_EQ(log_in().code, exit_code::success);
    lane.tell(1, iscsi::want_transport{});
    EXPECT_TRUE(until([this] { return !known->is_up; }));
    lane.tell(1, iscsi::logged_in{true});
    EXPECT_TRUE(until([this] { return known->is_up; }));
}

TEST_F(session_outlines, have_no_new_disk_after_a_rescan_of_the_disks_alone) {
    store(node, {{"node.session.scan", "manual"}});
    ASSERT_EQ(log_in().code, exit_code::success);
    ASSERT_TRUE(iscsi::test::run(context, all().find(1)->attach_lun(2)).has_value());
    ASSERT_TRUE(
        iscsi::test::run(context, all().find(1)->rescan(live_session::rescan_of::disks)).has_value()
    );
    EXPECT_THAT(disks(), ElementsAre(2));
    ASSERT_TRUE(iscsi::test::run(context, all().find(1)->rescan()).has_value());
    EXPECT_THAT(disks(), ElementsAre(1, 2));
}

} // namespace
