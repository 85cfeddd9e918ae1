#include "tests/support/allocations.hpp"
#include "tests/unit/iscsid/lane/lane_fixture.hpp"

#include <iostream>

// What an I/O may cost (one ring call at depth 1, less than one at depth 4 and above, no
// allocation). Allocations are counted in the whole program, by thread.
namespace iscsid::lane::test {
namespace {

// Keeps `depth` requests under way on the lane's thread, and measures all but the first of them.
class steady_load final : public lane_resident, public request_owner {
  public:
    steady_load(operation op, std::size_t depth, std::size_t size)
        : op_(op), depth_(depth), size_(size), memory_(depth * size) {}

    struct cost {
        double system_calls = 0; // per request
        std::uint64_t allocations = 0;
        std::size_t failed = 0;
    };

    cost wait() { return measured_.wait(); }

    void start(ring& io, lun_port& port) override {
        io_ = &io;
        port_ = &port;
        for (std::uint64_t tag = 0; tag < depth_; ++tag)
            submit(tag);
    }

    void leave(std::function<void()> gone) override { gone(); }

    void complete(std::uint64_t tag, int error) override {
        if (error != 0)
            ++failed_;
        if (++completed_ == warm_up)
            begin();
        if (completed_ == warm_up + measured)
            end();
        if (submitted_ < warm_up + measured)
            submit(tag);
    }

  private:
    static constexpr std::size_t warm_up = 500;
    static constexpr std::size_t measured = 4000;

    void submit(std::uint64_t tag) {
        ++submitted_;
        block_request request;
        request.op = op_;
        request.offset = tag * size_;
        request.length = size_;
        request.buffer = std::span(memory_).subspan(tag * size_, size_);
        request.tag = tag;
        port_->submit(request, *this);
    }

    void begin() {
        calls_before_ = io_->system_calls();
        allocations_before_ = ::test::allocations_of_this_thread();
    }

    void end() {
        cost result;
        result.system_calls =
            static_cast<double>(io_->system_calls() - calls_before_) / double{measured};
        result.allocations = ::test::allocations_of_this_thread() - allocations_before_;
        result.failed = failed_;
        tell_(result);
    }

    operation op_;
    std::size_t depth_;
    std::size_t size_;
    std::vector<std::byte> memory_;
    ring* io_ = nullptr;
    lun_port* port_ = nullptr;
    std::size_t submitted_ = 0;
    std::size_t completed_ = 0;
    std::size_t failed_ = 0;
    std::uint64_t calls_before_ = 0;
    std::uint64_t allocations_before_ = 0;
    answer<cost> measured_;
    std::function<void(cost)> tell_ = measured_.callback();
};

class budget_test : public lane_fixture {
  protected:
    steady_load::cost measure(operation op, std::size_t depth, std::size_t size) {
        adopt();
        steady_load load(op, depth, size);
        engine->attach(the_session, {}, properties(), load);
        const auto cost = load.wait();
        done_flag gone;
        engine->detach(load, gone.callback());
        EXPECT_TRUE(gone.wait());
        RecordProperty("system_calls_per_request", std::to_string(cost.system_calls));
        std::cout << engine->ring_name() << " depth " << depth << ": " << cost.system_calls
                  << " system calls per request\n";
        EXPECT_EQ(cost.failed, 0U);
        return cost;
    }
};

TEST_P(budget_test, OneReadAtATimeCostsOneCall) {
    const auto cost = measure(operation::read, 1, 4096);
    EXPECT_EQ(cost.allocations, 0U);
    if (!GetParam()) {
        EXPECT_LE(cost.system_calls, 1.05);
    }
}

TEST_P(budget_test, OneWriteAtATimeCostsOneCall) {
    const auto cost = measure(operation::write, 1, 4096);
    EXPECT_EQ(cost.allocations, 0U);
    if (!GetParam()) {
        EXPECT_LE(cost.system_calls, 1.05);
    }
}

TEST_P(budget_test, FourReadsAtATimeShareTheirCalls) {
    const auto cost = measure(operation::read, 4, 4096);
    EXPECT_EQ(cost.allocations, 0U);
    if (!GetParam()) {
        EXPECT_LT(cost.system_calls, 1);
    }
}

TEST_P(budget_test, ManyRequestsAtATimeShareTheirCalls) {
    const auto reads = measure(operation::read, 32, 4096);
    EXPECT_EQ(reads.allocations, 0U);
    EXPECT_LT(reads.system_calls, 1);
}

TEST_P(budget_test, LargeWritesDoNotAllocate) {
    const auto writes = measure(operation::write, 4, 65536);
    EXPECT_EQ(writes.allocations, 0U);
}

INSTANTIATE_TEST_SUITE_P(Rings, budget_test, ::testing::Bool(), [](const auto& what) {
    return what.param ? "epoll" : "io_uring";
});

} // namespace
} // namespace iscsid::lane::test
