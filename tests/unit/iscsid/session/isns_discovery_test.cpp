#include "tests/unit/iscsid/session/isns_server.hpp"
#include "tests/unit/net/run.hpp"

#include "iscsid/session/discovery_job.hpp"
#include "iscsid/session/isns_registrations.hpp"

#include <boost/asio/thread_pool.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace iscsid::session {
namespace {

using namespace std::chrono_literals;
using iscsi::admin::exit_code;
using iscsi::isns::encode;
using iscsi::isns::message;
using test::isns_server;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string disk_name = "iqn.2026-01.org.example:disk";

struct isns_question : testing::Test {
    discovery_plan plan_for(std::uint16_t port, iscsi::duration limit) {
        discovery_plan plan;
        plan.kind = iscsi::admin::source_kind::isns;
        plan.session.initiator_name = "iqn.2026-01.org.example:host";
        plan.host = "127.0.0.1";
        plan.port = port;
        plan.answer_timeout = limit;
        plan.hears_left_out = [this](std::string target) { left_out.insert(std::move(target)); };
        plan.registrations = registrations;
        return plan;
    }

    auto discover_at(std::uint16_t port, iscsi::duration limit = 10s) {
        return iscsi::test::run(
            context,
            discover(
                plan_for(port, limit),
                resolvers.get_executor(),
                [this](std::string line) { notes.push_back(std::move(line)); }
            )
        );
    }

    auto ask(iscsi::duration limit = 10s) { return discover_at(server.port(), limit); }

    // Everything is answered so.
    void answer_all(std::function<message(const message&)> with) {
        server.answers = [with](const message& asked) { return encode(with(asked)); };
    }

    std::vector<int> functions() const {
        std::vector<int> all;
        for (const auto& each : server.asked)
            all.push_back(each.function_id);
        return all;
    }

    boost::asio::io_context context;
    boost::asio::thread_pool resolvers{1};
    isns_server server{context};
    std::vector<std::string> notes;
    std::set<std::string> left_out;
    std::shared_ptr<isns_registrations> registrations =
        std::make_shared<isns_registrations>(context.get_executor());
};

TEST_F(isns_question, finds_targets) {
    answer_all([](const auto& asked) { return isns_server::naming(asked, {disk_name}); });
    const auto found = ask();
    ASSERT_TRUE(found.has_value()) << found.error().reason;
    ASSERT_EQ(found->size(), 1U);
    EXPECT_EQ(found->front().target, disk_name);
    EXPECT_EQ(found->front().address, "127.0.0.1");
    EXPECT_EQ(found->front().port, 3260);
    EXPECT_EQ(found->front().group_tag, 1);
    EXPECT_THAT(notes, IsEmpty());
    EXPECT_EQ(functions(), std::vector{2});
}

TEST_F(isns_question, finds_nothing_without_complaint) {
    answer_all([](const auto& asked) { return isns_server::naming(asked, {}); });
    EXPECT_THAT(ask().value(), IsEmpty());
}

// Of servers that know no portal groups, each target is asked for.
TEST_F(isns_question, asks_for_portals_that_are_not_told) {
    answer_all([](const auto& asked) {
        auto made = isns_server::naming(asked, {disk_name});
        if (asked.attributes[1].is(iscsi::isns::tag::iscsi_name)) { // of one target
            const auto address = made.attributes[5].value;
            made.attributes = {
                iscsi::isns::nothing(iscsi::isns::tag::delimiter),
                {16, address},
                iscsi::isns::number(iscsi::isns::tag::portal_port, 860)};
        } else {
            made.attributes.resize(4);
        }
        return made;
    });
    const auto found = ask();
    ASSERT_TRUE(found.has_value()) << found.error().reason;
    ASSERT_EQ(found->size(), 1U);
    EXPECT_EQ(found->front().port, 860);
    EXPECT_EQ(found->front().group_tag, -1);
}

TEST_F(isns_question, registers_for_servers_that_want_it_and_not_for_longer) {
    bool is_known = false;
    answer_all([&](const auto& asked) {
        is_known = is_known || asked.function_id == 1;
        return is_known ? isns_server::naming(asked, {disk_name})
                        : isns_server::answer_to(asked, 6);
    });
    EXPECT_THAT(ask().value(), SizeIs(1));
    EXPECT_EQ(functions(), (std::vector{2, 1, 2, 4}));
    EXPECT_FALSE(server.asked[1].replaces) << "a registration that is there stays";
}

TEST_F(isns_question, that_is_refused_is_25_and_a_refused_registration_26) {
    answer_all([](const auto& asked) {
        return isns_server::answer_to(asked, asked.function_id == 2 ? 8 : 0);
    });
    EXPECT_EQ(ask().error().code, exit_code::isns_query);
    EXPECT_THAT(notes, Contains(HasSubstr("8 (Source Unauthorized)")));
    answer_all([](const auto& asked) {
        return isns_server::answer_to(asked, asked.function_id == 2 ? 6 : 17);
    });
    EXPECT_EQ(ask().error().code, exit_code::isns_registration);
}

TEST_F(isns_question, without_a_server_is_25) {
    boost::asio::ip::tcp::socket deaf(
        context, boost::asio::ip::tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)
    );
    EXPECT_EQ(discover_at(deaf.local_endpoint().port()).error().code, exit_code::isns_query);
    EXPECT_THAT(notes, Contains(HasSubstr("Connection refused")));
}

TEST_F(isns_question, without_an_answer_is_25_in_time) {
    EXPECT_EQ(ask(50ms).error().code, exit_code::isns_query);
    EXPECT_THAT(notes, Contains(HasSubstr("timed out")));
}

// Bytes that come on and on, and never make an answer.
TEST_F(isns_question, with_an_endless_answer_is_25) {
    server.answers = [](const message& asked) {
        std::vector<std::byte> all;
        for (std::size_t sequence = 0; sequence < 5000; ++sequence) {
            std::vector<std::byte> pdu(12);
            iscsi::store_be16(pdu.data(), 1);
            iscsi::store_be16(pdu.data() + 2, 0x8002);
            iscsi::store_be16(pdu.data() + 6, sequence == 0 ? 0x4400 : 0x4000);
            iscsi::store_be16(pdu.data() + 8, asked.transaction);
            iscsi::store_be16(pdu.data() + 10, static_cast<std::uint16_t>(sequence));
            all.insert(all.end(), pdu.begin(), pdu.end());
        }
        return all;
    };
    EXPECT_EQ(ask().error().code, exit_code::isns_query);
    EXPECT_THAT(notes, Contains(HasSubstr("too long")));
}

TEST_F(isns_question, cut_at_any_byte_is_25) {
    const auto whole = encode(isns_server::naming({2, 1}, {disk_name}));
    server.closes = true;
    for (std::size_t length = 0; length < whole.size(); length += 7) {
        server.answers = [&](const message&) {
            return std::vector(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
        };
        EXPECT_EQ(ask().error().code, exit_code::isns_query) << length;
    }
}

TEST_F(isns_question, with_another_transaction_is_25) {
    answer_all([](const auto& asked) {
        auto made = isns_server::naming(asked, {disk_name});
        made.transaction = 4711;
        return made;
    });
    EXPECT_EQ(ask().error().code, exit_code::isns_query);
    EXPECT_THAT(notes, Contains(HasSubstr("transaction 4711")));
}

TEST_F(isns_question, with_names_that_are_none_leaves_these_out) {
    answer_all([](const auto& asked) {
        return isns_server::naming(asked, {"../../etc", disk_name, "iqn.2026-01.org.example:a,b"});
    });
    EXPECT_THAT(ask().value(), SizeIs(1));
    EXPECT_THAT(notes, SizeIs(2)) << "a node and a group each, told once";
    EXPECT_THAT(left_out, ElementsAre("")) << "of targets that are not known";
}

// Of all answers to one question together.
TEST_F(isns_question, tells_a_hundred_lines_and_counts_the_others) {
    std::vector<std::string> names{disk_name, "iqn.2026-01.org.example:tape"};
    for (int n = 0; n < 90; ++n)
        names.push_back("iqn.2026-01.org.example:a/" + std::to_string(n));
    answer_all([&](const auto& asked) {
        auto made = isns_server::naming(asked, names);
        made.attributes.erase( // the groups of the two good ones: they are asked for
            std::remove_if(
                made.attributes.begin(),
                made.attributes.end(),
                [n = 0](const auto& each) mutable {
                    n += each.is(iscsi::isns::tag::iscsi_name) ? 1 : 0;
                    return n >= 1 && n <= 2 && !each.is(iscsi::isns::tag::iscsi_name) &&
                           !each.is(iscsi::isns::tag::node_type);
                }
            ),
            made.attributes.end()
        );
        if (asked.attributes[1].is(iscsi::isns::tag::iscsi_name)) { // of one target
            made.attributes = {iscsi::isns::nothing(iscsi::isns::tag::delimiter)};
            for (std::uint32_t port = 0; port < 20; ++port) {
                made.attributes.push_back(iscsi::isns::nothing(iscsi::isns::tag::portal_address));
                made.attributes.back().value.assign(16, std::byte{1});
                made.attributes.push_back(
                    iscsi::isns::number(iscsi::isns::tag::portal_port, 70000 + port)
                );
            }
        }
        return made;
    });
    EXPECT_THAT(ask().value(), IsEmpty());
    EXPECT_THAT(notes, SizeIs(101));
    EXPECT_EQ(notes.back(), "30 more left out") << "90 names and 40 ports";
    EXPECT_THAT(left_out, ElementsAre("", disk_name, "iqn.2026-01.org.example:tape"));
}

// Each answer comes in time, and yet there are too many.
TEST_F(isns_question, ends_however_many_answers_it_needs) {
    std::vector<std::string> names;
    for (int n = 0; n < 200; ++n)
        names.push_back(disk_name + std::to_string(n));
    answer_all([&](const auto& asked) {
        auto made = isns_server::naming(asked, names);
        std::erase_if(made.attributes, [](const auto& each) {
            return !each.is(iscsi::isns::tag::iscsi_name) &&
                   !each.is(iscsi::isns::tag::node_type) && !each.is(iscsi::isns::tag::delimiter);
        });
        if (!server.asked.empty() && server.asked.size() > 1)
            std::this_thread::sleep_for(30ms);
        return made;
    });
    EXPECT_EQ(ask(200ms).error().code, exit_code::isns_query);
    EXPECT_LT(server.asked.size(), 201U);
    EXPECT_THAT(notes, ElementsAre(HasSubstr("of 200 targets without portal groups")));
}

// That would end in taking back what a watch has registered.
TEST_F(isns_question, does_not_register_with_a_server_that_is_busy) {
    answer_all([](const auto& asked) {
        return isns_server::answer_to(asked, asked.function_id == 2 ? 12 : 0);
    });
    EXPECT_EQ(ask().error().code, exit_code::isns_query);
    EXPECT_THAT(notes, Contains(HasSubstr("12 (Busy)")));
    EXPECT_EQ(functions(), std::vector{2});
}

TEST_F(isns_question, leaves_a_registration_to_the_watch_that_needs_it) {
    bool is_known = false;
    answer_all([&](const auto& asked) {
        is_known = is_known || asked.function_id == 1;
        return is_known ? isns_server::naming(asked, {disk_name})
                        : isns_server::answer_to(asked, 6);
    });
    isns_need watch(plan_for(server.port(), 10s), isns_need::whose::watch);
    watch.has_tried();
    EXPECT_THAT(ask().value(), SizeIs(1));
    EXPECT_EQ(functions(), (std::vector{2, 1, 2}));
    EXPECT_TRUE(watch.end()) << "it is the last one";
}

TEST_F(isns_question, waits_for_the_first_registration_of_a_watch) {
    bool is_known = false;
    answer_all([&](const auto& asked) {
        return is_known ? isns_server::naming(asked, {disk_name})
                        : isns_server::answer_to(asked, 6);
    });
    isns_need watch(plan_for(server.port(), 10s), isns_need::whose::watch);
    boost::asio::steady_timer later(context, 30ms);
    later.async_wait([&](auto) {
        is_known = true;
        watch.has_tried();
    });
    EXPECT_THAT(ask().value(), SizeIs(1));
    EXPECT_EQ(functions(), std::vector{2});
}

TEST_F(isns_question, does_not_wait_for_a_watch_for_ever) {
    answer_all([](const auto& asked) { return isns_server::naming(asked, {disk_name}); });
    isns_need watch(plan_for(server.port(), 200ms), isns_need::whose::watch);
    EXPECT_THAT(ask(200ms).value(), SizeIs(1));
}

// What the server says by itself on this connection is acknowledged first.
TEST_F(isns_question, acknowledges_an_inquiry_before_its_answer) {
    server.answers = [](const message& asked) {
        if (asked.is_answer())
            return std::vector<std::byte>();
        message inquiry;
        inquiry.function_id = 0x000d;
        inquiry.transaction = 99;
        auto all = encode(inquiry);
        const auto answer = encode(isns_server::naming(asked, {disk_name}));
        all.insert(all.end(), answer.begin(), answer.end());
        return all;
    };
    EXPECT_THAT(ask().value(), SizeIs(1));
    context.restart();
    context.run_for(50ms);
    EXPECT_THAT(functions(), Contains(0x800d));
}

} // namespace
} // namespace iscsid::session
