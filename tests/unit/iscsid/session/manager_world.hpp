#pragma once

#include "tests/unit/iscsid/device/scripted_target.hpp"
#include "tests/unit/iscsid/session/fakes.hpp"
#include "tests/unit/net/run.hpp"

#include "iscsid/ipc/describe.hpp"
#include "iscsid/ipc/progress.hpp"
#include "iscsid/session/manager.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/thread_pool.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <mutex>

namespace iscsid::session {

using namespace std::chrono_literals;
namespace admin = iscsi::admin;
namespace asio = boost::asio;
using lane::session_key;

inline const admin::node_id node{"iqn.2026-01.org.example:disk", "10.0.0.5", 3260, 1, "default"};

// A manager whose lane, target and disks are the test's. What its verbs give back is looked at as
// the messages that clients get.
struct manager_world : testing::Test {
    manager_world() {
        std::string name = testing::TempDir() + "manager.XXXXXX";
        folder = ::mkdtemp(name.data());
        records = std::make_unique<admin::record_store>(folder);
        store(node, {});
        with.where = {context.get_executor(), resolvers.get_executor()};
        with.workers = &workers;
        with.readers = &readers;
        with.disks.driver = &driver;
        with.records = records.get();
        with.shortest_gap_of_looks = 0ms;
        with.adopt = [this](auto key, auto engine, int socket, auto notes) -> auto& {
            const bool resumes = engine.state() == iscsi::session_state::failed;
            if (!resumes)
                plans.push_back({{}, engine.config()});
            lane.adopt(key, std::move(engine), socket, std::move(notes));
            if (!resumes)
                answer_login(key);
            return lane;
        };
        with.drop = [this](auto key, auto gone) { lane.drop(key, std::move(gone)); };
        settings.identity = {"iqn.2026-01.org.example:host", "host"};
        lane.answers = [this](const auto& what, auto done) { done(target_says(what)); };
    }

    ~manager_world() override {
        workers.join(); // they use what ends before them
        readers.join();
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

    // What the target has from now on.
    void show(const std::vector<std::uint64_t>& numbers) {
        target.has_luns(numbers);
        for (const auto lun : numbers)
            target.has_disk(lun);
    }

    asio::awaitable<admin::login_progress> login_message(admin::node_id to) {
        const auto record = record_of(to);
        if (record.has_error())
            co_return iscsid::ipc::message_of(7, outcome<login_result>(record.error()));
        const auto begun = all().start_login(*record, {});
        if (begun.has_error())
            co_return iscsid::ipc::message_of(7, outcome<login_result>(begun.error()));
        const auto how = co_await begun->session->login_end();
        co_return iscsid::ipc::message_of(7, how);
    }

    asio::awaitable<admin::logout_progress> logout_message(session_key sid) {
        const auto how = co_await all().logout(sid);
        co_return iscsid::ipc::message_of(sid, how);
    }

    // As it is now, without a thread.
    outcome<admin::record> record_of(const admin::node_id& of = node) {
        return all().records().record_of(of);
    }

    outcome<unsigned> logins_to(const admin::node_id& to = node) {
        return all().logins_to(*record_of(to));
    }

    // The target has `luns` then.
    admin::login_progress log_in(const admin::node_id& to = node) {
        show(luns);
        return iscsi::test::run(context, login_message(to));
    }

    admin::logout_progress log_out(session_key sid) {
        return iscsi::test::run(context, logout_message(sid));
    }

    admin::rescan_progress rescan(session_key sid) {
        const auto how = iscsi::test::run(context, all().find(sid)->rescan());
        return iscsid::ipc::message_of(sid, how);
    }

    admin::fail_io_progress fail_io(session_key sid) {
        const auto how = iscsi::test::run(context, all().find(sid)->fail_io());
        return iscsid::ipc::message_of(sid, how);
    }

    std::vector<admin::session_info> list(std::optional<session_key> only = {}) {
        std::vector<admin::session_info> infos;
        for (const auto& each : iscsi::test::run(context, all().list(only)))
            infos.push_back(iscsid::ipc::message_of(each));
        return infos;
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

    // How a first login ends on this lane.
    void answer_login(session_key key) {
        if (hangs)
            return;
        if (refusal)
            lane.tell(key, *refusal);
        else
            lane.tell(key, iscsi::logged_in{});
    }

    // As a lane, it is asked by the test's thread and by the worker that removes disks.
    iscsid::lane::scsi_outcome target_says(const iscsi::command& what) {
        const std::lock_guard one_asks(asking);
        if (is_lost)
            return iscsid::device::test::ended(iscsi::task_result::lost);
        asio::io_context here;
        std::optional<iscsid::lane::scsi_outcome> said;
        asio::co_spawn(here, target.executor()(what), [&](auto, auto how) { said = how.value(); });
        here.run();
        return *said;
    }

    struct made_plan {
        admin::node_id node;
        iscsi::session_config session;
    };

    asio::io_context context;
    asio::thread_pool resolvers{1};
    worker_pool workers{1, 1}; // the disks are this one thread's
    worker_pool readers{1, 1};
    std::mutex asking;
    std::filesystem::path folder;
    std::unique_ptr<admin::record_store> records;
    fake_lane lane;
    fake_driver driver;
    iscsid::device::test::scripted_target target;
    environment with;
    current_settings settings;
    std::vector<std::uint64_t> luns{1, 2};
    bool hangs = false;                // logins
    std::atomic<bool> is_lost = false; // the connection, with each command
    std::optional<iscsi::login_failed> refusal;
    std::vector<made_plan> plans;
    std::optional<manager> made; // last: it refers to the rest
};

} // namespace iscsid::session
