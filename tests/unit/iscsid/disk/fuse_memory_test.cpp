#include "tests/unit/iscsid/disk/fuse_peer.hpp"

#include <gtest/gtest.h>

#include <sys/mman.h>

namespace {

using namespace iscsid;
using disk::fuse::bytes_of;

// What a FUSE disk gives back of its buffers, and what the kernel finds in them.
class fuse_memory : public test::fuse_dialogue {
  protected:
    fuse_memory() { use({.slots = 4, .payload = 65536, .reads_ahead = 2}); }

    void use(const disk::fuse_shape& shape) {
        scsi::logical_unit unit;
        unit.block_count = 4096;
        fuse_dialogue::use(unit, shape);
    }
};

// How many bytes of it the kernel has pages for, by pages.
std::size_t present(iscsi::mutable_bytes what) {
    constexpr std::uintptr_t page = 4096;
    const auto begin = reinterpret_cast<std::uintptr_t>(what.data()) / page * page;
    const auto end = reinterpret_cast<std::uintptr_t>(what.data() + what.size());
    std::vector<unsigned char> pages((end - begin + page - 1) / page);
    EXPECT_EQ(::mincore(reinterpret_cast<void*>(begin), end - begin, pages.data()), 0);
    return page * static_cast<std::size_t>(std::ranges::count_if(pages, [](unsigned char each) {
               return each % 2 != 0;
           }));
}

constexpr std::size_t far_more = std::size_t{1} << 30U;

bool pass_until_memory_goes(disk::fuse_file& file) {
    bool some_is_left = false;
    for (unsigned i = 0; i <= disk::payload_age::ripe; ++i) {
        std::size_t most = far_more;
        some_is_left = file.give_back_memory(most);
    }
    return some_is_left;
}

TEST_F(fuse_memory, gives_back_the_memory_of_requests_that_have_ended) {
    bool told = false;
    file->tell_of_used_memory(told);
    ASSERT_TRUE(ask_read(0, 4096));
    lun.end(0);
    peer.take();
    EXPECT_FALSE(told) << "a small one leaves nothing to give back";
    const std::vector<std::byte> data(65536, std::byte{1});
    ASSERT_TRUE(ask_write(0, data));
    ASSERT_TRUE(ask_write(65536, data));
    EXPECT_TRUE(told);
    const auto ended = lun.requests.at(0).buffer;
    lun.end(0);
    peer.take();
    EXPECT_TRUE(pass_until_memory_goes(*file)) << "one is at the LUN";
    EXPECT_EQ(present(ended), 4096U);
    EXPECT_EQ(lun.requests.at(0).buffer.back(), std::byte{1});
    lun.end(0);
    peer.take();
    EXPECT_FALSE(pass_until_memory_goes(*file));
}

// The kernel cannot make a page present for a thread that is being killed.
TEST_F(fuse_memory, memory_that_was_given_back_is_present_again_before_the_kernel_gets_it) {
    use({.slots = 4, .payload = 65536, .reads_ahead = 2, .present = true});
    const std::vector<std::byte> data(65536, std::byte{1});
    ASSERT_TRUE(ask_write(0, data));
    ASSERT_TRUE(ask_write(0, data));
    while (!lun.requests.empty()) {
        lun.end(0);
        peer.take();
    }
    EXPECT_EQ(peer.waiting_reads(), 2U);
    EXPECT_TRUE(pass_until_memory_goes(*file)) << "the reads that wait keep theirs";
    for (std::size_t read = 0; read < 2; ++read)
        EXPECT_GE(present(peer.room_of(read)), 65536U);
    for (unsigned i = 0; i < 4; ++i) {
        ASSERT_TRUE(ask_write(0, data));
        for (std::size_t read = 0; read < peer.waiting_reads(); ++read)
            EXPECT_GE(present(peer.room_of(read)), 65536U) << i;
    }
}

} // namespace
