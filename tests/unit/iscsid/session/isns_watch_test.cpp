#include "tests/unit/iscsid/session/isns_server.hpp"

#include "iscsid/session/isns_watch.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iscsid::session {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::udp;
using iscsi::isns::encode;
using iscsi::isns::message;
using iscsi::isns::tag;
using test::isns_server;
using testing::HasSubstr;

struct isns_registration : testing::Test {
    isns_registration() {
        server.answers = [this](const message& asked) {
            auto made = isns_server::answer_to(asked, status);
            if (period > 0)
                made.attributes = {iscsi::isns::number(tag::registration_period, period)};
            return encode(made);
        };
    }

    ~isns_registration() override {
        watch->stop();
        context.restart();
        context.run_for(50ms);
    }

    void start() {
        discovery_plan plan;
        plan.kind = iscsi::admin::source_kind::isns;
        plan.session.initiator_name = "iqn.2026-01.org.example:host";
        plan.host = "127.0.0.1";
        plan.port = server.port();
        plan.answer_timeout = 5s;
        plan.registrations = registrations;
        planned = plan;
        watch = std::make_shared<isns_watch>(
            plan,
            isns_watch::options{
                context.get_executor(),
                resolvers.get_executor(),
                [this] { ++changes; },
                [this](const std::string& why) { troubles.push_back(why); },
                10ms}
        );
        watch->start();
    }

    template <class Condition>
    bool until(Condition holds) {
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (!holds() && std::chrono::steady_clock::now() < end) {
            context.restart();
            context.run_one_for(20ms);
        }
        return holds();
    }

    std::size_t asked(iscsi::isns::function what) const {
        return static_cast<std::size_t>(std::ranges::count(
            server.asked, static_cast<std::uint16_t>(what), &message::function_id
        ));
    }

    // Where the server was told to say what changes.
    udp::endpoint notified() const {
        for (const auto& each : server.asked.front().attributes)
            if (each.is(tag::scn_port)) {
                const auto port = iscsi::isns::number_of(each).value();
                EXPECT_EQ(port >> 16U, 1U) << "by UDP";
                return {boost::asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)};
            }
        return {};
    }

    static message change() {
        message made;
        made.function_id = 0x0008;
        made.transaction = 77;
        made.attributes = {
            iscsi::isns::text(tag::iscsi_name, "iqn.2026-01.org.example:host"),
            iscsi::isns::number(tag::scn_bitmap, 8)};
        return made;
    }

    void send(const std::vector<std::byte>& bytes, udp::socket& from) {
        from.send_to(boost::asio::buffer(bytes), notified());
    }

    boost::asio::io_context context;
    boost::asio::thread_pool resolvers{1};
    isns_server server{context};
    std::uint32_t status = 0;
    std::uint32_t period = 600;
    int changes = 0;
    std::vector<std::string> troubles;
    std::shared_ptr<isns_registrations> registrations =
        std::make_shared<isns_registrations>(context.get_executor());
    discovery_plan planned;
    std::shared_ptr<isns_watch> watch;
};

TEST_F(isns_registration, is_made_with_the_wish_to_hear_of_changes) {
    start();
    ASSERT_TRUE(until([&] { return changes == 1; }));
    EXPECT_EQ(server.asked[0].function_id, 1);
    EXPECT_TRUE(server.asked[0].replaces);
    EXPECT_EQ(server.asked[1].function_id, 5);
    EXPECT_TRUE(troubles.empty());
}

TEST_F(isns_registration, is_renewed_when_half_of_its_period_is_over) {
    period = 2;
    start();
    EXPECT_TRUE(until([&] { return asked(iscsi::isns::function::register_attributes) >= 2; }));
}

TEST_F(isns_registration, is_renewed_when_it_is_told_to) {
    start();
    ASSERT_TRUE(until([&] { return changes == 1; }));
    watch->renew();
    EXPECT_TRUE(until([&] { return changes == 2; }));
    EXPECT_EQ(asked(iscsi::isns::function::register_attributes), 2U);
}

TEST_F(isns_registration, that_is_refused_is_tried_again) {
    status = 17;
    start();
    ASSERT_TRUE(until([&] { return troubles.size() >= 2; }));
    EXPECT_THAT(troubles.front(), HasSubstr("17 (SCN Registration Rejected)"));
    EXPECT_EQ(changes, 0);
    status = 0;
    EXPECT_TRUE(until([&] { return changes == 1; }));
}

TEST_F(isns_registration, ends_with_the_wish_for_it) {
    start();
    ASSERT_TRUE(until([&] { return changes == 1; }));
    watch->stop();
    EXPECT_TRUE(until([&] { return asked(iscsi::isns::function::deregister) == 1; }));
}

TEST_F(isns_registration, is_left_to_a_question_that_needs_it) {
    start();
    ASSERT_TRUE(until([&] { return changes == 1; }));
    isns_need question(planned, isns_need::whose::question);
    watch->stop();
    context.restart();
    context.run_for(100ms);
    EXPECT_EQ(asked(iscsi::isns::function::deregister), 0U);
    EXPECT_TRUE(question.end()) << "which takes it back";
}

TEST_F(isns_registration, hears_of_changes_and_acknowledges_them) {
    start();
    ASSERT_TRUE(until([&] { return changes == 1; }));
    udp::socket from(context, {boost::asio::ip::address_v4::loopback(), 0});
    send(encode(change()), from);
    ASSERT_TRUE(until([&] { return changes == 2; }));
    ASSERT_TRUE(until([&] { return from.available() > 0; }));
    std::vector<std::byte> room(1000);
    room.resize(from.receive(boost::asio::buffer(room)));
    iscsi::isns::assembler reader;
    const auto seen = reader.take(room);
    ASSERT_TRUE(seen && *seen);
    EXPECT_EQ((*seen)->function_id, 0x8008);
    EXPECT_EQ((*seen)->transaction, 77);
}

// Rubbish, half a message, and what another machine sends.
TEST_F(isns_registration, hears_of_nothing_else) {
    start();
    ASSERT_TRUE(until([&] { return changes == 1; }));
    udp::socket from(context, {boost::asio::ip::address_v4::loopback(), 0});
    udp::socket stranger(context, {boost::asio::ip::make_address_v4("127.0.0.2"), 0});
    auto half = encode(change());
    half.resize(half.size() / 2);
    send(std::vector<std::byte>(100, std::byte{0xff}), from);
    send(half, from);
    send({}, from);
    send(encode(change()), stranger);
    send(encode(iscsi::isns::query_targets("iqn.2026-01.org.example:host")), from);
    send(encode(change()), from);
    ASSERT_TRUE(until([&] { return changes >= 2; }));
    context.restart();
    context.run_for(100ms);
    EXPECT_EQ(changes, 2) << "of the last one alone";
}

} // namespace
} // namespace iscsid::session
