#pragma once

#include "tests/support/target_server.hpp"
#include "tests/unit/net/run.hpp"

#include "iscsid/session/login_plan.hpp"

#include <boost/asio/thread_pool.hpp>
#include <gtest/gtest.h>

namespace iscsid::session {

// A target in memory on a loopback port, and plans that lead to it.
struct job_world : testing::Test {
    job_world() { target.add_disk(0, {}); }

    login_plan plan_to(std::uint16_t port) {
        login_plan plan;
        plan.node = {target.options().name, "127.0.0.1", port, 1};
        plan.session.initiator_name = "iqn.2026-01.org.example:host";
        plan.session.target_name = plan.node.target;
        plan.session.isid = {std::byte{0x80}};
        plan.session.timeouts.login = std::chrono::seconds(5);
        plan.initial_login_retry_max = 0; // one try
        return plan;
    }

    login_plan plan() { return plan_to(server.port()); }

    // A port where nobody listens.
    std::uint16_t deaf_port() const { return deaf.local_endpoint().port(); }

    boost::asio::io_context context;
    boost::asio::thread_pool resolvers{1};
    iscsi::test::memory_target target;
    iscsi::test::target_server server{context, target};
    boost::asio::ip::tcp::socket deaf{
        context, boost::asio::ip::tcp::endpoint(boost::asio::ip::tcp::v4(), 0)};
};

} // namespace iscsid::session
