#include "tests/support/pair.hpp"

#include <gtest/gtest.h>

#include <string>

// A link that is slow and never fails: whatever the depth and the size of the commands, each ends
// well, none is aborted, and it takes what the bytes take.
namespace iscsi::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kib = 1024;

struct load {
    std::string name;
    std::uint64_t bytes_per_second;
    std::size_t socket_buffer;
    std::size_t depth;
    std::uint32_t size; // bytes a command
    std::size_t commands;
    bool writes;
    unsigned units = 1;
};

session_config patient_config() {
    auto config = world_config();
    config.commands_max = 128;
    config.staging_size = 256 * 1024;
    return config;
}

target_options large_target() {
    target_options options;
    options.command_window = 128;
    options.wants.max_recv_data_segment_length = 262'144;
    options.wants.max_burst_length = 16'776'192;
    return options;
}

class steady_link : public testing::TestWithParam<load> {
  protected:
    void submit_one() {
        const auto& wanted = GetParam();
        const auto blocks = wanted.size / world_block_size;
        command what;
        what.cdb[0] = wanted.writes ? std::byte{0x2a} : std::byte{0x28};
        store_be32(what.cdb.data() + 2, 0);
        store_be16(what.cdb.data() + 7, static_cast<std::uint16_t>(blocks));
        what.lun[1] = static_cast<std::byte>(submitted_ % wanted.units);
        what.timeout = 30s;
        cookies_.push_back(world_.submit(what, std::vector<std::byte>(wanted.size), !wanted.writes)
        );
        ++submitted_;
    }

    void keep_busy() {
        const auto& wanted = GetParam();
        while (submitted_ < wanted.commands && world_.unfinished() < wanted.depth)
            submit_one();
    }

    memory_target target_{large_target(), {.size = 16U << 20U}};
    session_world world_{patient_config()};
    std::vector<std::uint64_t> cookies_;
    std::size_t submitted_ = 0;
};

TEST_P(steady_link, costs_what_its_bytes_cost) {
    const auto& wanted = GetParam();
    for (std::uint16_t lun = 1; lun < wanted.units; ++lun)
        target_.add_disk(lun, {.size = 16U << 20U});
    pair wire(world_, target_);
    ASSERT_TRUE(wire.log_in());
    wire.set_rate(wanted.bytes_per_second, wanted.socket_buffer);
    const auto begin = world_.now();
    const double ideal = static_cast<double>(wanted.commands) * wanted.size /
                         static_cast<double>(wanted.bytes_per_second);
    const auto done = [&] {
        keep_busy();
        return submitted_ == wanted.commands && world_.unfinished() == 0;
    };
    const auto patience = duration(static_cast<long>(3000 * ideal) + 10'000);
    EXPECT_TRUE(wire.run_until(done, patience)) << world_.unfinished() << " are unanswered";
    for (const auto cookie : cookies_)
        EXPECT_TRUE(world_.entry(cookie).good()) << "command " << cookie;
    const std::chrono::duration<double> time = world_.now() - begin;
    EXPECT_LE(time.count(), 1.3 * ideal + 1) << "ideal: " << ideal;
    EXPECT_EQ(world_.engine().statistics().tmfcmd_pdus, 0U);
    EXPECT_EQ(wire.connections(), 1U);
    for (const auto& complaint : target_.complaints())
        ADD_FAILURE() << complaint;
}

// The sockets: one that takes everything at once, and a usual one.
INSTANTIATE_TEST_SUITE_P(
    of_100_kib,
    steady_link,
    testing::Values(
        load{"one_large_write", 100 * kib, SIZE_MAX, 1, 4096 * kib, 2, true},
        load{"one_large_write_usual_socket", 100 * kib, 256 * kib, 1, 4096 * kib, 2, true},
        load{"one_large_read", 100 * kib, SIZE_MAX, 1, 4096 * kib, 2, false},
        load{"large_writes", 100 * kib, SIZE_MAX, 16, 4096 * kib, 16, true},
        load{"large_reads", 100 * kib, SIZE_MAX, 16, 4096 * kib, 16, false},
        load{"many_writes", 100 * kib, SIZE_MAX, 128, 256 * kib, 160, true},
        load{"many_writes_usual_socket", 100 * kib, 256 * kib, 128, 256 * kib, 160, true},
        load{"many_reads", 100 * kib, SIZE_MAX, 128, 256 * kib, 160, false},
        load{"small_writes", 100 * kib, SIZE_MAX, 128, 4 * kib, 2000, true},
        load{"small_reads", 100 * kib, SIZE_MAX, 128, 4 * kib, 2000, false},
        load{"two_units_large_writes", 100 * kib, SIZE_MAX, 8, 4096 * kib, 8, true, 2},
        load{"two_units_large_reads", 100 * kib, SIZE_MAX, 8, 4096 * kib, 8, false, 2}
    ),
    [](const auto& each) { return each.param.name; }
);

INSTANTIATE_TEST_SUITE_P(
    of_10_mib,
    steady_link,
    testing::Values(
        load{"large_writes", 10 * kib* kib, SIZE_MAX, 128, 4096 * kib, 40, true},
        load{"large_reads", 10 * kib* kib, 1024 * kib, 128, 4096 * kib, 40, false},
        load{"small_writes", 10 * kib* kib, SIZE_MAX, 128, 4 * kib, 4000, true}
    ),
    [](const auto& each) { return each.param.name; }
);

// ---- a slow unit ------------------------------------------------------------------------------

bool is_command(const raw_pdu& pdu) {
    return static_cast<opcode>(std::to_integer<unsigned>(pdu.header[0]) & 0x3fU) ==
           opcode::scsi_command;
}

// It does two commands a second, and the target lets four be out.
TEST(slow_unit, ends_all_of_its_commands_however_many_wait) {
    auto options = large_target();
    options.command_window = 4;
    memory_target target(options, {.size = 1U << 20U});
    session_world world(patient_config());
    pair wire(world, target);
    wire.on_connect = [](target_link& link) {
        link.screen_requests([](const raw_pdu& pdu) {
            target_link::treatment how;
            how.wait = is_command(pdu);
            return how;
        });
    };
    ASSERT_TRUE(wire.log_in());
    std::vector<std::uint64_t> cookies;
    for (int i = 0; i < 128; ++i) {
        command what;
        what.cdb[0] = std::byte{0x2a};
        what.cdb[8] = std::byte{8};
        what.timeout = 30s;
        cookies.push_back(world.submit(what, std::vector<std::byte>(4096), false));
    }
    for (int i = 0; i < 150 && world.unfinished() > 0; ++i) {
        wire.run_for(500ms);
        wire.link()->answer_oldest({});
    }
    for (const auto cookie : cookies)
        EXPECT_TRUE(world.entry(cookie).good()) << "command " << cookie;
    EXPECT_EQ(world.engine().statistics().tmfcmd_pdus, 0U);
}

} // namespace
} // namespace iscsi::test
