#include "tests/support/pair.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <string>

// A session and a correct target on a wire that delivers in random pieces and breaks at random
// places. Everything follows from the seed: ISCSI_SEED=n replays one, ISCSI_SEEDS=n runs so many.
namespace iscsi::test {
namespace {

constexpr std::uint32_t disk_blocks = 2048;
constexpr std::size_t commands_of_a_run = 60;

class simulation {
  public:
    explicit simulation(std::uint32_t seed)
        : random_(seed)
        , target_(random_target(), disk_options{.size = disk_blocks * world_block_size})
        , world_(random_session())
        , wire_(world_, target_)
        , model_(disk_blocks * world_block_size) {
        wire_.piece = [this] { return random_piece(); };
        wire_.answers_first = [this] { return one_in(2); };
        wire_.accepts_connection = [this] { return !one_in(4); };
        cut_odds_ = one_in(4) ? 0 : number(20, 2000);
    }

    void run() {
        ASSERT_TRUE(wire_.log_in());
        while (!is_done()) {
            if (cut_odds_ != 0 && one_in(cut_odds_))
                wire_.cut();
            if (submitted_ < commands_of_a_run && one_in(8))
                submit_something();
            const bool moved = wire_.step(world_.now() + std::chrono::minutes(10));
            ASSERT_TRUE(moved || submitted_ < commands_of_a_run)
                << world_.unfinished() << " commands hang";
            check_finished();
            ASSERT_FALSE(testing::Test::HasFailure());
        }
        check_end();
    }

    std::uint64_t logins() const { return target_.logins(); }

  private:
    struct piece_of_disk {
        std::uint32_t block = 0;
        std::uint32_t count = 0;
        bool is_write = false;
    };

    // ---- chance ----
    std::uint32_t number(std::uint32_t low, std::uint32_t high) {
        return std::uniform_int_distribution<std::uint32_t>(low, high)(random_);
    }

    bool one_in(std::uint32_t odds) { return number(1, odds) == 1; }

    std::size_t random_piece() {
        if (one_in(4))
            return SIZE_MAX;
        return one_in(2) ? number(1, 60) : number(1, 20'000);
    }

    digest_list random_digests() {
        if (one_in(2))
            return {digest::none, digest::crc32c};
        return {digest::crc32c, digest::none};
    }

    operational_offer random_wants() {
        operational_offer wants;
        wants.header_digest = random_digests();
        wants.data_digest = random_digests();
        wants.initial_r2t = one_in(2);
        wants.immediate_data = one_in(2);
        wants.max_burst_length = number(512, 40'000);
        wants.first_burst_length = number(512, wants.max_burst_length);
        wants.max_outstanding_r2t = static_cast<std::uint16_t>(number(1, 4));
        wants.max_recv_data_segment_length = number(512, 20'000);
        return wants;
    }

    target_options random_target() {
        target_options options;
        options.wants = random_wants();
        options.command_window = number(1, 20);
        options.status_in_data_in = one_in(2);
        options.first_status_sn = number(0, 1) == 0 ? 0xffff'fff0 : number(0, 1000); // wraps
        return options;
    }

    session_config random_session() {
        auto config = world_config();
        config.offer = random_wants();
        config.timeouts.replacement = duration(-1); // it comes back every time, some day
        config.commands_max = static_cast<std::uint16_t>(number(1, 16));
        config.staging_size = number(4096, 40'000);
        config.initial_command_sn = one_in(2) ? 0xffff'fffa : number(0, 1000);
        return config;
    }

    // ---- work ----
    void submit_something() {
        const auto count = number(1, one_in(3) ? 128 : 8);
        const auto block = number(0, disk_blocks - count);
        if (world_.engine().free_slots() == 0 || overlaps_open_work(block, count))
            return;
        ++submitted_;
        const bool is_write = one_in(2);
        const auto cookie =
            is_write ? world_.write(block, pattern(count * world_block_size, number(0, 0xffff)))
                     : world_.read(block, static_cast<std::uint16_t>(count));
        open_[cookie] = {block, count, is_write};
    }

    bool overlaps_open_work(std::uint32_t block, std::uint32_t count) const {
        return std::any_of(open_.begin(), open_.end(), [=](const auto& each) {
            return block < each.second.block + each.second.count &&
                   each.second.block < block + count;
        });
    }

    void check_finished() {
        for (auto at = open_.begin(); at != open_.end();) {
            const auto& entry = world_.entry(at->first);
            const auto now = at++;
            if (!entry.done)
                continue;
            EXPECT_TRUE(entry.good())
                << "command " << now->first << ": outcome " << static_cast<int>(entry.end.outcome)
                << ", status " << static_cast<int>(entry.end.status);
            settle(now->second, entry.data);
            open_.erase(now);
        }
        world_.events().erase(
            std::remove_if(
                world_.events().begin(),
                world_.events().end(),
                [](const event& each) { return std::holds_alternative<task_done>(each); }
            ),
            world_.events().end()
        );
    }

    void settle(const piece_of_disk& where, const std::vector<std::byte>& data) {
        const auto begin =
            model_.begin() + static_cast<std::ptrdiff_t>(where.block * world_block_size);
        if (where.is_write)
            std::copy(data.begin(), data.end(), begin);
        else
            EXPECT_TRUE(std::equal(data.begin(), data.end(), begin)) << "read of " << where.block;
    }

    bool is_done() const { return submitted_ == commands_of_a_run && open_.empty(); }

    void check_end() {
        EXPECT_TRUE(target_.disk().content() == model_) << "the disk is not what was written";
        for (const auto& complaint : target_.complaints())
            ADD_FAILURE() << complaint;
    }

    std::mt19937 random_;
    memory_target target_;
    session_world world_;
    pair wire_;
    std::vector<std::byte> model_;
    std::map<std::uint64_t, piece_of_disk> open_;
    std::size_t submitted_ = 0;
    std::uint32_t cut_odds_ = 0; // 0: the wire holds
};

std::uint32_t setting(const char* name, std::uint32_t otherwise) {
    const char* const text = std::getenv(name); // NOLINT(concurrency-mt-unsafe)
    return text == nullptr ? otherwise : static_cast<std::uint32_t>(std::stoul(text));
}

TEST(simulation, memory_is_what_was_written) {
    const auto only = setting("ISCSI_SEED", 0);
    const auto first = only == 0 ? 1 : only;
    const auto last = only == 0 ? setting("ISCSI_SEEDS", 200) : only;
    std::uint64_t logins = 0;
    for (auto seed = first; seed <= last && !HasFailure(); ++seed) {
        SCOPED_TRACE("ISCSI_SEED=" + std::to_string(seed));
        simulation one(seed);
        one.run();
        logins += one.logins();
    }
    if (last - first >= 100) {
        EXPECT_GT(logins, 2 * last) << "wires that hold prove little";
    }
}

} // namespace
} // namespace iscsi::test
