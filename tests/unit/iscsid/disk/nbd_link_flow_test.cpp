#include "tests/unit/iscsid/disk/nbd_link_fixture.hpp"

#include <sys/mman.h>
#include <unistd.h>

namespace {

using namespace test;

// How requests and replies flow, and how a connection ends.
class nbd_link_flow : public nbd_link_fixture {};

TEST_F(nbd_link_flow, takes_no_more_requests_than_it_has_slots) {
    for (std::uint64_t cookie = 0; cookie < 20; ++cookie)
        read(cookie, cookie * 512, 512);
    EXPECT_EQ(lun.requests.size(), 4U);
    EXPECT_FALSE(peer.receives()) << "the socket tells the client to wait";
    std::map<std::uint64_t, nbd_answer> got;
    while (!lun.requests.empty()) {
        ASSERT_LE(lun.requests.size(), 4U);
        end_read_with(bytes(512, static_cast<std::byte>(lun.requests[0].offset / 512)));
        got.merge(answers());
    }
    ASSERT_EQ(got.size(), 20U);
    for (const auto& [cookie, answer] : got)
        EXPECT_EQ(answer.data, bytes(512, static_cast<std::byte>(cookie)));
}

TEST_F(nbd_link_flow, a_slot_is_taken_until_its_reply_has_left) {
    for (std::uint64_t cookie = 0; cookie < 5; ++cookie)
        read(cookie, 0, 512);
    lun.end(0);
    EXPECT_EQ(lun.requests.size(), 3U);
    EXPECT_TRUE(peer.take(16 + 511));
    EXPECT_EQ(lun.requests.size(), 3U);
    EXPECT_TRUE(peer.take());
    EXPECT_EQ(lun.requests.size(), 4U);
}

TEST_F(nbd_link_flow, a_write_in_the_last_slot_gets_its_payload_when_another_is_free) {
    for (std::uint64_t cookie = 0; cookie < 3; ++cookie)
        read(cookie, 0, 512);
    const auto data = pattern(4096);
    peer.send(joined({nbd_request(nbd_write, 9, 0, 4096), {data.begin(), data.begin() + 7}}));
    peer.send(iscsi::bytes_view(data).subspan(7));
    lun.end(0);
    lun.end(0);
    peer.take_all();
    ASSERT_EQ(lun.requests.size(), 2U);
    EXPECT_EQ(content(lun.requests[1]), data);
}

TEST_F(nbd_link_flow, sends_ready_replies_together) {
    for (std::uint64_t cookie = 0; cookie < 4; ++cookie)
        read(cookie, 0, 512);
    lun.end(0); // leaves at once
    for (int i = 0; i < 3; ++i)
        lun.end(0);
    EXPECT_EQ(peer.parts_of_send(), 2U);
    peer.take();
    EXPECT_EQ(peer.parts_of_send(), 6U);
    EXPECT_EQ(answers().size(), 4U);
}

TEST_F(nbd_link_flow, sends_more_replies_than_one_call_takes) {
    use({.slots = 200, .payload = 4096});
    for (std::uint64_t cookie = 0; cookie < 200; ++cookie)
        read(cookie, 0, 4096);
    while (!lun.requests.empty())
        end_read_with(pattern(4096));
    peer.take();
    EXPECT_LE(peer.parts_of_send(), 1024U) << "IOV_MAX";
    EXPECT_EQ(answers().size(), 200U);
}

TEST_F(nbd_link_flow, replies_that_leave_in_pieces_are_sent_once) {
    for (const std::size_t piece : {1U, 7U, 16U, 17U, 500U, 528U, 529U}) {
        for (std::uint64_t cookie = 0; cookie < 4; ++cookie)
            read(cookie, cookie * 512, 512);
        std::vector<bytes> expected;
        for (unsigned seed = 0; seed < 4; ++seed) {
            expected.push_back(pattern(512, seed));
            end_read_with(expected.back());
        }
        peer.take_all(piece);
        const auto got = answers();
        ASSERT_EQ(got.size(), 4U) << piece;
        for (std::uint64_t cookie = 0; cookie < 4; ++cookie)
            EXPECT_EQ(got.at(cookie).data, expected[cookie]) << piece;
    }
}

TEST_F(nbd_link_flow, a_wrong_magic_ends_it) {
    read(1, 0, 512);
    auto bad = nbd_request(nbd_read, 2, 0, 512);
    bad[3] ^= std::byte{1};
    peer.send(joined({bad, nbd_request(nbd_read, 3, 0, 512)}));
    EXPECT_EQ(ended, 1U);
    EXPECT_EQ(lun.requests.size(), 1U);
    EXPECT_FALSE(peer.receives());
    lun.end(0);
    EXPECT_FALSE(peer.sends());
    leave();
    EXPECT_TRUE(gone);
    EXPECT_EQ(ended, 1U);
}

TEST_F(nbd_link_flow, a_wrong_magic_that_waited_for_a_slot_ends_it) {
    bytes all;
    for (std::uint64_t cookie = 0; cookie < 4; ++cookie)
        all = joined({std::move(all), nbd_request(nbd_flush, cookie)});
    peer.send(joined({all, bytes(nbd_request(nbd_flush, 9).size())}));
    EXPECT_EQ(ended, 0U);
    while (!lun.requests.empty())
        lun.end(0);
    peer.take(); // the first reply makes room
    EXPECT_EQ(ended, 1U);
    EXPECT_FALSE(peer.sends());
    leave();
    EXPECT_TRUE(gone);
}

TEST_F(nbd_link_flow, a_write_of_more_than_32_mebibytes_ends_it) {
    peer.send(nbd_request(nbd_write, 1, 0, 32 * mebibyte));
    EXPECT_EQ(ended, 0U);
    use({.slots = 4, .payload = 4096});
    peer.send(nbd_request(nbd_write, 1, 0, 32 * mebibyte + 1));
    EXPECT_EQ(ended, 1U);
    EXPECT_FALSE(peer.sends());
}

TEST_F(nbd_link_flow, a_disconnect_ends_it) {
    peer.send(nbd_request(nbd_disconnect, 0));
    EXPECT_EQ(ended, 1U);
    EXPECT_FALSE(peer.receives());
    leave();
    EXPECT_TRUE(gone);
}

TEST_F(nbd_link_flow, a_disconnect_waits_for_the_requests_before_it) {
    read(1, 0, 512);
    peer.send(nbd_request(nbd_trim, 2, 0, 512, nbd_fua));
    peer.send(joined({nbd_request(nbd_disconnect, 0), nbd_request(nbd_read, 3, 0, 512)}));
    EXPECT_FALSE(peer.receives());
    lun.end(0);
    lun.end(0);
    EXPECT_EQ(ended, 0U);
    ASSERT_EQ(lun.requests.size(), 1U) << "the flush, and nothing after the disconnect";
    lun.end(0);
    peer.take();
    EXPECT_EQ(ended, 0U);
    peer.take();
    EXPECT_EQ(ended, 1U);
    EXPECT_EQ(answers().size(), 2U);
}

TEST_F(nbd_link_flow, a_disconnect_that_found_no_free_slot_counts) {
    for (std::uint64_t cookie = 0; cookie < 4; ++cookie)
        read(cookie, 0, 512);
    peer.send(nbd_request(nbd_disconnect, 0));
    while (!lun.requests.empty())
        lun.end(0);
    EXPECT_EQ(answers().size(), 4U);
    EXPECT_EQ(ended, 1U);
}

TEST_F(nbd_link_flow, a_client_that_goes_in_the_middle_of_a_payload_has_written_nothing) {
    read(1, 0, 512);
    peer.send(joined({nbd_request(nbd_write, 2, 0, 4096), pattern(4095)}));
    peer.end_receive(0);
    EXPECT_EQ(ended, 1U);
    EXPECT_EQ(lun.requests.size(), 1U);
    leave();
    EXPECT_FALSE(gone);
    lun.end(0);
    EXPECT_TRUE(gone);
    EXPECT_FALSE(peer.sends());
}

TEST_F(nbd_link_flow, a_broken_connection_ends_it_once) {
    read(1, 0, 512);
    read(2, 0, 512);
    lun.end(0);
    peer.end_send(-EPIPE);
    EXPECT_EQ(ended, 1U);
    peer.finish_cancelled(0);
    EXPECT_EQ(ended, 1U);
    lun.end(0);
    EXPECT_FALSE(peer.sends());
    leave();
    EXPECT_TRUE(gone);
}

TEST_F(nbd_link_flow, an_error_of_the_socket_ends_it) {
    peer.end_receive(-ECONNRESET);
    EXPECT_EQ(ended, 1U);
}

TEST_F(nbd_link_flow, leaving_ends_what_waits) {
    leave();
    EXPECT_FALSE(gone) << "the receive is still under way";
    peer.finish_cancelled();
    EXPECT_TRUE(gone);
    EXPECT_EQ(ended, 0U) << "it was told, it need not tell";
}

TEST_F(nbd_link_flow, leaving_waits_for_the_lun) {
    read(1, 0, 512);
    peer.send(nbd_request(nbd_write_zeroes, 2, 0, 512, nbd_fua));
    leave();
    peer.finish_cancelled();
    EXPECT_FALSE(gone);
    lun.end(0);
    EXPECT_FALSE(gone);
    while (!gone && !lun.requests.empty())
        lun.end(0); // the blocks are zeroed, and flushed perhaps
    EXPECT_TRUE(gone);
    EXPECT_TRUE(peer.taken.empty());
}

TEST_F(nbd_link_flow, leaving_waits_for_the_send_under_way) {
    read(1, 0, 512);
    read(2, 0, 512);
    lun.end(0);
    lun.end(0);
    leave();
    peer.finish_cancelled(100); // it has got on until then
    EXPECT_TRUE(gone);
    EXPECT_FALSE(peer.sends());
}

TEST_F(nbd_link_flow, may_be_destroyed_when_it_has_left) {
    read(1, 0, 512);
    link->leave([this] {
        link.reset();
        gone = true;
    });
    peer.finish_cancelled();
    lun.end(0);
    EXPECT_TRUE(gone);
}

TEST_F(nbd_link_flow, a_request_that_came_with_the_cancel_is_dropped) {
    leave();
    peer.finish_cancelled(28);
    EXPECT_TRUE(gone);
    EXPECT_TRUE(lun.requests.empty());
}

// Whether the kernel could still write there.
bool is_mapped(const void* memory) {
    const int file = ::memfd_create("probe", MFD_CLOEXEC);
    const bool is = ::write(file, memory, 1) == 1;
    ::close(file);
    return is;
}

TEST_F(nbd_link_flow, the_memory_of_a_payload_stays_until_its_receive_has_ended) {
    peer.send(nbd_request(nbd_write, 1, 0, 32 * mebibyte));
    const void* const into = peer.parts_of_receive()[0].iov_base;
    ASSERT_TRUE(is_mapped(into));
    leave();
    EXPECT_TRUE(is_mapped(into));
    peer.finish_cancelled();
    EXPECT_TRUE(gone);
}

TEST_F(nbd_link_flow, one_slot_is_enough) {
    use({.slots = 1, .payload = 4096});
    peer.send(nbd_request(nbd_write, 1, 0, 512));
    peer.send(pattern(512));
    EXPECT_EQ(lun.requests.size(), 1U);
}

TEST_F(nbd_link_flow, refuses_new_requests_while_old_ones_end) {
    read(1, 0, 512);
    link->refuse_requests();
    read(2, 0, 512);
    EXPECT_EQ(lun.requests.size(), 1U);
    EXPECT_EQ(answers().at(2).error, 108U);
    end_read_with(bytes(512));
    EXPECT_EQ(answers().at(1).error, 0U);
    EXPECT_EQ(ended, 0U);
}

TEST_F(nbd_link_flow, ends_with_the_last_request_when_told_so) {
    read(1, 0, 512);
    link->end_when_idle();
    read(2, 0, 512);
    EXPECT_EQ(lun.requests.size(), 1U) << "no more are taken";
    EXPECT_EQ(ended, 0U);
    end_read_with(bytes(512));
    EXPECT_EQ(answers().size(), 1U);
    EXPECT_EQ(ended, 1U);
    leave();
    peer.finish_cancelled();
    EXPECT_TRUE(gone);
}

TEST_F(nbd_link_flow, ends_at_once_when_told_so_while_idle) {
    link->end_when_idle();
    EXPECT_EQ(ended, 1U);
    leave();
    peer.finish_cancelled();
    EXPECT_TRUE(gone);
}

TEST_F(nbd_link_flow, ends_with_the_last_answer_of_the_lun_when_told_so) {
    read(1, 0, 512);
    read(2, 0, 512);
    link->end_when_served();
    EXPECT_EQ(ended, 0U);
    end_read_with(bytes(512));
    EXPECT_EQ(ended, 0U);
    end_read_with(bytes(512));
    EXPECT_EQ(ended, 1U) << "nobody has read an answer";
    leave();
    peer.finish_cancelled();
    EXPECT_TRUE(gone);
}

TEST_F(nbd_link_flow, does_not_wait_for_the_rest_of_a_write_when_told_to_end) {
    const auto data = pattern(4096);
    peer.send(joined({nbd_request(nbd_write, 9, 0, 4096), {data.begin(), data.begin() + 7}}));
    link->end_when_idle();
    EXPECT_EQ(ended, 1U);
    leave();
    peer.finish_cancelled();
    EXPECT_TRUE(gone);
    EXPECT_TRUE(lun.requests.empty());
}

TEST_F(nbd_link_flow, gives_back_the_memory_of_requests_whose_replies_have_left) {
    use({.slots = 2, .payload = 65536});
    bool told = false;
    link->tell_of_used_memory(told);
    read(1, 0, 4096);
    lun.end(0);
    peer.take_all();
    EXPECT_FALSE(told) << "a small one leaves nothing to give back";
    const auto pass = [this] {
        bool some_is_left = false;
        for (unsigned i = 0; i <= disk::payload_age::ripe; ++i) {
            std::size_t most = mebibyte;
            some_is_left = link->give_back_memory(most);
        }
        return some_is_left;
    };
    read(2, 0, 65536);
    EXPECT_TRUE(told);
    const auto memory = lun.requests.at(0).buffer;
    end_read_with(pattern(65536));
    EXPECT_TRUE(pass()) << "its reply has not left";
    EXPECT_EQ(answers().at(2).data, pattern(65536));
    EXPECT_FALSE(pass());
    EXPECT_EQ(memory.back(), std::byte{});
    read(3, 0, 65536);
    end_read_with(pattern(65536));
    EXPECT_EQ(answers().at(3).data, pattern(65536));
}

} // namespace
