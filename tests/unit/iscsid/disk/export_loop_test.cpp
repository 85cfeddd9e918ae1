#include "iscsid/disk/export_loop.hpp"
#include "iscsid/disk/kernel/waiting.hpp"

#include <gtest/gtest.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <atomic>
#include <future>

namespace {

using iscsid::disk::export_loop;
using iscsid::disk::wait_until;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Counts its turns; its bell rings on until it is watched no more.
class counting_member final : public export_loop::member {
  public:
    void turn() override {
        ++turns;
        if (on_turn)
            on_turn();
    }

    iscsid::os::descriptor bell{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    std::atomic<unsigned> turns = 0;
    std::function<void()> on_turn;
};

class export_loop_of : public ::testing::Test {
  protected:
    export_loop_of() { loop = *export_loop::make(); }

    // On the loop's thread.
    template <class Work>
    auto call(Work work) {
        std::promise<decltype(work())> done;
        loop->mail()->post([&] { done.set_value(work()); });
        return done.get_future().get();
    }

    bool enter(counting_member& who) {
        return call([&] {
            loop->enter(who);
            return loop->watch(who, who.bell.number(), EPOLLIN);
        });
    }

    bool leave(counting_member& who) {
        return call([&] {
            loop->forget(who.bell.number());
            loop->leave(who);
            return true;
        });
    }

    std::shared_ptr<export_loop> loop;
};

TEST_F(export_loop_of, gives_turns_to_those_whose_descriptors_are_ready) {
    counting_member ready;
    counting_member idle;
    ASSERT_TRUE(enter(ready) && enter(idle));
    ::eventfd_write(ready.bell.number(), 1);
    EXPECT_TRUE(wait_until(seconds(20), [&] { return ready.turns > 1; }));
    EXPECT_TRUE(leave(ready) && leave(idle));
    const unsigned turns = ready.turns;
    EXPECT_TRUE(leave(idle)) << "twice is once, and a turn of the loop has passed";
    EXPECT_EQ(ready.turns, turns);
    EXPECT_EQ(idle.turns, 0U);
}

TEST_F(export_loop_of, gives_turns_when_their_time_has_come) {
    counting_member first;
    counting_member second;
    ASSERT_TRUE(enter(first) && enter(second));
    first.on_turn = [&] { loop->wake_at(first, std::nullopt); };
    EXPECT_TRUE(call([&] {
        const auto now = export_loop::clock::now();
        loop->wake_at(first, now + std::chrono::hours(2));
        loop->wake_at(first, now + milliseconds(20));
        loop->wake_at(second, now + std::chrono::hours(2));
        return true;
    }));
    EXPECT_TRUE(wait_until(seconds(20), [&] { return first.turns == 1; }));
    EXPECT_TRUE(leave(first) && leave(second));
    EXPECT_EQ(first.turns, 1U);
    EXPECT_EQ(second.turns, 0U);
}

// The events of both are known when the first one's turn ends the other.
TEST_F(export_loop_of, gives_no_turn_to_one_that_has_left) {
    counting_member one;
    counting_member other;
    one.on_turn = [&] { loop->leave(other); };
    other.on_turn = [&] { loop->leave(one); };
    EXPECT_TRUE(call([&] {
        for (auto* each : {&one, &other}) {
            loop->enter(*each);
            loop->watch(*each, each->bell.number(), EPOLLIN);
            ::eventfd_write(each->bell.number(), 1);
        }
        return true;
    }));
    EXPECT_TRUE(wait_until(seconds(20), [&] { return one.turns + other.turns > 0; }));
    EXPECT_TRUE(leave(one) && leave(other));
    EXPECT_TRUE(one.turns == 0 || other.turns == 0);
}

TEST_F(export_loop_of, has_no_room_for_what_cannot_be_waited_for) {
    counting_member who;
    ASSERT_TRUE(enter(who));
    EXPECT_FALSE(call([&] { return loop->watch(who, -1, EPOLLIN); }));
    EXPECT_TRUE(leave(who));
}

TEST_F(export_loop_of, destroys_what_comes_after_its_end) {
    const auto box = loop->mail();
    loop.reset();
    auto kept = std::make_shared<int>(1);
    const std::weak_ptr<int> seen = kept;
    box->post([kept = std::move(kept)] { ADD_FAILURE() << "runs on no thread"; });
    EXPECT_TRUE(seen.expired());
}

} // namespace
