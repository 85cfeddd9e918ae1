#pragma once

#include "tests/unit/iscsid/disk/fuse_peer.hpp"
#include "tests/unit/iscsid/disk/nbd_peer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {

inline constexpr unsigned nbd_read = 0;
inline constexpr unsigned nbd_write = 1;
inline constexpr unsigned nbd_disconnect = 2;
inline constexpr unsigned nbd_flush = 3;
inline constexpr unsigned nbd_trim = 4;
inline constexpr unsigned nbd_write_zeroes = 6;
inline constexpr unsigned nbd_fua = 1;
inline constexpr unsigned nbd_no_hole = 2;
inline constexpr std::uint32_t mebibyte = 1U << 20U;

// A link between a client and a LUN that the test plays both.
class nbd_link_fixture : public ::testing::Test {
  protected:
    nbd_link_fixture() { use({.slots = 4, .payload = 4096}); }

    ~nbd_link_fixture() override { EXPECT_EQ(peer.started_twice, 0U); }

    nbd_link_fixture(const nbd_link_fixture&) = delete;
    nbd_link_fixture& operator=(const nbd_link_fixture&) = delete;
    nbd_link_fixture(nbd_link_fixture&&) = delete;
    nbd_link_fixture& operator=(nbd_link_fixture&&) = delete;

    void use(const disk::nbd_shape& shape, const bytes& head = {}) {
        peer = nbd_peer{};
        lun = patient_lun{};
        ended = 0;
        lengths.clear();
        link = std::make_unique<disk::nbd_link>(
            3, shape, [this] { ++ended; }, head, budget
        );
        link->start(peer, lun);
    }

    void read(std::uint64_t cookie, std::uint64_t offset, std::uint32_t length) {
        lengths[cookie] = length;
        peer.send(nbd_request(nbd_read, cookie, offset, length));
    }

    // Of all replies so far, which are gone then.
    std::map<std::uint64_t, nbd_answer> answers() {
        peer.take_all();
        nbd_answers got(std::exchange(peer.taken, {}), lengths);
        EXPECT_TRUE(got.is_sound);
        return std::move(got.all);
    }

    // The LUN performs the oldest READ.
    void end_read_with(const bytes& data) {
        std::ranges::copy(data, lun.requests.at(0).buffer.begin());
        lun.end(0);
    }

    static bytes content(const lane::block_request& of) {
        return {of.buffer.begin(), of.buffer.end()};
    }

    void leave() {
        link->leave([this] { gone = true; });
    }

    nbd_peer peer;
    patient_lun lun;
    unsigned ended = 0;
    bool gone = false;
    std::map<std::uint64_t, std::uint32_t> lengths;
    std::shared_ptr<disk::byte_share> budget; // of the links that are made from now on
    std::unique_ptr<disk::nbd_link> link;
};

} // namespace test
