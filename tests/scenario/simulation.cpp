#include "tests/support/misbehaviour.hpp"
#include "tests/support/pair.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <string>

// A session and a target on a wire that delivers late, in random pieces, and breaks at random
// places. Half of the targets are correct; the others say wrong things, lose and repeat PDUs, fall
// silent, refuse logins and send Asynchronous Messages. Everything follows from the seed:
// ISCSI_SEED=n replays one, ISCSI_SEEDS=n runs so many.
namespace iscsi::test {
namespace {

constexpr std::uint32_t disk_blocks = 2048;
constexpr std::size_t commands_of_a_run = 60;
constexpr std::uint32_t longest_delay_ms = 200;

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
        wire_.accepts_connection = [this] { return open_for_business(); };
        cut_odds_ = one_in(4) ? 0 : number(60, 2000); // not so often that no write gets through
        delay_odds_ = one_in(4) ? 0 : number(10, 200);
        if (is_correct_)
            return;
        wire_.spoil = [this](auto& said) { wrong_.spoil(said, *wire_.link()); };
        target_.intercept = [this](auto /*lun*/, const auto& cdb) { return refuse_some(cdb); };
    }

    void run() {
        ASSERT_TRUE(wire_.log_in());
        while (!is_done()) {
            if (cut_odds_ != 0 && one_in(cut_odds_))
                wire_.cut();
            if (submitted_ < commands_of_a_run && one_in(8))
                submit_something();
            if (!is_correct_ && one_in(50))
                do_something_odd();
            if (delay_odds_ != 0 && one_in(delay_odds_))
                world_.pass(std::chrono::milliseconds(number(1, longest_delay_ms)));
            const bool moved = wire_.step(world_.now() + std::chrono::minutes(10));
            ASSERT_TRUE(moved || submitted_ < commands_of_a_run)
                << world_.unfinished() << " commands hang";
            check_finished();
            ASSERT_FALSE(testing::Test::HasFailure());
        }
        check_end();
    }

    std::uint64_t logins() const { return target_.logins(); }

    std::uint64_t offences() const { return wrong_.offences(); }

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

    // ---- what a target may do ----
    bool open_for_business() {
        target_.holds_commands = false;
        target_.options().refuse_login.reset();
        if (!is_correct_ && one_in(6))
            target_.options().refuse_login = {std::uint8_t{3}, std::uint8_t{1}};
        return !one_in(4);
    }

    // BUSY, TASK SET FULL or CHECK CONDITION; only for reads, for what a repeated write has done
    // before it was refused is nobody's knowledge.
    std::optional<scsi_answer> refuse_some(const cdb_bytes& cdb) {
        constexpr std::byte read_10{0x28};
        if (cdb[0] != read_10 || !one_in(10))
            return std::nullopt;
        if (one_in(2))
            return scsi_answer::check_condition(0x06, 0x29, 0x00);
        return scsi_answer{static_cast<std::uint8_t>(one_in(2) ? 0x08 : 0x28), {}, {}};
    }

    void do_something_odd() {
        auto* const link = wire_.link();
        if (link == nullptr || !link->is_logged_in())
            return;
        if (target_.holds_commands || one_in(4)) {
            target_.holds_commands = !target_.holds_commands;
            if (!target_.holds_commands)
                link->release_held();
        } else if (one_in(3)) {
            link->ping();
        } else {
            async_message message;
            message.async_event = static_cast<std::uint8_t>(one_in(8) ? 255 : number(0, 4));
            message.parameter2 = message.parameter3 = static_cast<std::uint16_t>(number(0, 5));
            link->tell(message);
        }
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
            EXPECT_TRUE(entry.good() || may_end_otherwise(now->second, entry))
                << "command " << now->first << ": outcome " << static_cast<int>(entry.end.outcome)
                << ", status " << static_cast<int>(entry.end.status);
            if (entry.good())
                settle(now->second, entry.data);
            else if (now->second.is_write)
                copy_from_disk(now->second);
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

    // A refused read; or a task that was answered wrongly on several connections (the session does
    // not try for ever).
    bool may_end_otherwise(const piece_of_disk& what, const work& entry) const {
        if (is_correct_)
            return false;
        const bool refused = entry.end.outcome == task_result::answered && entry.end.status != 0;
        return entry.end.outcome == task_result::lost || (refused && !what.is_write);
    }

    // What became of a write that was given up is up to the target.
    void copy_from_disk(const piece_of_disk& where) {
        const auto from = static_cast<std::ptrdiff_t>(where.block * world_block_size);
        const auto length = static_cast<std::ptrdiff_t>(where.count * world_block_size);
        const auto begin = target_.disk().content().begin() + from;
        std::copy(begin, begin + length, model_.begin() + from);
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
        EXPECT_EQ(world_.engine().unfinished_tasks(), 0U);
        EXPECT_TRUE(target_.disk().content() == model_) << "the disk is not what was written";
        for (const auto& complaint : target_.complaints())
            ADD_FAILURE() << complaint;
    }

    std::mt19937 random_;
    bool is_correct_ = one_in(2);
    misbehaviour wrong_{random_, is_correct_ ? 0 : number(20, 400)};
    memory_target target_;
    session_world world_;
    pair wire_;
    std::vector<std::byte> model_;
    std::map<std::uint64_t, piece_of_disk> open_;
    std::size_t submitted_ = 0;
    std::uint32_t cut_odds_ = 0;   // 0: the wire holds
    std::uint32_t delay_odds_ = 0; // 0: no time passes while there is something to deliver
};

std::uint32_t setting(const char* name, std::uint32_t otherwise) {
    const char* const text = std::getenv(name); // NOLINT(concurrency-mt-unsafe)
    return text == nullptr ? otherwise : static_cast<std::uint32_t>(std::stoul(text));
}

// Eighths, so that they can run beside each other.
constexpr std::uint32_t shares = 8;

class simulations : public testing::TestWithParam<std::uint32_t> {};

TEST_P(simulations, memory_is_what_was_written) {
    const auto only = setting("ISCSI_SEED", 0);
    const auto seeds = setting("ISCSI_SEEDS", 1000);
    std::uint64_t runs = 0;
    std::uint64_t logins = 0;
    std::uint64_t offences = 0;
    for (auto seed = GetParam(); seed <= std::max(seeds, only) && !HasFailure(); seed += shares) {
        if (only != 0 && seed != only)
            continue;
        SCOPED_TRACE("ISCSI_SEED=" + std::to_string(seed));
        simulation one(seed);
        one.run();
        ++runs;
        logins += one.logins();
        offences += one.offences();
    }
    if (runs >= 100) {
        EXPECT_GT(logins, 2 * runs) << "wires that hold prove little";
        EXPECT_GT(offences, runs) << "so do targets that are correct";
    }
}

INSTANTIATE_TEST_SUITE_P(share, simulations, testing::Range(1U, shares + 1));

} // namespace
} // namespace iscsi::test
