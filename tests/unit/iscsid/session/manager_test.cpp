#include "tests/unit/iscsid/session/manager_world.hpp"

#include "libiscsi/core/login/login.hpp"
#include "libiscsi/scsi/lun.hpp"

#include <cerrno>
#include <map>

namespace {

using namespace iscsid::session;
using namespace std::chrono_literals;
namespace admin = iscsi::admin;
namespace asio = boost::asio;
using admin::exit_code;

const admin::node_id node{"iqn.2026-01.org.example:disk", "10.0.0.5", 3260, 1, "default"};

using world = manager_world;

TEST_F(world, a_login_ends_with_its_disks) {
    const auto done = log_in();
    EXPECT_EQ(done.code, exit_code::success) << done.detail;
    EXPECT_EQ(done.index, 7U);
    EXPECT_EQ(done.sid, 1U);
    EXPECT_EQ(driver.present.size(), 2U);
    const auto sessions = list();
    ASSERT_EQ(sessions.size(), 1U);
    EXPECT_EQ(sessions[0].sid, 1U);
    EXPECT_EQ(sessions[0].host_number, 1U);
    EXPECT_EQ(sessions[0].node, node);
    EXPECT_EQ(sessions[0].connection_state, "LOGGED IN");
    EXPECT_EQ(sessions[0].session_state, "LOGGED_IN");
    EXPECT_EQ(sessions[0].internal_state, "NO CHANGE");
    EXPECT_EQ(sessions[0].max_burst_length, 12345U);
    ASSERT_EQ(sessions[0].luns.size(), 2U);
    EXPECT_EQ(sessions[0].luns[1].lun, 2U);
    EXPECT_EQ(sessions[0].luns[1].disk, "no-such-disk-2");
}

TEST_F(world, a_login_notes_that_its_disks_end_with_the_daemon) {
    for (const bool outlives : {false, true}) {
        driver.adopts = outlives;
        const auto done = log_in();
        EXPECT_TRUE(done.warnings.empty());
        EXPECT_EQ(done.notes.size(), outlives ? 0U : 1U);
        for (const auto& note : done.notes)
            EXPECT_EQ(note.rfind("its disks end with this iscsid", 0), 0U) << note;
        log_out(done.sid);
    }
}

TEST_F(world, a_node_without_a_record_is_21) {
    auto unknown = node;
    unknown.target += "x";
    EXPECT_EQ(log_in(unknown).code, exit_code::no_objects_found);
    EXPECT_EQ(all().session_count(), 0U);
}

TEST_F(world, one_session_more_than_the_record_says_can_be_asked_for) {
    log_in();
    const auto more = all().start_additional_login(*record_of(), manager::waiting::yes);
    ASSERT_TRUE(more.has_value());
    EXPECT_EQ(more->session->sid(), 2U);
    EXPECT_EQ(all().session_count(), 2U);
    EXPECT_EQ(logins_to().error().code, exit_code::session_exists);
}

TEST_F(world, a_second_login_is_15) {
    log_in();
    EXPECT_EQ(log_in().code, exit_code::session_exists);
    EXPECT_EQ(logins_to().error().code, exit_code::session_exists);
    EXPECT_EQ(all().session_count(), 1U);
}

TEST_F(world, several_sessions_of_a_node_have_their_own_isids) {
    store(node, {{"node.session.nr_sessions", "2"}});
    EXPECT_EQ(*logins_to(), 2U);
    EXPECT_EQ(log_in().code, exit_code::success);
    EXPECT_EQ(*logins_to(), 1U);
    EXPECT_EQ(log_in().code, exit_code::success);
    EXPECT_EQ(log_in().code, exit_code::session_exists);
    ASSERT_EQ(plans.size(), 2U);
    EXPECT_NE(plans[0].session.isid, plans[1].session.isid);
    log_out(1);
    EXPECT_EQ(log_in().sid, 3U);
    EXPECT_EQ(plans[2].session.isid, plans[0].session.isid);
}

TEST_F(world, a_failed_login_leaves_nothing) {
    const iscsi::fault why{
        iscsi::to_error_code(iscsi::login_errc::status_refused),
        "login",
        "target answered 0201",
        {}};
    refusal = iscsi::login_failed{iscsi::login_verdict::authentication, 2, 1, why};
    const auto done = log_in();
    EXPECT_EQ(done.code, exit_code::login_auth_failed);
    EXPECT_NE(done.detail.find("0201"), std::string::npos) << done.detail;
    EXPECT_EQ(all().session_count(), 0U);
    EXPECT_TRUE(lane.handlers.empty());
}

TEST_F(world, no_initiator_name_is_5_and_no_driver_is_12) {
    settings.identity = {};
    EXPECT_EQ(log_in().code, exit_code::login);
    made.reset();
    with.disks.driver = nullptr;
    with.no_driver = "nothing here";
    const auto done = log_in();
    EXPECT_EQ(done.code, exit_code::transport_not_found);
    EXPECT_EQ(done.detail, "nothing here");
}

TEST_F(world, one_bad_lun_does_not_spoil_the_login) {
    driver.unfit = {1};
    EXPECT_EQ(log_in().code, exit_code::success);
    EXPECT_EQ(driver.present.size(), 1U);
    const auto sessions = list();
    ASSERT_EQ(sessions[0].luns.size(), 2U);
    EXPECT_EQ(sessions[0].luns[0].disk, "");
}

TEST_F(world, no_disk_at_all_is_a_failure_and_logs_out) {
    driver.unfit = {1, 2};
    const auto done = log_in();
    EXPECT_EQ(done.code, exit_code::error);
    EXPECT_NE(done.detail.find("LUN 2"), std::string::npos);
    EXPECT_EQ(lane.logouts.size(), 1U);
    EXPECT_EQ(all().session_count(), 0U);
}

TEST_F(world, a_target_without_luns_is_a_session) {
    luns.clear();
    EXPECT_EQ(log_in().code, exit_code::success);
    EXPECT_EQ(log_out(1).code, exit_code::success);
}

TEST_F(world, logout_removes_disks_and_session) {
    log_in();
    EXPECT_EQ(log_out(1).code, exit_code::success);
    EXPECT_TRUE(driver.present.empty());
    EXPECT_EQ(lane.logouts.size(), 1U);
    EXPECT_TRUE(lane.handlers.empty());
    EXPECT_TRUE(list().empty());
    EXPECT_EQ(log_out(1).code, exit_code::session_not_found);
}

TEST_F(world, a_disk_in_use_refuses_the_logout_and_everything_stays) {
    log_in();
    driver.busy = {2};
    const auto refused = log_out(1);
    EXPECT_EQ(refused.code, exit_code::busy);
    EXPECT_NE(refused.detail.find("LUN 2"), std::string::npos);
    EXPECT_EQ(driver.present.size(), 2U); // LUN 1 was gone and is there again
    EXPECT_TRUE(lane.logouts.empty());
    ASSERT_EQ(list().size(), 1U);
    EXPECT_EQ(list()[0].luns[0].disk, "no-such-disk-1");
    driver.busy.clear();
    EXPECT_EQ(log_out(1).code, exit_code::success);
}

TEST_F(world, a_loss_while_logging_out_is_told) {
    log_in();
    driver.lossy = {1};
    const auto done = log_out(1);
    EXPECT_EQ(done.code, exit_code::logout);
    EXPECT_EQ(done.detail.rfind("logged out, with losses: LUN 1", 0), 0U) << done.detail;
    EXPECT_EQ(all().session_count(), 0U);
}

// The last flush found nobody, but there was nothing to flush.
TEST_F(world, a_last_flush_that_fails_is_a_warning_when_nothing_is_lost) {
    log_in();
    driver.lossy = {1};
    lane.ledgers[{1, scsi::lun_from_number(1)}] = std::make_shared<iscsid::lane::write_ledger>();
    const auto done = log_out(1);
    EXPECT_EQ(done.code, exit_code::success);
    ASSERT_EQ(done.warnings.size(), 1U);
    EXPECT_NE(done.warnings[0].find("LUN 1"), std::string::npos);
    EXPECT_TRUE(driver.present.empty());
}

TEST_F(world, a_logout_that_nobody_confirms_is_a_warning) {
    log_in();
    lane.answers_logout = false;
    const auto done = log_out(1);
    EXPECT_EQ(done.code, exit_code::success);
    EXPECT_EQ(done.warnings.size(), 1U);
}

// Else its last flush would wait for a unit that is not there.
TEST_F(world, a_logout_fails_removed_units_before_it_flushes) {
    using namespace iscsid::device::test;
    luns = {1, 2, 3};
    log_in();
    auto not_there = zeros(36);
    not_there[0] = std::byte{0x7f}; // qualifier 011b: no unit is or can be there
    target.answer(1, standard_inquiry(), {sends(not_there)});
    target.answer(3, standard_inquiry(), {sense(scsi::sense_key::illegal_request, 0x25, 0)});
    std::map<std::uint64_t, int> failing;
    driver.on_removal = [&](std::uint64_t lun) {
        failing[lun] = lane.failing[{1, scsi::lun_from_number(lun)}];
    };
    EXPECT_EQ(log_out(1).code, exit_code::success);
    EXPECT_EQ(failing, (std::map<std::uint64_t, int>{{1, ENODEV}, {2, 0}, {3, ENODEV}}));
}

TEST_F(world, a_target_that_answers_no_question_is_waited_for_a_bounded_time_when_logging_out) {
    log_in();
    lane.answers = [](const auto&, const auto&) {};
    EXPECT_EQ(log_out(1).code, exit_code::success);
    EXPECT_TRUE(driver.present.empty());
}

// What the kernel does when each SYNCHRONIZE CACHE is answered BUSY: it waits until the session
// ends.
TEST_F(world, a_target_that_answers_without_end_does_not_keep_a_logout) {
    log_in();
    driver.lossy = {1, 2};
    bool ended_by_logout = true;
    driver.on_removal = [&](std::uint64_t) {
        const auto end = std::chrono::steady_clock::now() + 10s;
        while (!lane.is_logging_out && std::chrono::steady_clock::now() < end)
            std::this_thread::yield();
        ended_by_logout &= lane.is_logging_out;
    };
    EXPECT_EQ(log_out(1).code, exit_code::logout); // nobody knows what was written
    EXPECT_TRUE(ended_by_logout);
}

TEST_F(world, a_logout_waits_longer_while_writes_succeed) {
    log_in();
    const auto written = std::make_shared<iscsid::lane::write_ledger>();
    for (const auto lun : luns)
        lane.ledgers[{1, scsi::lun_from_number(lun)}] = written;
    bool was_cut_off = false;
    driver.on_removal = [&](std::uint64_t) {
        const auto end = std::chrono::steady_clock::now() + 1500ms; // logout_timeout is 1 s
        while (std::chrono::steady_clock::now() < end) {
            written->write_ended(512, iscsid::lane::write_place::without_cache, 0);
            std::this_thread::yield();
        }
        was_cut_off |= lane.is_logging_out;
    };
    EXPECT_EQ(log_out(1).code, exit_code::success);
    EXPECT_FALSE(was_cut_off);
}

// The target has more to do than this client: it is looked at again, and the session is there.
TEST_F(world, a_login_without_any_list_of_luns_is_a_session_with_a_warning) {
    is_lost = true;
    with.first_pause_of_looks = std::chrono::milliseconds(1);
    const auto done = log_in();
    EXPECT_EQ(done.code, exit_code::success);
    EXPECT_EQ(done.warnings.size(), 1U);
    EXPECT_TRUE(driver.present.empty());
    is_lost = false;
    EXPECT_TRUE(until([&] { return driver.attached == 2; }));
}

// Nothing tells a session that has no unit to ask that there is one now.
TEST_F(world, a_login_to_a_target_that_is_being_set_up_finds_its_disks_later) {
    with.first_pause_of_looks = std::chrono::milliseconds(1);
    show({});
    EXPECT_EQ(iscsi::test::run(context, login_message(node)).code, exit_code::success);
    EXPECT_EQ(driver.attached, 0);
    show({1, 2});
    EXPECT_TRUE(until([&] { return driver.attached == 2; }));
}

TEST_F(world, a_manual_scan_finds_nothing_later) {
    using namespace iscsid::device::test;
    with.first_pause_of_looks = std::chrono::milliseconds(1);
    store(node, {{"node.session.scan", "manual"}});
    show({});
    EXPECT_EQ(iscsi::test::run(context, login_message(node)).code, exit_code::success);
    const auto lists = plain(scsi::operation_code::report_luns);
    const auto looks = target.times_asked(0, lists);
    EXPECT_EQ(list().size(), 1U);
    EXPECT_EQ(target.times_asked(0, lists), looks);
}

// ---- LUNs that do not answer ------------------------------------------------------------------

// Standby, as the second path of an array: it will not say when it is ready.
void put_to_standby(world& in, std::uint64_t lun) {
    using namespace iscsid::device::test;
    in.target.answer(
        lun,
        plain(scsi::operation_code::test_unit_ready),
        {sense(scsi::sense_key::not_ready, 0x04, 0x0b)}
    );
}

TEST_F(world, a_login_succeeds_with_the_luns_that_answer_and_names_the_others) {
    with.first_pause_of_looks = std::chrono::milliseconds(1);
    show({1, 2, 3, 4});
    put_to_standby(*this, 2);
    put_to_standby(*this, 4);
    const auto done = iscsi::test::run(context, login_message(node));
    EXPECT_EQ(done.code, exit_code::success) << done.detail;
    ASSERT_EQ(done.warnings.size(), 2U);
    EXPECT_NE(done.warnings[0].find("LUN 2"), std::string::npos) << done.warnings[0];
    EXPECT_NE(done.warnings[1].find("LUN 4"), std::string::npos) << done.warnings[1];
    const auto has_disks = [this](std::set<std::string> names) {
        const std::scoped_lock lock(driver.changing);
        return driver.present == names;
    };
    EXPECT_TRUE(has_disks({"no-such-disk-1", "no-such-disk-3"}));
    target.has_disk(2);
    EXPECT_TRUE(until([&] {
        return has_disks({"no-such-disk-1", "no-such-disk-2", "no-such-disk-3"});
    }));
    EXPECT_EQ(rescan(1).warnings.size(), 1U); // LUN 4 is still away
}

TEST_F(world, a_login_where_no_lun_answers_is_a_session) {
    show({1, 2});
    put_to_standby(*this, 1);
    put_to_standby(*this, 2);
    const auto done = iscsi::test::run(context, login_message(node));
    EXPECT_EQ(done.code, exit_code::success) << done.detail;
    EXPECT_EQ(done.warnings.size(), 2U);
    EXPECT_TRUE(driver.present.empty());
    EXPECT_EQ(list().size(), 1U);
}

TEST_F(world, a_connection_that_is_lost_in_the_first_scan_is_waited_for) {
    store(
        node,
        {{"node.conn[0].timeo.login_timeout", "5"}, {"node.session.initial_login_retry_max", "1"}}
    );
    show({1, 2});
    is_lost = true;
    std::optional<admin::login_progress> login;
    const auto answers = lane.answers;
    lane.answers = [&](const auto& what, auto done) {
        if (is_lost.exchange(false)) { // in the middle of a command
            lane.tell(1, iscsi::want_close{});
            lane.tell(1, iscsi::want_transport{});
            done(iscsid::device::test::ended(iscsi::task_result::lost));
        } else {
            answers(what, std::move(done));
        }
    };
    asio::co_spawn(context, login_message(node), [&](auto, auto how) { login = how; });
    EXPECT_TRUE(until([&] { return !is_lost; }));
    lane.tell(1, iscsi::logged_in{true});
    ASSERT_TRUE(until([&] { return login.has_value(); }));
    EXPECT_EQ(login->code, exit_code::success) << login->detail;
    EXPECT_EQ(driver.present.size(), 2U);
}

TEST_F(world, logout_ends_although_nobody_confirms_it) {
    log_in();
    lane.answers_logout = false;
    EXPECT_EQ(log_out(1).code, exit_code::success);
    EXPECT_EQ(all().session_count(), 0U);
}

TEST_F(world, logout_cancels_a_login) {
    hangs = true;
    std::optional<admin::login_progress> login;
    asio::co_spawn(context, login_message(node), [&](auto, auto how) { login = how; });
    context.poll();
    EXPECT_EQ(list().size(), 1U);
    EXPECT_EQ(log_out(1).code, exit_code::success);
    ASSERT_TRUE(until([&] { return login.has_value(); }));
    EXPECT_EQ(login->code, exit_code::login);
    EXPECT_EQ(all().session_count(), 0U);
}

// ---- logins that are under way ------------------------------------------------------------------

struct login_under_way_test : world {
    login_under_way_test() { hangs = true; }

    login_under_way begin(const std::set<session_key>& joined = {}) {
        auto begun = all().start_login(*record_of(), joined);
        EXPECT_TRUE(begun.has_value());
        return *begun;
    }

    bool has_ended() {
        return until([&] { return all().session_count() == 0; });
    }
};

TEST_F(login_under_way_test, is_listed_as_what_it_is) {
    const auto begun = begin();
    const auto sessions = list();
    ASSERT_EQ(sessions.size(), 1U);
    EXPECT_TRUE(sessions[0].login_pending);
    EXPECT_EQ(sessions[0].connection_state, "IN LOGIN");
    EXPECT_EQ(sessions[0].current_address, node.address);
    EXPECT_EQ(sessions[0].current_port, node.port);
    EXPECT_EQ(sessions[0].interface_address, "");
    EXPECT_EQ(rescan(1).code, exit_code::session_not_connected);
}

TEST_F(login_under_way_test, is_joined_by_others) {
    show({1});
    const auto first = begin();
    const auto second = begin();
    EXPECT_EQ(second.session, first.session);
    lane.tell(1, iscsi::logged_in{});
    EXPECT_TRUE(iscsi::test::run(context, first.session->login_end()).has_value());
    const auto also = iscsi::test::run(context, second.session->login_end());
    ASSERT_TRUE(also.has_value());
    EXPECT_EQ(also->sid, 1U);
    EXPECT_FALSE(list()[0].login_pending);
    EXPECT_EQ(log_in().code, exit_code::session_exists);
}

TEST_F(login_under_way_test, is_one_of_as_many_as_the_record_asks_for) {
    store(node, {{"node.session.nr_sessions", "2"}});
    const auto one = begin();
    EXPECT_EQ(*logins_to(), 2U);
    EXPECT_EQ(begin().session, one.session);
    const auto two = begin({1});
    EXPECT_EQ(two.session->sid(), 2U);
    EXPECT_EQ(all().start_login(*record_of(), {1, 2}).error().code, exit_code::session_exists);
}

TEST_F(login_under_way_test, ends_when_nobody_wants_it_any_more) {
    {
        const auto first = begin();
        { const auto second = begin(); }
        context.poll();
        EXPECT_EQ(list().size(), 1U); // there is one who waits
    }
    EXPECT_TRUE(has_ended());
    EXPECT_TRUE(lane.handlers.empty());
}

TEST_F(login_under_way_test, goes_on_alone_when_it_was_asked_to) {
    show({1});
    EXPECT_TRUE(all().start_login(*record_of(), {}, manager::waiting::no).has_value());
    begin(); // who comes and goes changes nothing
    context.poll();
    EXPECT_EQ(list().size(), 1U);
    lane.tell(1, iscsi::logged_in{});
    EXPECT_TRUE(until([&] { return !list()[0].login_pending; }));
}

TEST_F(login_under_way_test, ends_after_its_disks_are_made_when_it_was_given_up_meanwhile) {
    show({1});
    {
        const auto begun = begin();
        lane.tell(1, iscsi::logged_in{});
        EXPECT_TRUE(until([&] { return begun.session->current_phase() == phase::attaching; }));
    }
    EXPECT_TRUE(has_ended());
    EXPECT_TRUE(driver.present.empty());
}

TEST_F(login_under_way_test, is_a_session_once_its_caller_has_the_answer) {
    hangs = false;
    log_in();
    context.restart();
    context.poll();
    EXPECT_EQ(list().size(), 1U);
}

// Else a second login at once would find the first one present, and the session never comes.
TEST_F(login_under_way_test, counts_for_nothing_once_it_has_failed) {
    const auto failed = begin();
    asio::co_spawn(context, all().logout(1), asio::detached);
    context.restart();
    while (failed.session->current_phase() == phase::logging_in)
        context.poll_one();
    EXPECT_EQ(failed.session->current_phase(), phase::failing);
    EXPECT_TRUE(list().empty());
    const auto next = begin();
    EXPECT_EQ(next.session->index(), 0U);
    EXPECT_NE(next.session, failed.session);
}

TEST_F(login_under_way_test, is_no_session_when_it_fails_while_it_is_looked_at) {
    const auto begun = begin();
    lane.looking = [this](auto key) {
        lane.tell(key, iscsi::login_failed{iscsi::login_verdict::fatal, 2, 3, {}});
    };
    EXPECT_TRUE(list().empty());
    EXPECT_EQ(begun.session->current_phase(), phase::failing);
}

TEST_F(world, a_session_that_ends_by_itself_takes_its_disks_along) {
    log_in();
    lane.tell(1, iscsi::logged_out{});
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (all().session_count() > 0 && std::chrono::steady_clock::now() < end) {
        context.restart();
        context.run_one_for(20ms);
    }
    EXPECT_EQ(all().session_count(), 0U);
    EXPECT_TRUE(driver.present.empty());
}

TEST_F(world, one_session_can_be_listed) {
    store(node, {{"node.session.nr_sessions", "2"}});
    log_in();
    log_in();
    EXPECT_EQ(list().size(), 2U);
    ASSERT_EQ(list(2).size(), 1U);
    EXPECT_EQ(list(2)[0].sid, 2U);
    EXPECT_TRUE(list(9).empty());
}

asio::awaitable<int> shut_down_within(manager& all, iscsi::duration limit) {
    co_await all.shut_down(limit, manager::leaving::all);
    co_return 0;
}

TEST_F(world, the_end_logs_out_of_everything_and_takes_no_more) {
    store(node, {{"node.session.nr_sessions", "2"}});
    log_in();
    log_in();
    iscsi::test::run(context, shut_down_within(all(), 10s));
    EXPECT_EQ(all().session_count(), 0U);
    EXPECT_TRUE(driver.present.empty());
    EXPECT_NE(log_in().code, exit_code::success);
}

TEST_F(world, the_end_comes_although_a_disk_is_in_use) {
    log_in();
    driver.busy = {1};
    iscsi::test::run(context, shut_down_within(all(), 100ms));
    EXPECT_EQ(all().session_count(), 1U);
}

TEST_F(world, the_end_asks_users_to_leave_before_it_waits) {
    log_in();
    driver.busy = {1};
    driver.users_can_be_asked = true;
    iscsi::test::run(context, shut_down_within(all(), 60s));
    EXPECT_TRUE(driver.dismissed.contains(1));
    EXPECT_EQ(all().session_count(), 0U);
    EXPECT_EQ(all().waits_for(), "");
}

TEST_F(world, the_end_waits_for_a_disk_that_is_being_freed) {
    log_in();
    driver.busy = {1};
    asio::steady_timer later(context, 50ms);
    later.async_wait([this](auto) {
        const std::scoped_lock lock(driver.changing);
        driver.busy.clear();
    });
    iscsi::test::run(context, shut_down_within(all(), 10s));
    EXPECT_EQ(all().session_count(), 0U);
}

TEST_F(world, discovery_without_a_name_says_so) {
    settings.identity = {};
    std::vector<std::string> notes;
    const auto found =
        iscsi::test::run(context, all().discover({"127.0.0.1", 3260, false, {}}, [&](auto line) {
            notes.push_back(line);
        }));
    const auto end = iscsid::ipc::message_of(found);
    EXPECT_TRUE(end.finished);
    EXPECT_EQ(end.code, exit_code::daemon_not_connected);
    EXPECT_EQ(notes, std::vector<std::string>{"Cannot perform discovery. Initiatorname required."});
}

TEST_F(world, discovery_by_a_record_that_is_not_there_is_21) {
    const auto end =
        iscsi::test::run(context, all().discover({"127.0.0.1", 3260, true, {}}, [](auto) {}));
    EXPECT_EQ(iscsid::ipc::message_of(end).code, exit_code::no_objects_found);
}

TEST_F(world, discovery_by_an_interface_that_is_not_there_is_21) {
    const auto found =
        iscsi::test::run(context, all().discover({"127.0.0.1", 3260, false, "eth"}, [](auto) {}));
    const auto end = iscsid::ipc::message_of(found);
    EXPECT_TRUE(end.finished);
    EXPECT_EQ(end.code, exit_code::no_objects_found);
}

} // namespace
