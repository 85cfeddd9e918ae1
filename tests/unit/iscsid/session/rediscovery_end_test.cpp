#include "tests/unit/iscsid/session/rediscovery_world.hpp"

// What is not to end when a source does not name it.
namespace iscsid::session {
namespace {

using rediscovery_end = repeated_discovery;

TEST_F(rediscovery_end, keeps_what_another_source_names) {
    homes = {{first, here.address}, {second_name, here.address}};
    targets[here.address] = {first, second_name};
    targets[there.address] = {first, second_name};
    repeat(here);
    start();
    ASSERT_TRUE(until([&] { return has_session(first) && has_session(second_name); }));
    repeat(there);
    repeats->look_again();
    ASSERT_TRUE(until_asked_again(there.address));
    targets[here.address] = {second_name};
    ASSERT_TRUE(until([&] { return log.has("discovery at 10.0.0.6:3260 does: it stays"); }));
    ASSERT_TRUE(until_asked_again());
    EXPECT_TRUE(has_session(first) && has_record(first));
    EXPECT_EQ(records->find(node_of(first)).value()->get("node.discovery_address"), there.address);
    targets[there.address] = {second_name};
    EXPECT_TRUE(until([&] { return !has_record(first); })) << "its new source names it no more";
    EXPECT_FALSE(has_session(first));
}

// It may name what the others do not.
TEST_F(rediscovery_end, waits_for_the_first_answer_of_every_source) {
    homes = {{first, here.address}};
    targets[here.address] = {first, second_name};
    repeat(here);
    start();
    ASSERT_TRUE(until([&] { return has_session(first); }));
    silent = {there.address};
    repeat(there);
    repeats->look_again();
    ASSERT_TRUE(until([&] { return polls[there.address] == 1; }));
    targets[here.address] = {second_name};
    ASSERT_TRUE(until_asked_again());
    EXPECT_TRUE(has_session(first) && has_record(first));
}

TEST_F(rediscovery_end, logs_in_again_by_whoever_names_it_again) {
    homes = {{first, here.address}};
    targets[here.address] = {first, second_name};
    targets[there.address] = {second_name};
    repeat(here);
    repeat(there);
    start();
    ASSERT_TRUE(until([&] { return has_session(first); }));
    targets[here.address] = {second_name};
    ASSERT_TRUE(until([&] { return !has_record(first); }));
    targets[there.address] = {first, second_name};
    EXPECT_TRUE(until([&] { return has_session(first); }));
}

TEST_F(rediscovery_end, another_group_tag_is_the_same_node) {
    repeat(here);
    targets[here.address] = {first};
    start();
    ASSERT_TRUE(until([&] { return has_session(first); }));
    edit(node_of(first), "node.session.auth.username", "alice");
    tag = 2;
    ASSERT_TRUE(until_asked_again());
    EXPECT_TRUE(has_session(first));
    EXPECT_TRUE(has_record(first)) << "a daemon that is started anew finds it for the session";
    ASSERT_EQ(records->list({}).ids.size(), 1U);
    ASSERT_EQ(log_out(1).code, exit_code::success);
    ASSERT_TRUE(until([&] { return records->list({}).ids.front() == node_of(first, 2); }));
    ASSERT_TRUE(until_asked_again());
    EXPECT_EQ(records->list({}).ids.size(), 1U);
    const auto record = records->find(node_of(first, 2)).value();
    EXPECT_EQ(record->get("node.session.auth.username"), "alice");
    EXPECT_TRUE(record->user_keys().contains("node.session.auth.username"));
    EXPECT_EQ(records->discovered_by(here), std::vector{node_of(first, 2)});
    EXPECT_FALSE(has_session(first)) << "the logout by hand is undone";
    EXPECT_EQ(log.count("has the portal group tag 2 now"), 1U);
    EXPECT_FALSE(log.has("names it no more"));
}

TEST_F(rediscovery_end, keeps_the_targets_of_entries_that_are_left_out) {
    repeat(here);
    const std::string third = "iqn.2026-01.org.example:third";
    targets[here.address] = {first, second_name, third};
    start();
    ASSERT_TRUE(until([&] { return has_session(first) && has_session(third); }));
    targets[here.address] = {third};
    left_out = {first};
    ASSERT_TRUE(until([&] { return !has_record(second_name); }));
    ASSERT_TRUE(until_asked_again());
    EXPECT_TRUE(has_session(first) && has_record(first));
    left_out = {""};
    targets[here.address] = {first};
    ASSERT_TRUE(until_asked_again());
    EXPECT_TRUE(has_session(third) && has_record(third)) << "it may have been the one";
    left_out.clear();
    EXPECT_TRUE(until([&] { return !has_record(third); }));
}

TEST_F(rediscovery_end, keeps_all_when_a_name_is_none) {
    repeat(here);
    targets[here.address] = {first, second_name};
    start();
    ASSERT_TRUE(until([&] { return has_session(first) && has_session(second_name); }));
    targets[here.address] = {first, "nonsense"};
    ASSERT_TRUE(until_asked_again());
    EXPECT_TRUE(has_session(second_name) && has_record(second_name));
    targets[here.address] = {first};
    EXPECT_TRUE(until([&] { return !has_record(second_name); }));
}

// With a record of an interface, `default` is not asked through any more.
TEST_F(rediscovery_end, keeps_what_is_bound_to_an_interface_that_did_not_ask) {
    repeat(here);
    targets[here.address] = {first, second_name};
    start();
    ASSERT_TRUE(until([&] { return has_session(first) && has_session(second_name); }));
    admin::record eth0(admin::record_kind::interface);
    ASSERT_TRUE(eth0.assign("iface.iscsi_ifacename", "eth0").has_value());
    ASSERT_TRUE(eth0.assign("iface.transport_name", "tcp").has_value());
    ASSERT_TRUE(records->write_interface(eth0).has_value());
    auto through_eth0 = node_of(first);
    through_eth0.interface = "eth0";
    ASSERT_TRUE(until([&] { return records->find(through_eth0).value().has_value(); }));
    targets[here.address] = {second_name};
    ASSERT_TRUE(until([&] { return !records->find(through_eth0).value(); }));
    EXPECT_TRUE(has_session(first) && has_record(first));
    EXPECT_TRUE(has_session(second_name) && has_record(second_name));
}

TEST_F(rediscovery_end, keeps_what_users_have_set) {
    repeat(here);
    targets[here.address] = {first, second_name};
    start();
    ASSERT_TRUE(until([&] { return has_session(first) && has_session(second_name); }));
    edit(node_of(first), "node.session.timeo.replacement_timeout", "77");
    targets[here.address] = {second_name};
    ASSERT_TRUE(until([&] { return log.has("its record stays with what users have set"); }));
    EXPECT_FALSE(has_session(first));
    ASSERT_TRUE(until_asked_again());
    EXPECT_EQ(log.count("its record stays"), 1U);
    EXPECT_EQ(
        records->find(node_of(first)).value()->get("node.session.timeo.replacement_timeout"), "77"
    );
    ASSERT_EQ(log_in(node_of(first)).code, exit_code::success);
    ASSERT_TRUE(until_asked_again());
    EXPECT_TRUE(has_session(first)) << "a login by hand is undone";
    ASSERT_EQ(log_out(all().sessions_of(node_of(first)).front()->sid()).code, exit_code::success);
    targets[here.address] = {first, second_name};
    EXPECT_TRUE(until([&] { return has_session(first); }));
}

TEST_F(rediscovery_end, names_a_few_of_many) {
    settings.config = {}; // manual
    repeat(here);
    const auto name = [](int poll, int n) {
        return "iqn.2026-01.org.example:" + std::to_string(poll) + "-" + std::to_string(n);
    };
    for (int n = 0; n < 20; ++n)
        targets[here.address].push_back(name(0, n));
    start();
    ASSERT_TRUE(until([&] { return log.has("and 17 more new nodes"); }));
    EXPECT_EQ(log.count("is new"), 3U);
    targets[here.address] = {first};
    ASSERT_TRUE(until([&] { return log.has("and 17 more nodes that it names no more"); }));
    EXPECT_EQ(log.count("its record is removed"), 3U);
    log.clear();
    constexpr int many = 40;
    for (int poll = 1; poll <= many; ++poll) {
        targets[here.address] = {name(poll, 0), name(poll, 0) + "/bad"};
        ASSERT_TRUE(until([&] { return has_record(name(poll, 0)); }));
    }
    EXPECT_GT(log.count("is new"), 10U);
    EXPECT_LT(log.count("is new"), 20U);
    EXPECT_GT(log.count("left out: "), 10U);
    EXPECT_LT(log.count("left out: "), 20U);
}

} // namespace
} // namespace iscsid::session
