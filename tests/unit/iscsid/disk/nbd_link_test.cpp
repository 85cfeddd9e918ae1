#include "tests/unit/iscsid/disk/nbd_link_fixture.hpp"

namespace {

using namespace test;
using iscsid::lane::operation;

class nbd_link : public nbd_link_fixture {};

TEST_F(nbd_link, serves_a_read) {
    read(77, 8192, 512);
    ASSERT_EQ(lun.requests.size(), 1U);
    const auto& asked = lun.requests[0];
    EXPECT_EQ(asked.op, operation::read);
    EXPECT_EQ(asked.offset, 8192U);
    EXPECT_EQ(asked.length, 512U);
    ASSERT_EQ(asked.buffer.size(), 512U);
    EXPECT_FALSE(peer.sends());
    const auto data = pattern(512);
    end_read_with(data);
    const auto got = answers();
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got.at(77).error, 0U);
    EXPECT_EQ(got.at(77).data, data);
}

TEST_F(nbd_link, serves_a_write_with_the_payload_behind_the_header) {
    const auto data = pattern(4096);
    peer.send(joined({nbd_request(nbd_write, 5, 4096, 4096), data}));
    ASSERT_EQ(lun.requests.size(), 1U);
    EXPECT_EQ(lun.requests[0].op, operation::write);
    EXPECT_EQ(lun.requests[0].offset, 4096U);
    EXPECT_FALSE(lun.requests[0].force_unit_access);
    EXPECT_EQ(content(lun.requests[0]), data);
    lun.end(0);
    EXPECT_EQ(answers().at(5).error, 0U);
}

TEST_F(nbd_link, serves_a_write_whose_payload_comes_in_pieces) {
    const auto data = pattern(4096);
    peer.send(nbd_request(nbd_write, 5, 0, 4096));
    for (std::size_t at = 0; at < data.size(); at += 1000) {
        EXPECT_TRUE(lun.requests.empty());
        peer.send(iscsi::bytes_view(data).subspan(at, std::min(data.size() - at, std::size_t{1000}))
        );
    }
    ASSERT_EQ(lun.requests.size(), 1U);
    EXPECT_EQ(content(lun.requests[0]), data);
}

TEST_F(nbd_link, receives_a_payload_where_it_belongs) {
    peer.send(nbd_request(nbd_write, 5, 0, 4096));
    const auto* const expected = peer.parts_of_receive()[0].iov_base;
    EXPECT_EQ(peer.parts_of_receive()[0].iov_len, 4096U);
    const auto next = nbd_request(nbd_flush, 6);
    peer.send(joined({pattern(4096), next})); // what follows it goes elsewhere
    ASSERT_EQ(lun.requests.size(), 2U);
    EXPECT_EQ(lun.requests[0].buffer.data(), expected);
    EXPECT_EQ(lun.requests[1].op, operation::flush);
}

TEST_F(nbd_link, takes_requests_cut_at_every_byte) {
    const auto data = pattern(600);
    const auto all = joined(
        {nbd_request(nbd_write, 1, 512, 600),
         data,
         nbd_request(nbd_flush, 2),
         nbd_request(nbd_trim, 3, 1024, 2048)}
    );
    for (std::size_t cut = 1; cut < all.size(); ++cut) {
        use({.slots = 4, .payload = 4096});
        peer.send(iscsi::bytes_view(all).first(cut));
        peer.send(iscsi::bytes_view(all).subspan(cut));
        ASSERT_EQ(lun.requests.size(), 3U) << cut;
        ASSERT_EQ(content(lun.requests[0]), data) << cut;
        ASSERT_EQ(lun.requests[1].op, operation::flush) << cut;
        ASSERT_EQ(lun.requests[2].length, 2048U) << cut;
        for (int i = 0; i < 3; ++i)
            lun.end(0);
        ASSERT_EQ(answers().size(), 3U) << cut;
    }
}

TEST_F(nbd_link, takes_requests_byte_by_byte) {
    const auto data = pattern(100);
    lun.at_once = 0;
    const auto all = joined(
        {nbd_request(nbd_write, 1, 0, 100),
         data,
         nbd_request(nbd_write, 2, 0, 0),
         nbd_request(nbd_write_zeroes, 3, 0, 512)}
    );
    for (const std::byte each : all)
        peer.send({&each, 1});
    EXPECT_EQ(answers().size(), 3U);
}

TEST_F(nbd_link, takes_many_requests_in_one_segment) {
    lun.at_once = 0;
    bytes all;
    for (std::uint64_t cookie = 0; cookie < 5000; ++cookie) // more than the staging holds
        all = joined({std::move(all), nbd_request(nbd_flush, cookie)});
    peer.send(all);
    EXPECT_EQ(answers().size(), 5000U);
    EXPECT_EQ(peer.unread(), 0U);
}

TEST_F(nbd_link, takes_what_came_before_it_was_there) {
    const auto data = pattern(4096);
    use({.slots = 4, .payload = 4096},
        joined({nbd_request(nbd_write, 9, 0, 4096), {data.begin(), data.begin() + 10}}));
    EXPECT_TRUE(lun.requests.empty());
    peer.send(iscsi::bytes_view(data).subspan(10));
    ASSERT_EQ(lun.requests.size(), 1U);
    EXPECT_EQ(content(lun.requests[0]), data);
    bytes many;
    for (std::uint64_t cookie = 0; cookie < 3000; ++cookie)
        many = joined({std::move(many), nbd_request(nbd_flush, cookie)});
    many.resize(many.size() - 1);
    use({.slots = 4, .payload = 4096}, many);
    for (int round = 0; round < 3000 && !lun.requests.empty(); ++round) {
        lun.end(0);
        peer.take_all();
    }
    EXPECT_EQ(answers().size(), 2999U);
    peer.send(bytes(1));
    EXPECT_EQ(lun.requests.size(), 1U);
}

TEST_F(nbd_link, answers_in_the_order_in_which_requests_end) {
    read(1, 0, 512);
    read(2, 512, 512);
    lun.end(1);
    peer.take_all();
    EXPECT_EQ(iscsi::load_be64(&peer.taken.at(8)), 2U);
    lun.end(0);
    EXPECT_EQ(answers().size(), 2U);
}

TEST_F(nbd_link, refuses_commands_that_it_does_not_know) {
    for (const unsigned type : {5U, 7U, 77U, 65535U})
        peer.send(nbd_request(type, type, 0, 512));
    const auto got = answers();
    ASSERT_EQ(got.size(), 4U);
    for (const auto& [cookie, answer] : got)
        EXPECT_EQ(answer.error, 22U) << cookie;
    EXPECT_TRUE(lun.requests.empty());
    read(1, 0, 512);
    EXPECT_EQ(lun.requests.size(), 1U) << "and goes on";
}

TEST_F(nbd_link, passes_errors_on) {
    const std::vector<std::pair<int, std::uint32_t>> cases{
        {EIO, 5}, {ENOLINK, 5}, {ENOSPC, 28}, {EROFS, 1}, {EOPNOTSUPP, 95}, {EINVAL, 22}};
    for (const auto& [error, number] : cases) {
        read(1, 0, 512);
        lun.end(0, error);
        const auto got = answers();
        EXPECT_EQ(got.at(1).error, number);
        EXPECT_TRUE(got.at(1).data.empty());
    }
}

TEST_F(nbd_link, refuses_reads_of_more_than_32_mebibytes) {
    peer.send(nbd_request(nbd_read, 1, 0, 32 * mebibyte + 1));
    EXPECT_EQ(answers().at(1).error, 22U);
    EXPECT_TRUE(lun.requests.empty());
    EXPECT_EQ(ended, 0U);
    peer.send(nbd_request(nbd_read, 2, 0, 32 * mebibyte));
    ASSERT_EQ(lun.requests.size(), 1U);
    EXPECT_EQ(lun.requests[0].buffer.size(), 32 * mebibyte);
}

TEST_F(nbd_link, gives_large_requests_memory_of_their_own) {
    const auto data = pattern(1'000'000);
    peer.send(nbd_request(nbd_write, 1, 0, 1'000'000));
    peer.send(data);
    read(2, 0, 1'000'000);
    ASSERT_EQ(lun.requests.size(), 2U);
    EXPECT_EQ(content(lun.requests[0]), data);
    lun.end(0);
    end_read_with(data);
    const auto got = answers();
    EXPECT_EQ(got.at(1).error, 0U);
    EXPECT_EQ(got.at(2).data, data);
    read(3, 0, 4096); // and the slots have their own again
    read(4, 0, 4097);
    EXPECT_EQ(lun.requests.at(1).buffer.size(), 4097U);
    lun.end(1);
    lun.end(0);
    EXPECT_EQ(answers().size(), 2U);
}

TEST_F(nbd_link, trims_and_zeroes) {
    peer.send(nbd_request(nbd_trim, 1, 4096, 1U << 31U));
    peer.send(nbd_request(nbd_write_zeroes, 2, 0, 512));
    peer.send(nbd_request(nbd_write_zeroes, 3, 0, 512, nbd_no_hole));
    ASSERT_EQ(lun.requests.size(), 3U);
    EXPECT_EQ(lun.requests[0].op, operation::discard);
    EXPECT_EQ(lun.requests[0].offset, 4096U);
    EXPECT_EQ(lun.requests[0].length, 1U << 31U);
    EXPECT_EQ(lun.requests[1].op, operation::write_zeroes);
    EXPECT_TRUE(lun.requests[1].may_unmap);
    EXPECT_FALSE(lun.requests[2].may_unmap);
    for (const auto& each : lun.requests)
        EXPECT_TRUE(each.buffer.empty());
}

TEST_F(nbd_link, lets_the_lun_obey_fua_of_a_write) {
    peer.send(joined({nbd_request(nbd_write, 1, 0, 512, nbd_fua), pattern(512)}));
    EXPECT_TRUE(lun.requests.at(0).force_unit_access);
    lun.end(0);
    EXPECT_TRUE(lun.requests.empty());
    EXPECT_EQ(answers().size(), 1U);
}

TEST_F(nbd_link, flushes_for_fua_of_trim_and_write_zeroes) {
    for (const unsigned type : {nbd_trim, nbd_write_zeroes}) {
        peer.send(nbd_request(type, type, 512, 512, nbd_fua));
        EXPECT_FALSE(lun.requests.at(0).force_unit_access);
        lun.end(0);
        ASSERT_EQ(lun.requests.size(), 1U);
        EXPECT_EQ(lun.requests[0].op, operation::flush);
        EXPECT_EQ(lun.requests[0].offset, 0U);
        EXPECT_EQ(lun.requests[0].length, 0U);
        EXPECT_FALSE(peer.sends()) << "not before the flush";
        lun.end(0);
        EXPECT_TRUE(lun.requests.empty());
        EXPECT_EQ(answers().at(type).error, 0U);
    }
}

TEST_F(nbd_link, says_which_half_of_fua_failed) {
    peer.send(nbd_request(nbd_trim, 1, 0, 512, nbd_fua));
    lun.end(0, ENOSPC);
    EXPECT_TRUE(lun.requests.empty()) << "nothing to flush";
    EXPECT_EQ(answers().at(1).error, 28U);
    peer.send(nbd_request(nbd_trim, 2, 0, 512, nbd_fua));
    lun.end(0);
    lun.end(0, EIO);
    EXPECT_EQ(answers().at(2).error, 5U);
    lun.at_once = 0;
    peer.send(nbd_request(nbd_write_zeroes, 3, 0, 512, nbd_fua));
    EXPECT_EQ(answers().at(3).error, 0U);
}

TEST_F(nbd_link, replies_to_reads_with_a_chunk_where_that_is_agreed) {
    use({.slots = 4, .payload = 4096, .structured_replies = true});
    const auto data = pattern(512);
    read(0x1122334455667788, 0x99aabbccddeeff00, 512);
    end_read_with(data);
    peer.take_all();
    ASSERT_EQ(peer.taken.size(), 28U + 512U);
    EXPECT_EQ(iscsi::load_be32(&peer.taken[0]), 0x668e33efU);
    EXPECT_EQ(iscsi::load_be16(&peer.taken[4]), 1U) << "the last chunk";
    EXPECT_EQ(iscsi::load_be16(&peer.taken[6]), 1U) << "data with its offset";
    EXPECT_EQ(iscsi::load_be64(&peer.taken[8]), 0x1122334455667788U);
    EXPECT_EQ(iscsi::load_be32(&peer.taken[16]), 8U + 512U);
    EXPECT_EQ(iscsi::load_be64(&peer.taken[20]), 0x99aabbccddeeff00U);
    EXPECT_EQ(bytes(peer.taken.begin() + 28, peer.taken.end()), data);
}

TEST_F(nbd_link, replies_to_failed_reads_with_an_error_chunk_where_that_is_agreed) {
    use({.slots = 4, .payload = 4096, .structured_replies = true});
    read(7, 0, 512);
    lun.end(0, EIO);
    peer.take_all();
    ASSERT_EQ(peer.taken.size(), 26U);
    EXPECT_EQ(iscsi::load_be16(&peer.taken[4]), 1U);
    EXPECT_EQ(iscsi::load_be16(&peer.taken[6]), 0x8001U);
    EXPECT_EQ(iscsi::load_be64(&peer.taken[8]), 7U);
    EXPECT_EQ(iscsi::load_be32(&peer.taken[16]), 6U);
    EXPECT_EQ(iscsi::load_be32(&peer.taken[20]), 5U);
    EXPECT_EQ(iscsi::load_be16(&peer.taken[24]), 0U);
    peer.taken.clear();
    peer.send(nbd_request(nbd_flush, 8)); // others are simple
    lun.end(0);
    EXPECT_EQ(answers().at(8).error, 0U);
}

} // namespace
