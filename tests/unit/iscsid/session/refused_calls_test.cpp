#include "tests/unit/iscsid/session/captured_log.hpp"
#include "tests/unit/iscsid/session/manager_world.hpp"

#include "iscsid/ipc/verbs.hpp"

// Calls that a client may not make, however often it makes them.
namespace {

using namespace iscsid::session;
using iscsid::ipc::peer;

struct errors_only final : iscsid::ipc::reply_sink {
    asio::awaitable<bool> reply(boost::json::object /*parameters*/, bool /*continues*/) override {
        ++replies;
        co_return true;
    }

    asio::awaitable<bool> fail(std::string error, boost::json::object /*parameters*/) override {
        errors.push_back(std::move(error));
        co_return true;
    }

    unsigned replies = 0;
    std::vector<std::string> errors;
};

struct refused_calls : manager_world {
    void call(const std::string& method, const peer& who) {
        admin::varlink_call what;
        what.method = "org.iscsi-userland.iscsid." + method;
        auto served = [&]() -> asio::awaitable<bool> {
            co_await verbs.serve(what, who, answers);
            co_return true;
        };
        iscsi::test::run(context, served());
    }

    peer reader{100, 1000, false, true};
    peer stranger{101, 1001, false, false};
    errors_only answers;
    login_keeper keeper{all(), {context.get_executor(), folder / "kept-logins.json", "boot"}};
    iscsid::ipc::verbs verbs{all(), keeper, context.get_executor(), {}};
    captured_log log;
};

TEST_F(refused_calls, are_told_to_the_caller_each_time_and_to_the_log_now_and_then) {
    for (int i = 0; i < 10; ++i) {
        call("Logout", reader);
        call("Status", stranger);
    }
    EXPECT_EQ(answers.replies, 0U);
    ASSERT_EQ(answers.errors.size(), 20U);
    for (const auto& each : answers.errors)
        EXPECT_EQ(each, "org.iscsi-userland.iscsid.NotPermitted");
    EXPECT_EQ(log.count("refused to process"), 5U) << "1, 2, 4, 8, 16";
    EXPECT_TRUE(log.has("Logout refused to process 100 of user 1000 (refusal 1)"));
}

} // namespace
