#include "tests/unit/net/run.hpp"

#include "libiscsi/net/resolver.hpp"

#include <boost/asio/thread_pool.hpp>
#include <gtest/gtest.h>

#include <net/if.h>

#include <future>

namespace {

using namespace iscsi;
using namespace std::chrono_literals;

struct resolver : testing::Test {
    boost::asio::io_context context;
    boost::asio::thread_pool workers{1};

    result<net::endpoints> resolve(const std::string& host, duration limit = 10s) {
        return test::run(context, net::resolve(host, 3260, workers.get_executor(), limit));
    }
};

TEST_F(resolver, numeric_ipv4) {
    const auto found = resolve("127.0.0.1");
    ASSERT_TRUE(found.has_value());
    ASSERT_EQ(found->size(), 1U);
    EXPECT_EQ(net::to_text(found->front()), "127.0.0.1:3260");
}

TEST_F(resolver, numeric_ipv6_with_a_zone) {
    const auto found = resolve("fe80::1%lo");
    ASSERT_TRUE(found.has_value());
    ASSERT_EQ(found->size(), 1U);
    EXPECT_EQ(net::to_text(found->front()), "[fe80::1%lo]:3260");
    EXPECT_EQ(found->front().address().to_v6().scope_id(), ::if_nametoindex("lo"));
}

TEST_F(resolver, a_zone_that_is_not_there_is_a_fault_of_its_own) {
    for (const std::string zone : {"no-such-device", "", "4000000000", "0", "1x"}) {
        const auto found = resolve("fe80::1%" + zone);
        ASSERT_TRUE(found.has_error()) << zone;
        EXPECT_EQ(found.error().code, to_error_code(net::resolve_errc::no_such_zone)) << zone;
        EXPECT_EQ(found.error().got, zone);
    }
    EXPECT_TRUE(resolve("fe80::1%" + std::to_string(::if_nametoindex("lo"))).has_value());
}

TEST_F(resolver, a_name_has_all_its_addresses) {
    const auto found = resolve("localhost");
    ASSERT_TRUE(found.has_value()) << found.error().text();
    ASSERT_FALSE(found->empty());
    for (const auto& each : *found) {
        EXPECT_TRUE(each.address().is_loopback());
        EXPECT_EQ(each.port(), 3260);
    }
}

TEST_F(resolver, an_unknown_name_says_so) {
    const auto found = resolve("no-such-host.invalid");
    ASSERT_TRUE(found.has_error());
    EXPECT_EQ(found.error().code, to_error_code(net::resolve_errc::unresolvable));
    EXPECT_EQ(found.error().field, "no-such-host.invalid");
    EXPECT_FALSE(found.error().got.empty());
}

TEST_F(resolver, a_name_service_that_hangs_is_not_waited_for) {
    std::promise<void> release;
    boost::asio::post(workers, [held = release.get_future().share()] { held.wait(); });
    const auto found = resolve("localhost", 50ms);
    release.set_value();
    ASSERT_TRUE(found.has_error());
    EXPECT_EQ(found.error().code, to_error_code(net::resolve_errc::too_slow));
}

TEST_F(resolver, numeric_hosts_do_not_wait_for_the_name_service) {
    std::promise<void> release;
    boost::asio::post(workers, [held = release.get_future().share()] { held.wait(); });
    EXPECT_TRUE(resolve("::1", 50ms).has_value());
    release.set_value();
}

TEST(numeric_endpoint, is_not_a_name) {
    EXPECT_FALSE(net::numeric_endpoint("localhost", 1));
    EXPECT_FALSE(net::numeric_endpoint("", 1));
    EXPECT_FALSE(net::numeric_endpoint("1.2.3", 1));
    EXPECT_FALSE(net::numeric_endpoint("[::1]", 1));
    EXPECT_TRUE(net::numeric_endpoint("::ffff:10.0.0.1", 1));
}

} // namespace
