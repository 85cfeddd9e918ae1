#include "tests/support/pair.hpp"

#include <gtest/gtest.h>

// A target that lets a write finish late: its connection is lost, the session comes back, the same
// write is repeated and answered, newer data go to the same blocks and are answered, and only then
// does the first copy of the old write land on the medium.
namespace iscsi::test {
namespace {

constexpr std::size_t size = 4096;

class late_target {
  public:
    explicit late_target(barrier_policy policy)
        : target_(late_options()), world_(with_policy(policy)), wire_(world_, target_) {}

    session_world& world() { return world_; }

    memory_target& target() { return target_; }

    // The old write is with the target, unanswered, when the connection breaks.
    void lose_a_write() {
        ASSERT_TRUE(wire_.log_in());
        target_.holds_commands = true;
        old_ = world_.write(0, old_data);
        ASSERT_TRUE(wire_.run_until([this] { return all_data_are_there(); }));
        wire_.cut();
        target_.holds_commands = false;
        ASSERT_EQ(target_.late_writes(), 1U);
    }

    void repeat_it_and_write_newer_data() {
        ASSERT_TRUE(wire_.run_until([this] { return world_.entry(old_).done; }));
        ASSERT_TRUE(world_.entry(old_).good());
        const auto newer = world_.write(0, new_data);
        ASSERT_TRUE(wire_.run_until([&] { return world_.entry(newer).done; }));
        ASSERT_TRUE(world_.entry(newer).good());
    }

    bool has(const std::vector<std::byte>& data) {
        return std::equal(data.begin(), data.end(), target_.disk().content().begin());
    }

    const std::vector<std::byte> old_data = pattern(size, 1);
    const std::vector<std::byte> new_data = pattern(size, 2);

  private:
    static target_options late_options() {
        target_options options;
        options.late_writes = true;
        return options;
    }

    static session_config with_policy(barrier_policy policy) {
        auto config = world_config();
        config.replay_barrier = policy;
        return config;
    }

    bool all_data_are_there() { return wire_.link() != nullptr && wire_.link()->held_tasks() == 1; }

    memory_target target_;
    session_world world_;
    pair wire_;
    std::uint64_t old_ = 0;
};

TEST(stale_write, wins_without_a_barrier) {
    late_target scene(barrier_policy::none);
    scene.lose_a_write();
    scene.repeat_it_and_write_newer_data();
    EXPECT_TRUE(scene.has(scene.new_data));
    scene.target().land_late_writes();
    EXPECT_TRUE(scene.has(scene.old_data)) << "this is the corruption that the barrier is for";
}

TEST(stale_write, cannot_win_behind_a_barrier) {
    for (const auto policy : {barrier_policy::automatic, barrier_policy::lu_reset}) {
        late_target scene(policy);
        scene.lose_a_write();
        scene.repeat_it_and_write_newer_data();
        EXPECT_EQ(scene.target().late_writes(), 0U) << "the reset has waited for it";
        scene.target().land_late_writes();
        EXPECT_TRUE(scene.has(scene.new_data));
        EXPECT_TRUE(scene.target().complaints().empty());
    }
}

TEST(stale_write, wins_where_a_target_is_trusted_without_reason) {
    late_target scene(barrier_policy::automatic);
    scene.world().engine().trust_reinstatement({});
    scene.lose_a_write();
    scene.repeat_it_and_write_newer_data();
    scene.target().land_late_writes();
    EXPECT_TRUE(scene.has(scene.old_data));
}

} // namespace
} // namespace iscsi::test
