#include "tests/unit/iscsid/session/fakes.hpp"
#include "tests/unit/iscsid/session/job_world.hpp"

#include "iscsid/lane/lane_pool.hpp"
#include "iscsid/session/clock.hpp"
#include "iscsid/session/live_session.hpp"

#include <boost/asio/detached.hpp>

namespace {

using namespace iscsid::session;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio::ip::tcp;
using iscsi::admin::exit_code;

// A session on a real lane, with a target on a real socket.
struct login_job : job_world {
    login_job() {
        with.where = {context.get_executor(), resolvers.get_executor()};
        with.workers = &workers;
        with.disks.driver = &driver;
        with.adopt = [this](auto key, auto engine, int socket, auto notes) -> auto& {
            return lanes.adopt(key, std::move(engine), socket, std::move(notes));
        };
        with.drop = [this](auto key, auto gone) { lanes.drop(key, std::move(gone)); };
    }

    std::shared_ptr<live_session> session_of(login_plan how) {
        how.session.timeouts.logout = std::chrono::seconds(5);
        session_owner owner;
        owner.forget = [this](auto) { ++ended; };
        owner.respects_users = [] { return true; };
        return std::make_shared<live_session>(1, 0, std::move(how), with, std::move(owner));
    }

    // As it was right after the login; it is logged out again.
    outcome<session_report> log_in_with(login_plan how) {
        const auto session = session_of(std::move(how));
        session->start_login(iscsid::session::now());
        const auto done = iscsi::test::run(context, session->login_end());
        if (done.has_error()) {
            EXPECT_EQ(ended, 1);
            return done.error();
        }
        auto seen = iscsi::test::run(context, session->report());
        EXPECT_TRUE(iscsi::test::run(context, session->log_out()).has_value());
        EXPECT_EQ(ended, 1);
        return *seen;
    }

    iscsid::lane::lane_pool lanes{1};
    worker_pool workers{1, 1};
    fake_driver driver;
    environment with;
    int ended = 0;
};

TEST_F(login_job, brings_a_session_with_its_disks) {
    target.add_disk(3, {});
    const auto fresh = log_in_with(plan());
    ASSERT_TRUE(fresh.has_value()) << fresh.error().reason;
    EXPECT_EQ(fresh->seen.connection, iscsi::connection_state::logged_in);
    ASSERT_EQ(fresh->luns.size(), 2U);
    EXPECT_EQ(fresh->luns[1].number, 3U);
    EXPECT_EQ(fresh->luns[1].node, "no-such-disk-3");
    EXPECT_EQ(fresh->peer.port(), server.port());
    EXPECT_TRUE(target.complaints().empty());
}

TEST_F(login_job, does_not_scan_when_told_so) {
    auto how = plan();
    how.scan = false;
    const auto fresh = log_in_with(how);
    ASSERT_TRUE(fresh.has_value());
    EXPECT_TRUE(fresh->luns.empty());
    EXPECT_EQ(target.commands(), 0U);
}

TEST_F(login_job, nobody_listens_is_8) {
    const auto failed = log_in_with(plan_to(deaf_port()));
    ASSERT_TRUE(failed.has_error());
    EXPECT_EQ(failed.error().code, exit_code::transport_timeout);
    EXPECT_EQ(failed.error().detail, "Connection refused");
}

TEST_F(login_job, a_name_that_does_not_resolve_is_4_at_once) {
    auto how = plan();
    how.node.address = "no-such-host.invalid";
    how.initial_login_retry_max = 100;
    const auto failed = log_in_with(how);
    ASSERT_TRUE(failed.has_error());
    EXPECT_EQ(failed.error().code, exit_code::transport);
}

TEST_F(login_job, no_answer_is_11) {
    tcp::acceptor silent(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    auto how = plan_to(silent.local_endpoint().port());
    how.session.timeouts.login = 100ms;
    const auto failed = log_in_with(how);
    ASSERT_TRUE(failed.has_error());
    EXPECT_EQ(failed.error().code, exit_code::pdu_timeout);
}

struct refusal {
    std::uint8_t status_class;
    std::uint8_t detail;
    exit_code code;
};

struct login_refusal : login_job, testing::WithParamInterface<refusal> {};

TEST_P(login_refusal, has_the_code_of_open_iscsi) {
    target.options().refuse_login = {GetParam().status_class, GetParam().detail};
    const auto failed = log_in_with(plan());
    ASSERT_TRUE(failed.has_error());
    EXPECT_EQ(failed.error().code, GetParam().code) << failed.error().reason;
    EXPECT_FALSE(failed.error().reason.empty());
}

INSTANTIATE_TEST_SUITE_P(
    statuses,
    login_refusal,
    testing::Values(
        refusal{2, 0, exit_code::fatal_login},
        refusal{2, 1, exit_code::login_auth_failed},
        refusal{2, 2, exit_code::login_auth_failed},
        refusal{2, 3, exit_code::fatal_login},
        refusal{2, 6, exit_code::fatal_login},
        refusal{3, 0, exit_code::login},
        refusal{3, 1, exit_code::login},
        refusal{3, 2, exit_code::login}
    )
);

TEST_F(login_job, fatal_refusals_are_not_repeated) {
    target.options().refuse_login = {2, 3};
    auto how = plan();
    how.initial_login_retry_max = 100;
    EXPECT_TRUE(log_in_with(how).has_error());
}

TEST_F(login_job, tries_again_until_the_target_is_ready) {
    target.options().refuse_login = {3, 1};
    asio::steady_timer later(context, 100ms);
    later.async_wait([this](auto) { target.options().refuse_login.reset(); });
    auto how = plan();
    how.initial_login_retry_max = 4;
    const auto fresh = log_in_with(how);
    ASSERT_TRUE(fresh.has_value()) << fresh.error().reason;
}

TEST_F(login_job, follows_a_redirect) {
    iscsi::test::target_server elsewhere(context, target);
    iscsi::test::memory_target gate;
    gate.options().name = target.options().name;
    gate.options().redirect_to = "127.0.0.1:" + std::to_string(elsewhere.port());
    iscsi::test::target_server door(context, gate);
    const auto fresh = log_in_with(plan_to(door.port()));
    ASSERT_TRUE(fresh.has_value()) << fresh.error().reason;
    EXPECT_EQ(fresh->peer.port(), elsewhere.port());
}

TEST_F(login_job, a_redirect_in_a_circle_ends) {
    target.options().redirect_to = "127.0.0.1:" + std::to_string(server.port());
    const auto failed = log_in_with(plan());
    ASSERT_TRUE(failed.has_error());
    EXPECT_EQ(failed.error().code, exit_code::fatal_login);
}

TEST_F(login_job, a_failure_behind_a_redirect_names_where_that_led) {
    const auto dead_end = "127.0.0.1:" + std::to_string(deaf_port());
    target.options().redirect_to = dead_end;
    EXPECT_EQ(
        log_in_with(plan()).error().reason,
        "redirected to " + dead_end + ": " + dead_end + ": Connection refused"
    );
    ended = 0;
    iscsi::test::memory_target other;
    other.options().refuse_login = {2, 3};
    iscsi::test::target_server elsewhere(context, other);
    target.options().redirect_to = "127.0.0.1:" + std::to_string(elsewhere.port());
    EXPECT_EQ(
        log_in_with(plan()).error().reason,
        "redirected to " + target.options().redirect_to + ": target answered 0203: Not found"
    );
}

TEST_F(login_job, a_peer_that_hangs_up_is_5) {
    tcp::acceptor rude(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    rude.async_accept([](auto, tcp::socket) {});
    const auto failed = log_in_with(plan_to(rude.local_endpoint().port()));
    ASSERT_TRUE(failed.has_error());
    EXPECT_EQ(failed.error().code, exit_code::login) << failed.error().reason;
}

TEST_F(login_job, may_be_cancelled_while_it_waits) {
    bool over = false;
    auto how = plan_to(deaf_port());
    how.initial_login_retry_max = 1000;
    const auto session = session_of(std::move(how));
    session->start_login(iscsid::session::now());
    const auto job = [&]() -> asio::awaitable<void> {
        const auto done = co_await session->login_end();
        over = done.has_error();
    };
    asio::co_spawn(context, job, asio::detached);
    context.run_one_for(100ms);
    EXPECT_TRUE(iscsi::test::run(context, session->log_out()).has_value());
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!over && std::chrono::steady_clock::now() < end)
        context.run_one_for(100ms);
    EXPECT_TRUE(over);
    EXPECT_EQ(ended, 1);
}

} // namespace
