#include "iscsid/session/bounded_read.hpp"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace {

using iscsid::session::bounded_read;
using namespace std::chrono_literals;

bounded_read::reading gives(std::string text) {
    return [text = std::move(text)] { return iscsi::result<std::string>(text); };
}

TEST(bounded_read, gives_what_was_read) {
    bounded_read reads(20s);
    for (const auto* const text : {"one", "two"}) {
        const auto got = reads.run("file", gives(text));
        ASSERT_TRUE(got.has_value());
        EXPECT_EQ(**got, text);
    }
}

// Once for each file: others are read meanwhile, and the one that hangs as soon as it answers.
TEST(bounded_read, gives_a_file_up_that_hangs_and_does_not_try_it_again_meanwhile) {
    std::promise<void> answers;
    std::atomic<int> begun = 0;
    const auto hangs = [&begun, until = answers.get_future().share()] {
        ++begun;
        until.wait();
        return iscsi::result<std::string>("late");
    };
    bounded_read reads(50ms);
    EXPECT_FALSE(reads.run("hangs", hangs).has_value());
    EXPECT_FALSE(reads.run("hangs", hangs).has_value());
    EXPECT_EQ(begun, 1);
    bounded_read patient(20s);
    EXPECT_TRUE(patient.run("other", gives("text")).has_value());
    answers.set_value();
    const auto end = std::chrono::steady_clock::now() + 20s;
    std::optional<iscsi::result<std::string>> got;
    while (!got && std::chrono::steady_clock::now() < end) {
        got = reads.run("hangs", gives("now"));
        std::this_thread::sleep_for(1ms);
    }
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(**got, "now");
}

// The thread that hangs may end after the object.
TEST(bounded_read, may_end_before_a_read_does) {
    const auto answers = std::make_shared<std::promise<void>>();
    const auto ended = std::make_shared<std::promise<void>>();
    {
        bounded_read reads(1ms);
        EXPECT_FALSE(reads
                         .run(
                             "hangs",
                             [ended, until = answers->get_future().share()] {
                                 until.wait();
                                 ended->set_value();
                                 return iscsi::result<std::string>("late");
                             }
                         )
                         .has_value());
    }
    answers->set_value();
    EXPECT_EQ(ended->get_future().wait_for(20s), std::future_status::ready);
}

} // namespace
