#include "tests/unit/iscsid/session/isns_server.hpp"
#include "tests/unit/iscsid/session/rediscovery_world.hpp"

namespace iscsid::session {
namespace {

TEST_F(repeated_discovery, records_new_targets_and_logs_in_to_automatic_ones) {
    repeat(here);
    targets[here.address] = {first};
    start();
    ASSERT_TRUE(until([&] { return has_session(first); }));
    targets[here.address] = {first, second_name};
    ASSERT_TRUE(until([&] { return has_session(second_name); }));
    EXPECT_EQ(log.count("is new"), 2U);
    const auto record = records->find(node_of(second_name)).value();
    EXPECT_EQ(record->get("node.discovery_address"), here.address);
    EXPECT_EQ(record->get("node.discovery_type"), "send_targets");
}

TEST_F(repeated_discovery, does_not_log_in_to_manual_ones) {
    settings.config = {};
    repeat(here);
    targets[here.address] = {first};
    start();
    ASSERT_TRUE(until([&] { return has_record(first); }));
    ASSERT_TRUE(until_asked_again());
    EXPECT_EQ(all().session_count(), 0U);
}

TEST_F(repeated_discovery, takes_records_that_come_and_go_while_it_runs) {
    targets[here.address] = {first};
    start();
    repeat(here);
    ASSERT_TRUE(until([&] { return has_record(first); }));
    forget(here);
    ASSERT_TRUE(until([&] { return log.has("is not repeated any more"); }));
}

TEST_F(repeated_discovery, takes_another_interval_without_waiting_for_the_old_one) {
    repeat(here, "100000");
    targets[here.address] = {first};
    start();
    ASSERT_TRUE(until([&] { return has_record(first); }));
    repeat(here, "1");
    EXPECT_TRUE(until_asked_again());
}

TEST_F(repeated_discovery, with_interval_0_asks_once_and_when_it_is_told_to) {
    repeat(here, "0");
    repeat(there, "1");
    targets[here.address] = {first};
    start();
    ASSERT_TRUE(until_asked_again(there.address));
    EXPECT_EQ(polls[here.address], 1);
    repeats->look_again();
    EXPECT_TRUE(until([&] { return polls[here.address] == 2; }));
}

TEST_F(repeated_discovery, does_not_undo_a_logout_by_hand) {
    repeat(here);
    targets[here.address] = {first};
    start();
    ASSERT_TRUE(until([&] { return has_session(first); }));
    ASSERT_EQ(log_out(1).code, exit_code::success);
    ASSERT_TRUE(until_asked_again());
    EXPECT_EQ(all().session_count(), 0U);
}

TEST_F(repeated_discovery, logs_in_again_to_what_comes_back) {
    repeat(here);
    targets[here.address] = {first, second_name};
    start();
    ASSERT_TRUE(until([&] { return has_session(first) && has_session(second_name); }));
    targets[here.address] = {first};
    ASSERT_TRUE(until([&] { return !has_record(second_name); }));
    targets[here.address] = {first, second_name};
    EXPECT_TRUE(until([&] { return has_session(second_name); }));
}

TEST_F(repeated_discovery, changes_nothing_when_it_fails_and_says_so_once) {
    repeat(here);
    targets[here.address] = {first};
    start();
    ASSERT_TRUE(until([&] { return has_session(first); }));
    targets.clear();
    ASSERT_TRUE(until_asked_again());
    EXPECT_EQ(log.count("cannot make connection to 10.0.0.5: Connection refused; what"), 1U);
    targets[here.address] = {};
    ASSERT_TRUE(until_asked_again());
    EXPECT_EQ(log.count("it names no target"), 1U);
    EXPECT_TRUE(has_session(first) && has_record(first));
    targets[here.address] = {first};
    EXPECT_TRUE(until([&] { return log.count("answers again") == 1; }));
}

TEST_F(repeated_discovery, of_a_silent_source_holds_up_no_other) {
    silent = {there.address};
    repeat(there);
    repeat(here);
    targets[here.address] = {first};
    start();
    ASSERT_TRUE(until([&] { return polls[there.address] == 1; }));
    EXPECT_TRUE(until([&] { return has_session(first); }));
}

TEST_F(repeated_discovery, ends_what_is_named_no_more) {
    repeat(here);
    targets[here.address] = {first, second_name};
    start();
    ASSERT_TRUE(until([&] { return has_session(first) && has_session(second_name); }));
    targets[here.address] = {second_name};
    ASSERT_TRUE(until([&] { return !has_record(first); }));
    EXPECT_FALSE(has_session(first));
    EXPECT_TRUE(has_session(second_name) && has_record(second_name));
}

// Nobody is there to be told.
TEST_F(repeated_discovery, never_takes_a_disk_from_its_users) {
    std::ofstream(folder / "conf", std::ios::app) << "iscsid.safe_logout = No\n";
    settings.config = admin::config::load(folder / "conf");
    driver.busy = {1};
    repeat(here);
    targets[here.address] = {first};
    start();
    ASSERT_TRUE(until([&] { return has_session(first); }));
    targets[here.address] = {second_name};
    ASSERT_TRUE(until([&] { return log.has("names it no more, but it stays"); }));
    ASSERT_TRUE(until_asked_again());
    EXPECT_TRUE(has_session(first) && has_record(first));
    EXPECT_EQ(log.count("names it no more, but it stays"), 1U);
    driver.busy.clear();
    EXPECT_TRUE(until([&] { return !has_record(first); }));
    EXPECT_FALSE(has_session(first));
}

TEST_F(repeated_discovery, leaves_records_of_others_alone) {
    store(node, {});
    repeat(here);
    targets[here.address] = {first};
    start();
    ASSERT_TRUE(until([&] { return has_session(first); }));
    ASSERT_TRUE(until_asked_again());
    EXPECT_TRUE(records->find(node).value().has_value());
}

TEST_F(repeated_discovery, refuses_names_that_are_none) {
    repeat(here);
    targets[here.address] = {first, "iqn.2026-01.org.example:../../x", "nonsense"};
    start();
    ASSERT_TRUE(until([&] { return has_session(first); }));
    ASSERT_TRUE(until_asked_again());
    EXPECT_EQ(records->list({}).ids.size(), 1U);
    EXPECT_EQ(log.count("left out: "), 2U) << "each once";
}

// Polls go well all the same, and are no end of that trouble.
TEST_F(repeated_discovery, goes_on_without_a_registration_and_says_so_once) {
    test::isns_server server{context};
    std::uint32_t status = 17;
    server.answers = [&](const auto& asked) {
        return iscsi::isns::encode(test::isns_server::answer_to(asked, status));
    };
    registers_by = resolvers.get_executor();
    admin::record record(admin::record_kind::isns);
    const std::vector<admin::assignment> all{
        {"discovery.sendtargets.address", "127.0.0.1"},
        {"discovery.sendtargets.port", std::to_string(server.port())},
        {"discovery.isns.use_discoveryd", "Yes"},
        {"discovery.isns.discoveryd_poll_inval", "1"}};
    for (const auto& [key, value] : all)
        ASSERT_TRUE(record.assign(key, value).has_value());
    ASSERT_TRUE(records->write_discovery(record).has_value());
    targets["127.0.0.1"] = {first};
    start();
    ASSERT_TRUE(until([&] { return has_session(first); }));
    ASSERT_TRUE(until([&] { return log.has("tells nothing of changes"); }));
    ASSERT_TRUE(until_asked_again("127.0.0.1"));
    status = 0;
    repeats->look_again();
    ASSERT_TRUE(until([&] { return log.has("tells of changes again"); }));
    EXPECT_EQ(log.count("tells nothing of changes"), 1U);
    EXPECT_FALSE(log.has("answers again"));
}

TEST_F(repeated_discovery, has_an_isid_of_its_own) {
    repeat(here);
    start();
    ASSERT_TRUE(until([&] { return !isids.empty(); }));
    const discovery_request what{here.address, here.port, true, ""};
    const auto& plans = all().plans();
    const auto asked = plans.plan_discovery(what, plans.records().records_of(what));
    EXPECT_NE(isids.front(), asked->session.isid);
    const auto next = plans.plan_discovery(what, plans.records().records_of(what));
    EXPECT_NE(asked->session.isid, next->session.isid) << "both may be under way";
}

} // namespace
} // namespace iscsid::session
