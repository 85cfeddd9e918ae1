#pragma once

#include "tests/unit/iscsid/session/fakes.hpp"
#include "tests/unit/net/run.hpp"

#include "iscsid/session/manager.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/thread_pool.hpp>
#include <gtest/gtest.h>

#include <filesystem>

namespace iscsid::session {

using namespace std::chrono_literals;
namespace admin = iscsi::admin;
namespace asio = boost::asio;
using lane::session_key;

inline const admin::node_id node{"iqn.2026-01.org.example:disk", "10.0.0.5", 3260, 1, "default"};

// A manager whose logins, lanes and disks are the test's.
struct manager_world : testing::Test {
    manager_world() {
        std::string name = testing::TempDir() + "manager.XXXXXX";
        folder = ::mkdtemp(name.data());
        records = std::make_unique<admin::record_store>(folder);
        store(node, {});
        with.where = {context.get_executor(), workers.get_executor(), workers.get_executor()};
        with.disks.driver = &driver;
        with.records = records.get();
        with.adopt = [this](auto key, auto engine, int socket, auto notes) -> auto& {
            lane.adopt(key, std::move(engine), socket, std::move(notes));
            return lane;
        };
        with.drop = [this](auto key, auto gone) { lane.drop(key, std::move(gone)); };
        with.log_in = [this](login_plan plan) { return pretend(std::move(plan)); };
        settings.identity = {"iqn.2026-01.org.example:host", "host"};
    }

    ~manager_world() override {
        workers.join(); // they use what ends before them
        std::filesystem::remove_all(folder);
    }

    void store(const admin::node_id& id, const admin::key_values& values) {
        admin::record record(admin::record_kind::node);
        admin::key_values all{
            {"node.name", id.target},
            {"node.tpgt", std::to_string(id.group_tag)},
            {"node.conn[0].address", id.address},
            {"node.conn[0].port", std::to_string(id.port)},
            {"node.conn[0].timeo.logout_timeout", "1"}};
        all.insert(all.end(), values.begin(), values.end());
        for (const auto& [key, value] : all)
            ASSERT_TRUE(record.set(key, value).has_value()) << key;
        ASSERT_TRUE(records->write(record).has_value());
    }

    manager& all() {
        if (!made)
            made.emplace(with, settings);
        return *made;
    }

    admin::login_progress log_in(const admin::node_id& to = node) {
        return iscsi::test::run(context, all().login(to, 7));
    }

    admin::logout_progress log_out(session_key sid) {
        return iscsi::test::run(context, all().logout(sid));
    }

    std::vector<admin::session_info> list(std::optional<session_key> only = {}) {
        return iscsi::test::run(context, all().list(only));
    }

    // Runs what is under way until something holds, with a bound.
    template <class Condition>
    bool until(Condition holds) {
        const auto end = std::chrono::steady_clock::now() + 10s;
        while (!holds() && std::chrono::steady_clock::now() < end) {
            context.restart();
            context.run_one_for(20ms);
        }
        return holds();
    }

    // The login of this world: `logs_in` says how it ends.
    asio::awaitable<outcome<fresh_session>> pretend(login_plan plan) {
        plans.push_back(plan);
        if (hangs) {
            asio::steady_timer never(context, 1h);
            co_await never.async_wait(asio::use_awaitable);
        }
        if (refusal)
            co_return *refusal;
        asio::local::stream_protocol::socket near(context);
        asio::local::stream_protocol::socket far(context);
        asio::local::connect_pair(near, far);
        iscsi::net::stream over(std::move(near));
        iscsi::net::connected link{std::move(over), {}, {}};
        iscsid::device::scan_result found;
        for (const auto lun : luns) {
            iscsid::device::found_lun each;
            each.lun[1] = static_cast<std::byte>(lun);
            each.number = lun;
            each.properties.block_count = 100;
            found.disks.push_back(each);
        }
        co_return fresh_session{iscsi::session(plan.session), std::move(link), std::move(found)};
    }

    asio::io_context context;
    asio::thread_pool workers{1}; // the disks are this one thread's
    std::filesystem::path folder;
    std::unique_ptr<admin::record_store> records;
    fake_lane lane;
    fake_driver driver;
    surroundings with;
    current_settings settings;
    std::vector<std::uint64_t> luns{1, 2};
    bool hangs = false;
    std::optional<failure> refusal;
    std::vector<login_plan> plans;
    std::optional<manager> made; // last: it refers to the rest
};

} // namespace iscsid::session
