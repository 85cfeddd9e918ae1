#include "tests/unit/iscsid/disk/fuse_peer.hpp"
#include "tests/unit/iscsid/disk/ublk_peer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>

namespace {

using namespace iscsid;

// What a ublk disk gives back of its buffers, and what it must not.
class ublk_memory : public ::testing::Test {
  protected:
    static constexpr std::uint16_t depth = 4;
    static constexpr std::uint32_t payload = 64 * 1024;
    static constexpr std::uint32_t read = 0;
    static constexpr std::uint32_t write = 1;

    ublk_memory() { use(true, true); }

    void use(bool ring_defers, bool comes_by_ring) {
        peer = test::ublk_peer{};
        peer.defers = ring_defers;
        lun = test::patient_lun{};
        told = false;
        const disk::ublk_shape shape{depth, payload, comes_by_ring};
        queue = std::make_unique<disk::ublk_queue>(5, descriptors.data(), shape, true);
        queue->tell_of_used_memory(told);
        queue->start(peer, lun);
        for (const auto& each : peer.commands)
            memory[each.command.tag] = reinterpret_cast<std::byte*>(each.command.address);
    }

    // As the kernel does: first the payload, then the end of the command.
    void ask_write(std::uint32_t tag, std::uint32_t length = payload) {
        std::fill_n(memory.at(tag), length, std::byte{0x77});
        descriptors.at(tag) = {write, length / 512, 0, 0};
        peer.end(tag, 0);
    }

    void write_whole(std::uint32_t tag) {
        ask_write(tag);
        lun.end(lun.requests.size() - 1);
    }

    bool pass(unsigned intervals = disk::payload_age::ripe + 1) {
        bool some_is_left = false;
        while (intervals-- > 0) {
            std::size_t most = depth * std::size_t{payload};
            some_is_left = queue->give_back_memory(most);
        }
        return some_is_left;
    }

    bool is_there(std::uint32_t tag) const { return memory.at(tag)[payload - 1] != std::byte{}; }

    test::ublk_peer peer;
    test::patient_lun lun;
    bool told = false;
    std::array<disk::ublk::io_descriptor, depth> descriptors{};
    std::map<std::uint32_t, std::byte*> memory; // by tag
    std::unique_ptr<disk::ublk_queue> queue;
};

TEST_F(ublk_memory, is_given_back_when_it_was_not_used_for_a_while) {
    write_whole(0);
    EXPECT_TRUE(told);
    EXPECT_TRUE(pass(disk::payload_age::ripe));
    EXPECT_TRUE(is_there(0));
    EXPECT_EQ(peer.times_asked, 0U) << "before there is a reason";
    EXPECT_FALSE(pass(1));
    EXPECT_FALSE(is_there(0));
    EXPECT_EQ(peer.times_asked, 1U);
}

TEST_F(ublk_memory, of_small_requests_stays) {
    ask_write(0, 4096);
    EXPECT_FALSE(told);
    EXPECT_FALSE(pass());
    EXPECT_EQ(peer.times_asked, 0U);
}

TEST_F(ublk_memory, with_the_payload_of_a_write_that_nobody_was_told_of_stays) {
    write_whole(0);
    pass(disk::payload_age::ripe);
    peer.is_settled = false;
    std::fill_n(memory.at(0), payload, std::byte{0x55}); // copied, and its end is in the ring
    EXPECT_TRUE(pass(3));
    EXPECT_TRUE(is_there(0));
    peer.is_settled = true;
    descriptors[0] = {write, payload / 512, 0, 0};
    peer.end(0, 0);
    ASSERT_EQ(lun.requests.size(), 1U);
    EXPECT_EQ(lun.requests[0].buffer.back(), std::byte{0x55});
}

TEST_F(ublk_memory, of_a_request_that_the_lun_has_stays) {
    ask_write(1);
    EXPECT_TRUE(pass());
    EXPECT_TRUE(is_there(1));
    lun.end(0);
    EXPECT_FALSE(pass(1));
    EXPECT_FALSE(is_there(1));
}

TEST_F(ublk_memory, of_a_request_that_was_given_up_stays_as_long_as_the_lun_has_it) {
    ask_write(1);
    queue->fail_all();
    EXPECT_TRUE(pass());
    EXPECT_TRUE(is_there(1));
    lun.end(0);
    EXPECT_FALSE(pass(1));
    EXPECT_FALSE(is_there(1));
}

TEST_F(ublk_memory, is_kept_where_no_moment_is_safe) {
    for (const auto& [ring_defers, comes_by_ring] :
         {std::pair{false, true}, std::pair{true, false}}) {
        use(ring_defers, comes_by_ring);
        write_whole(2);
        EXPECT_FALSE(told) << "a timer would have nothing to do";
        EXPECT_FALSE(pass());
        EXPECT_TRUE(is_there(2));
    }
}

TEST_F(ublk_memory, is_given_back_after_the_device_has_been_stopped) {
    write_whole(3);
    for (std::uint32_t tag = 0; tag < depth; ++tag)
        peer.end(tag, -ENODEV);
    EXPECT_FALSE(pass());
    EXPECT_FALSE(is_there(3));
}

} // namespace
