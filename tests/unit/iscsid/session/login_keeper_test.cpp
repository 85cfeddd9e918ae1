#include "tests/unit/iscsid/session/captured_log.hpp"
#include "tests/unit/iscsid/session/manager_world.hpp"

#include "iscsid/session/login_keeper.hpp"

#include "libiscsi/core/login/login.hpp"

#include <gmock/gmock.h>

#include <fstream>

namespace iscsid::session {
namespace {

using admin::exit_code;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const admin::node_id second{"iqn.2026-01.org.example:disk", "10.0.0.6", 3260, 1, "default"};
const admin::node_id other{"iqn.2026-01.org.example:other", "10.0.0.7", 3260, 1, "default"};

iscsi::login_failed refused() {
    return {
        iscsi::login_verdict::authentication,
        2,
        1,
        {iscsi::to_error_code(iscsi::login_errc::status_refused),
         "login",
         "target answered 0201",
         {}}};
}

struct kept_logins : manager_world {
    login_keeper& keeper() {
        if (!made_keeper)
            make_keeper("this boot");
        return *made_keeper;
    }

    void make_keeper(const std::string& boot) {
        made_keeper.emplace(
            all(),
            login_keeper::options{
                context.get_executor(), folder / "kept.json", boot, [this] { ++told; }, 1ms}
        );
    }

    // How it ends, or that it has not ended within 20 ms.
    kept_end wait_for(const outcome<login_keeper::handle>& login, const admin::node_id& of = node) {
        context.restart();
        return iscsi::test::run(context, keeper().wait_for(*login, of, 20ms));
    }

    outcome<login_keeper::handle> keep(const admin::node_id& one = node) {
        show(luns);
        return keeper().keep({record_of(one)}).front();
    }

    bool is_noted() const { return std::filesystem::exists(folder / "kept.json"); }

    bool until_none_is_missing() {
        return until([&] { return keeper().missing().empty(); });
    }

    std::optional<login_keeper> made_keeper;
    captured_log log;
    int told = 0;
};

TEST_F(kept_logins, that_succeed_at_once_are_logins_as_any_other) {
    const auto login = keep();
    EXPECT_TRUE(is_noted());
    ASSERT_TRUE(until_none_is_missing());
    const auto end = wait_for(login);
    ASSERT_TRUE(end.how.has_value()) << end.how.error().reason;
    EXPECT_EQ(end.how->sid, 1U);
    EXPECT_FALSE(end.is_needless);
    EXPECT_FALSE(is_noted());
    EXPECT_FALSE(log.has("failed tries"));
    EXPECT_GE(told, 2);
}

TEST_F(kept_logins, are_tried_until_the_target_lets_them_in) {
    refusal = refused();
    const auto login = keep();
    ASSERT_TRUE(until([&] { return keeper().missing().front().tries >= 3; }));
    const auto late = wait_for(login);
    ASSERT_TRUE(late.how.has_error());
    EXPECT_EQ(late.how.error().code, exit_code::transport_timeout);
    EXPECT_THAT(late.how.error().reason, HasSubstr("0201"));
    EXPECT_THAT(late.how.error().reason, HasSubstr("keeps trying"));
    EXPECT_THAT(keeper().missing().front().reason, HasSubstr("0201"));
    EXPECT_EQ(log.count("not logged in, and tried again"), 1U) << "once for each reason";
    EXPECT_EQ(log.count("login failed"), 0U) << "the log has it already";
    refusal.reset();
    ASSERT_TRUE(until_none_is_missing());
    EXPECT_EQ(all().session_count(), 1U);
    EXPECT_TRUE(log.has("is logged in, after"));
}

TEST_F(kept_logins, of_all_sessions_that_a_record_wants_end_with_the_last) {
    store(node, {{"node.session.nr_sessions", "3"}});
    const auto login = keep();
    ASSERT_TRUE(until_none_is_missing());
    EXPECT_TRUE(wait_for(login).how.has_value());
    EXPECT_EQ(all().session_count(), 3U);
}

TEST_F(kept_logins, leave_sessions_alone_that_are_there) {
    ASSERT_EQ(log_in().code, exit_code::success);
    const auto logins = plans.size();
    const auto login = keep();
    ASSERT_TRUE(until_none_is_missing());
    EXPECT_TRUE(wait_for(login).how.has_value());
    EXPECT_EQ(plans.size(), logins);
}

TEST_F(kept_logins, are_asked_for_once_however_often) {
    refusal = refused();
    const auto first = keep();
    const auto again = keep();
    EXPECT_EQ(*first, *again);
    EXPECT_THAT(keeper().missing(), SizeIs(1));
}

TEST_F(kept_logins, without_a_record_are_refused) {
    const auto login = keep(other);
    ASSERT_TRUE(login.has_error());
    EXPECT_EQ(login.error().code, exit_code::no_objects_found);
    EXPECT_THAT(keeper().missing(), IsEmpty());
}

TEST_F(kept_logins, hold_up_no_other) {
    store(other, {});
    hangs = true;
    const auto first = keep();
    ASSERT_TRUE(until([&] { return all().session_count() == 1; }));
    hangs = false;
    const auto login = keep(other);
    ASSERT_TRUE(until([&] { return keeper().missing().size() == 1; }));
    EXPECT_TRUE(wait_for(login, other).how.has_value());
    EXPECT_TRUE(wait_for(first).how.has_error());
}

// The first of two is in, and then it is ended: that is no success.
TEST_F(kept_logins, that_are_ended_half_way_have_not_succeeded) {
    store(node, {{"node.session.nr_sessions", "2"}});
    show(luns);
    hangs = true;
    const auto login = keep();
    ASSERT_TRUE(until([&] { return all().session_count() == 2; }));
    lane.tell(1, iscsi::logged_in{});
    ASSERT_TRUE(until([&] { return all().find(1)->current_phase() == phase::running; }));
    EXPECT_TRUE(keeper().end(node));
    ASSERT_TRUE(until([&] { return all().session_count() == 1; }));
    EXPECT_TRUE(wait_for(login).how.has_error());
    EXPECT_FALSE(log.has("is logged in"));
}

// ---- their end ----------------------------------------------------------------------------------

TEST_F(kept_logins, end_with_their_record) {
    refusal = refused();
    const auto login = keep();
    ASSERT_TRUE(records->remove(node).has_value());
    ASSERT_TRUE(until_none_is_missing());
    EXPECT_TRUE(log.has("its record is gone"));
    EXPECT_TRUE(wait_for(login).how.has_error());
    EXPECT_FALSE(is_noted());
}

TEST_F(kept_logins, end_when_their_record_is_automatic_no_more) {
    store(node, {{"node.startup", "automatic"}});
    refusal = refused();
    keep();
    ASSERT_TRUE(until([&] { return keeper().missing().front().tries >= 2; }));
    store(node, {{"node.startup", "manual"}});
    ASSERT_TRUE(until_none_is_missing());
    EXPECT_TRUE(log.has("is not automatic any more"));
}

TEST_F(kept_logins, of_manual_records_go_on) {
    refusal = refused();
    keep();
    ASSERT_TRUE(until([&] { return keeper().missing().front().tries >= 3; }));
}

TEST_F(kept_logins, that_are_ended_take_the_login_under_way_along) {
    hangs = true;
    const auto login = keep();
    ASSERT_TRUE(until([&] { return all().session_count() == 1; }));
    EXPECT_TRUE(keeper().end(node));
    EXPECT_FALSE(keeper().end(node));
    EXPECT_THAT(keeper().missing(), IsEmpty());
    context.restart();
    auto waited = [&]() -> asio::awaitable<bool> {
        co_await keeper().wait_for_cancelled();
        co_return true;
    };
    iscsi::test::run(context, waited());
    EXPECT_EQ(all().session_count(), 0U);
    EXPECT_TRUE(wait_for(login).how.has_error());
    EXPECT_FALSE(is_noted());
}

TEST_F(kept_logins, are_given_up_after_the_longest_age) {
    std::ofstream(folder / "conf") << "iscsid.autologin_max_age = 60\n";
    settings.config = admin::config::load(folder / "conf");
    refusal = refused();
    const kept_login old{{node}, false, false, seconds_since_boot() - 61s};
    ASSERT_TRUE(store_kept_logins(folder / "kept.json", "this boot", {old}).has_value());
    keeper().resume();
    ASSERT_TRUE(until_none_is_missing());
    EXPECT_TRUE(log.has("iscsid.autologin_max_age is over"));
}

// ---- leading logins -----------------------------------------------------------------------------

TEST_F(kept_logins, of_one_target_need_one_portal) {
    for (const auto& each : {node, second})
        store(each, {{"node.leading_login", "Yes"}});
    show(luns);
    const auto logins = keeper().keep({record_of(node), record_of(second)});
    EXPECT_EQ(*logins[0], *logins[1]);
    ASSERT_TRUE(until_none_is_missing());
    EXPECT_EQ(all().session_count(), 1U);
    EXPECT_FALSE(wait_for(logins[0]).is_needless);
    EXPECT_TRUE(wait_for(logins[1], second).is_needless);
    EXPECT_TRUE(wait_for(logins[1], second).how.has_value());
}

// Its record would have each of them tried for two minutes.
TEST_F(kept_logins, go_on_with_the_next_portal_when_one_does_not_answer) {
    for (const auto& each : {node, second})
        store(each, {{"node.leading_login", "Yes"}});
    show(luns);
    hangs = true;
    const auto logins = keeper().keep({record_of(node), record_of(second)});
    ASSERT_TRUE(until([&] { return plans.size() == 1; }));
    hangs = false;
    auto late = refused();
    late.verdict = iscsi::login_verdict::retry;
    lane.tell(1, late);
    ASSERT_TRUE(until_none_is_missing());
    EXPECT_EQ(plans.size(), 2U);
    EXPECT_TRUE(wait_for(logins[0]).is_needless);
    EXPECT_FALSE(wait_for(logins[1], second).is_needless);
}

TEST_F(kept_logins, of_a_target_that_has_a_session_are_needless) {
    for (const auto& each : {node, second})
        store(each, {{"node.leading_login", "Yes"}});
    ASSERT_EQ(log_in(second).code, exit_code::success);
    const auto login = keep();
    ASSERT_TRUE(until_none_is_missing());
    EXPECT_TRUE(wait_for(login).is_needless);
    EXPECT_EQ(all().session_count(), 1U);
}

// ---- the next daemon ----------------------------------------------------------------------------

TEST_F(kept_logins, are_tried_on_by_the_next_daemon) {
    store(other, {});
    refusal = refused();
    keep();
    keep(other);
    keeper().stop();
    EXPECT_TRUE(is_noted());
    ASSERT_TRUE(until([&] { return all().session_count() == 0; }));
    made_keeper.reset();
    keeper().resume();
    EXPECT_THAT(keeper().missing(), SizeIs(2));
    refusal.reset();
    ASSERT_TRUE(until_none_is_missing());
    EXPECT_EQ(all().session_count(), 2U);
    EXPECT_FALSE(is_noted());
}

TEST_F(kept_logins, of_another_boot_are_none) {
    const kept_login old{{node}, false, false, seconds_since_boot()};
    ASSERT_TRUE(store_kept_logins(folder / "kept.json", "another boot", {old}).has_value());
    keeper().resume();
    EXPECT_THAT(keeper().missing(), IsEmpty());
}

TEST_F(kept_logins, that_cannot_be_read_stop_nothing) {
    const std::string_view node_text =
        R"({"target":"iqn.a","address":"a","port":3260,"group_tag":1,"interface":"default"})";
    const std::vector<std::string> bad{
        "",
        "{",
        "[]",
        R"({"boot":7,"logins":[]})",
        R"({"boot":"this boot","logins":[{}]})",
        R"({"boot":"this boot","logins":[{"portals":[{}],"leading":false,"automatic":true,"since":1}]})",
        R"({"boot":"this boot","logins":[{"portals":[)" + std::string(node_text) +
            R"(],"leading":1,"automatic":true,"since":1}]})"};
    for (const auto& text : bad) {
        log.clear();
        std::ofstream(folder / "kept.json") << text;
        keeper().resume();
        EXPECT_THAT(keeper().missing(), IsEmpty()) << text;
        EXPECT_TRUE(log.has("kept.json")) << text;
    }
    std::filesystem::remove(folder / "kept.json");
    std::filesystem::create_directory(folder / "kept.json");
    log.clear();
    keeper().resume();
    EXPECT_TRUE(log.has("not a regular file") || log.has("cannot be read"));
}

TEST_F(kept_logins, that_cannot_be_noted_are_tried_with_a_warning) {
    std::filesystem::create_directory(folder / "kept.json");
    const auto login = keep();
    EXPECT_EQ(log.count("the next iscsid will not know"), 1U);
    EXPECT_THAT(keeper().unnoted(), HasSubstr("kept.json"));
    ASSERT_TRUE(until_none_is_missing());
    EXPECT_TRUE(wait_for(login).how.has_value());
}

} // namespace
} // namespace iscsid::session
