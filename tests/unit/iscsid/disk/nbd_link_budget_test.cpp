#include "tests/unit/iscsid/disk/nbd_link_fixture.hpp"

// How much memory a client can make a connection use.
namespace {

using namespace test;

constexpr std::uint32_t large = 2 * mebibyte; // above the payload of a slot

struct nbd_link_budget : nbd_link_fixture {
    nbd_link_budget() { use_bounded(); }

    void use_bounded() {
        use({.slots = 128, .payload = mebibyte, .most_bytes = std::size_t{8} * mebibyte});
    }

    // Another connection of the lane holds so much.
    struct neighbour final : disk::byte_budget::client {
        void room_again() override {}
    };

    void share(std::size_t bytes, std::size_t taken) {
        budget = std::make_shared<disk::byte_share>(std::make_shared<disk::byte_budget>(bytes, 0));
        ASSERT_TRUE(taken == 0 || budget->take(taken, 0, other));
        use_bounded();
    }

    void end_read(const bytes& data = {}) {
        std::ranges::copy(data, lun.requests.at(0).buffer.begin());
        lun.end(0);
    }

    neighbour other;
};

TEST_F(nbd_link_budget, stops_reading_with_so_much_under_way) {
    for (std::uint64_t cookie = 0; cookie < 128; ++cookie)
        read(cookie, 0, large);
    EXPECT_EQ(lun.requests.size(), 4U);
    EXPECT_FALSE(peer.receives()) << "the socket tells the client to wait";
    lun.end(0);
    EXPECT_EQ(lun.requests.size(), 3U) << "its reply has not left yet";
    std::size_t got = answers().size();
    for (int rounds = 0; rounds < 200 && got < 128; ++rounds) {
        EXPECT_LE(lun.requests.size(), 4U);
        if (!lun.requests.empty())
            lun.end(0);
        got += answers().size();
    }
    EXPECT_EQ(got, 128U);
}

TEST_F(nbd_link_budget, of_small_requests_is_the_same) {
    for (std::uint64_t cookie = 0; cookie < 20; ++cookie)
        read(cookie, 0, mebibyte);
    EXPECT_EQ(lun.requests.size(), 8U);
}

TEST_F(nbd_link_budget, lets_one_pass_that_is_alone) {
    read(1, 0, 32 * mebibyte);
    EXPECT_EQ(lun.requests.size(), 1U);
    read(2, 0, 512);
    EXPECT_EQ(lun.requests.size(), 1U);
    lun.end(0);
    EXPECT_EQ(answers().size(), 1U);
    EXPECT_EQ(lun.requests.size(), 1U);
}

TEST_F(nbd_link_budget, counts_writes_and_nothing_that_has_no_payload) {
    const auto data = pattern(large);
    for (std::uint64_t cookie = 0; cookie < 4; ++cookie)
        peer.send(joined({nbd_request(nbd_write, cookie, 0, large), data}));
    EXPECT_EQ(lun.requests.size(), 4U);
    peer.send(nbd_request(nbd_flush, 8, 0, 0));
    peer.send(nbd_request(nbd_write_zeroes, 9, 0, 0x40000000));
    EXPECT_EQ(lun.requests.size(), 6U);
    peer.send(nbd_request(nbd_write, 10, 0, large));
    EXPECT_EQ(lun.requests.size(), 6U);
    lun.end(0);
    EXPECT_EQ(answers().size(), 1U);
    peer.send(data);
    EXPECT_EQ(lun.requests.size(), 6U);
    EXPECT_EQ(content(lun.requests.back()), data);
}

TEST_F(nbd_link_budget, of_all_connections_holds_large_requests_back) {
    share(std::size_t{8} * mebibyte, std::size_t{7} * mebibyte);
    read(1, 0, large);
    EXPECT_EQ(lun.requests.size(), 0U);
    budget->give_back(mebibyte);
    EXPECT_EQ(lun.requests.size(), 1U);
    lun.end(0);
    EXPECT_EQ(answers().size(), 1U);
    neighbour next;
    EXPECT_TRUE(budget->take(large, 0, next)) << "what was answered is given back";
}

TEST_F(nbd_link_budget, of_all_connections_leaves_each_one_small_request) {
    share(mebibyte, mebibyte);
    read(1, 0, 4096);
    read(2, 0, 4096);
    EXPECT_EQ(lun.requests.size(), 1U) << "one at a time";
    lun.end(0);
    EXPECT_EQ(answers().size(), 1U);
    EXPECT_EQ(lun.requests.size(), 1U);
}

TEST_F(nbd_link_budget, held_by_clients_of_another_lun_holds_up_no_large_request) {
    const auto all = std::make_shared<disk::byte_budget>(8 * mebibyte, mebibyte);
    disk::byte_share another_lun{all};
    ASSERT_TRUE(another_lun.take(std::size_t{8} * mebibyte, 0, other));
    budget = std::make_shared<disk::byte_share>(all);
    use_bounded();
    read(1, 0, 32 * mebibyte);
    EXPECT_EQ(lun.requests.size(), 1U);
    read(2, 0, large);
    EXPECT_EQ(lun.requests.size(), 1U);
    lun.end(0);
    EXPECT_EQ(answers().size(), 1U);
    EXPECT_EQ(lun.requests.size(), 1U);
    leave();
    peer.finish_cancelled();
    lun.end(0);
}

TEST_F(nbd_link_budget, is_given_back_by_a_client_that_has_gone) {
    share(std::size_t{8} * mebibyte, 0);
    read(1, 0, large);
    read(2, 0, large);
    leave();
    peer.finish_cancelled();
    lun.end(0);
    lun.end(0);
    EXPECT_TRUE(gone);
    EXPECT_TRUE(budget->take(std::size_t{8} * mebibyte, 0, other));
}

TEST_F(nbd_link_budget, does_not_keep_one_that_waits_for_it) {
    share(std::size_t{4} * mebibyte, std::size_t{4} * mebibyte);
    read(1, 0, large);
    EXPECT_EQ(lun.requests.size(), 0U);
    leave();
    EXPECT_TRUE(gone);
    link.reset();
    budget->give_back(std::size_t{4} * mebibyte);
}

} // namespace
