#include "tests/integration/disk/memory_lane.hpp"

#include "iscsid/disk/read_probe.hpp"

#include <gtest/gtest.h>

namespace {

using namespace iscsid::disk;
using std::chrono::milliseconds;

constexpr auto long_enough = std::chrono::seconds(30);

disk_request request(std::uint32_t block_size = 512) {
    disk_request what;
    what.lun[1] = std::byte{3};
    what.properties.block_size = block_size;
    what.properties.block_count = 100;
    return what;
}

iscsi::result<void> probe_with(iscsi::task_result outcome) {
    test::memory_lane lane;
    lane.on_execute = [outcome](const iscsi::command&, const auto& done) {
        iscsid::lane::scsi_outcome seen;
        seen.done.outcome = outcome;
        done(seen);
    };
    return probe_read(lane, request(), long_enough);
}

TEST(read_probe, reads_one_block_of_that_unit) {
    for (const std::uint32_t block_size : {512U, 4096U}) {
        test::memory_lane lane;
        iscsi::command asked;
        std::size_t room = 0;
        lane.on_execute = [&](const iscsi::command& what, const auto& done) {
            asked = what;
            room = what.data_in.size();
            done({});
        };
        EXPECT_TRUE(probe_read(lane, request(block_size), long_enough));
        EXPECT_EQ(asked.lun, request().lun);
        EXPECT_EQ(asked.cdb[0], std::byte{0x28}); // READ(10), SBC-3 §5.8
        EXPECT_EQ(asked.cdb[8], std::byte{1});
        EXPECT_EQ(room, block_size);
    }
}

TEST(read_probe, takes_any_answer) {
    for (const auto outcome : {iscsi::task_result::answered, iscsi::task_result::short_data})
        EXPECT_TRUE(probe_with(outcome));
    EXPECT_TRUE(probe_with(iscsi::task_result::lost)); // the session says what became of it
}

TEST(read_probe, sees_that_no_answer_comes) {
    const auto aborted = probe_with(iscsi::task_result::aborted);
    ASSERT_FALSE(aborted);
    EXPECT_NE(aborted.error().text().find("no answer from the LUN"), std::string::npos);
    test::memory_lane silent;
    EXPECT_FALSE(probe_read(silent, request(), milliseconds(20)));
}

} // namespace
