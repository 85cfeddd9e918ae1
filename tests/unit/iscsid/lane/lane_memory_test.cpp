#include "tests/unit/iscsid/lane/lane_fixture.hpp"

namespace iscsid::lane::test {
namespace {

// A disk with memory to give back; counts how often it is asked.
class hoarder final : public lane_resident {
  public:
    void start(ring& io, lun_port& /*port*/) override { io_ = &io; }

    void leave(std::function<void()> gone) override { gone(); }

    bool give_back_memory(std::size_t& most) override {
        enough_at_a_time = enough_at_a_time && most >= (std::size_t{1} << 20U);
        asked.push_back(std::chrono::steady_clock::now());
        return asked.size() < times;
    }

    void use() { used_memory(); }

    // The lane's thread only, or after wait_for_lane().
    std::size_t times = 2; // until there is nothing left
    std::vector<iscsi::instant> asked;
    bool enough_at_a_time = true;
    ring* io_ = nullptr;
};

class lane_memory : public lane_fixture {
  protected:
    // The lane has asked so often.
    bool wait_until_asked(std::size_t times) {
        const auto give_up = std::chrono::steady_clock::now() + patience;
        while (std::chrono::steady_clock::now() < give_up) {
            answer<std::size_t> asked;
            engine->post([this, tell = asked.callback()] { tell(rich.asked.size()); });
            if (asked.wait() >= times)
                return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        return false;
    }

    std::uint64_t system_calls() {
        answer<std::uint64_t> calls;
        engine->post([this, tell = calls.callback()] { tell(rich.io_->system_calls()); });
        return calls.wait();
    }

    hoarder rich;
};

TEST_P(lane_memory, is_asked_for_after_use_until_nothing_is_left) {
    adopt();
    engine->attach(the_session, {}, properties(), rich);
    wait_for_lane();
    const auto used = std::chrono::steady_clock::now();
    engine->post([this] { rich.use(); });
    ASSERT_TRUE(wait_until_asked(2));
    EXPECT_GE(rich.asked.at(0) - used, std::chrono::milliseconds(400)) << "later, and";
    EXPECT_GE(rich.asked.at(1) - used, std::chrono::milliseconds(800)) << "not at once";
    EXPECT_TRUE(rich.enough_at_a_time);

    // A lane with nothing to give back sleeps: the second question is what wakes it.
    const auto calls = system_calls();
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    EXPECT_LE(system_calls() - calls, 8U);
    EXPECT_EQ(rich.asked.size(), 2U);
    done_flag gone;
    engine->detach(rich, gone.callback());
    EXPECT_TRUE(gone.wait());
}

INSTANTIATE_TEST_SUITE_P(Rings, lane_memory, ::testing::Bool(), [](const auto& which) {
    return which.param ? "epoll" : "io_uring";
});

} // namespace
} // namespace iscsid::lane::test
