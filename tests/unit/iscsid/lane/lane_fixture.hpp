#pragma once

#include "tests/unit/iscsid/lane/socket_target.hpp"
#include "tests/unit/iscsid/lane/test_disk.hpp"

#include "iscsid/lane/lane.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <deque>

namespace iscsid::lane::test {

inline constexpr session_key the_session = 1;
inline constexpr auto patience = std::chrono::seconds(20);

// The control thread's side: gathers notes until the test asks for them.
class note_box {
  public:
    note_handler handler() {
        return [this](note what) {
            const std::scoped_lock guard(lock_);
            notes_.push_back(std::move(what));
            arrived_.notify_all();
        };
    }

    // The first note that holds Event; those before it are thrown away.
    template <class Event>
    std::optional<note> wait_for() {
        return wait_until([](const note& each) {
            const auto* const event = std::get_if<iscsi::event>(&each.what);
            return event != nullptr && std::holds_alternative<Event>(*event);
        });
    }

    // The same for what is not an event of the session.
    template <class Content>
    std::optional<Content> wait_for_content() {
        const auto found =
            wait_until([](const note& each) { return std::holds_alternative<Content>(each.what); });
        return found ? std::optional(std::get<Content>(found->what)) : std::nullopt;
    }

  private:
    template <class Wanted>
    std::optional<note> wait_until(Wanted wanted) {
        std::unique_lock guard(lock_);
        const auto found = [&] {
            while (!notes_.empty() && !wanted(notes_.front()))
                notes_.pop_front();
            return !notes_.empty();
        };
        if (!arrived_.wait_for(guard, patience, found))
            return std::nullopt;
        note first = std::move(notes_.front());
        notes_.pop_front();
        return first;
    }

    std::mutex lock_;
    std::condition_variable arrived_;
    std::deque<note> notes_;
};

// A call that the lane answers on its own thread.
template <class Value>
class answer {
  public:
    std::function<void(Value)> callback() {
        return [promise = promise_](Value value) { promise->set_value(std::move(value)); };
    }

    Value wait() {
        auto result = promise_->get_future();
        if (result.wait_for(patience) != std::future_status::ready)
            throw std::runtime_error("the lane does not answer");
        return result.get();
    }

  private:
    std::shared_ptr<std::promise<Value>> promise_ = std::make_shared<std::promise<Value>>();
};

class done_flag {
  public:
    std::function<void()> callback() {
        return [set = answer_.callback()] { set(true); };
    }

    bool wait() { return answer_.wait(); }

  private:
    answer<bool> answer_;
};

// A lane with a session that is logged in at a target, and one disk. The parameter: epoll?
class lane_fixture : public ::testing::TestWithParam<bool> {
  protected:
    void SetUp() override {
        std::string why_not;
        auto io = make_ring(&why_not, GetParam());
        ASSERT_NE(io, nullptr);
        if (!GetParam() && io->name() != "io_uring")
            GTEST_SKIP() << "no io_uring here: " << why_not;
        engine = make_lane(std::move(io), "lane-under-test");
    }

    void TearDown() override {
        engine.reset();
        target.with([](iscsi::test::memory_target& it) {
            EXPECT_THAT(it.complaints(), ::testing::IsEmpty());
        });
    }

    static iscsi::session_config config() {
        iscsi::session_config wanted;
        wanted.initiator_name = "iqn.2026-01.org.example:initiator";
        wanted.target_name = "iqn.2026-01.org.example:memory";
        wanted.timeouts.noop_out_interval = {};
        wanted.timeouts.noop_out_timeout = {};
        wanted.offer.default_time2wait = 0; // for short tests
        return wanted;
    }

    static scsi::logical_unit properties() {
        scsi::logical_unit unit;
        unit.block_count = (16U << 20U) / 512;
        unit.write_cache_enabled = true;
        unit.thin = true;
        unit.can_unmap = true;
        unit.can_write_same_16_unmap = true;
        unit.reads_zero_after_unmap = true;
        return unit;
    }

    // The lane logs in itself.
    void adopt(iscsi::session_config wanted = config()) {
        adopt(the_session, std::move(wanted), notes);
    }

    void adopt(session_key key, iscsi::session_config wanted, note_box& told) {
        iscsi::session fresh(std::move(wanted));
        const auto now = std::chrono::steady_clock::now();
        fresh.start(now);
        while (fresh.poll_event()) {
        }
        fresh.transport_up(now);
        engine->adopt(key, std::move(fresh), target.connect(), told.handler());
        ASSERT_TRUE(told.wait_for<iscsi::logged_in>());
    }

    void attach() { engine->attach(the_session, {}, properties(), disk); }

    void adopt_and_attach() {
        adopt();
        attach();
    }

    void detach() {
        done_flag gone;
        engine->detach(disk, gone.callback());
        ASSERT_TRUE(gone.wait());
    }

    // What was asked of the lane has been done; requests of a disk come another way.
    void wait_for_lane() {
        done_flag seen;
        engine->post(seen.callback());
        EXPECT_TRUE(seen.wait());
    }

    std::future<int> start(operation op, std::uint64_t offset, std::vector<std::byte>& data) {
        block_request request;
        request.op = op;
        request.offset = offset;
        request.length = data.size();
        request.buffer = data;
        return disk.submit(request);
    }

    static int wait(std::future<int> end) {
        if (end.wait_for(patience) == std::future_status::ready)
            return end.get();
        ADD_FAILURE() << "the request does not end";
        return -1;
    }

    int run(operation op, std::uint64_t offset, std::vector<std::byte>& data) {
        return wait(start(op, offset, data));
    }

    int run(operation op, std::uint64_t offset = 0, std::uint64_t length = 0) {
        block_request request;
        request.op = op;
        request.offset = offset;
        request.length = length;
        return wait(disk.submit(request));
    }

    static std::vector<std::byte> pattern(std::size_t size, unsigned seed) {
        std::vector<std::byte> bytes(size);
        std::ranges::generate(bytes, [&seed] {
            seed = seed * 1'103'515'245U + 12'345U;
            return static_cast<std::byte>(seed >> 16U);
        });
        return bytes;
    }

    static iscsi::test::target_options options() {
        iscsi::test::target_options wanted;
        wanted.wants.default_time2wait = 0;
        return wanted;
    }

    socket_target target{options()};
    note_box notes;
    test_disk disk;
    std::unique_ptr<lane> engine; // the last member: it ends first
};

} // namespace iscsid::lane::test
