#include "tests/unit/iscsid/session/manager_world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <future>

namespace iscsid::session {
namespace {

// One disk of the database that does not answer before it is told to.
struct slow_database : manager_world {
    void hang() {
        readers.post([until = answers.get_future().share()] { until.wait(); });
    }

    void answer() { answers.set_value(); }

    std::promise<void> answers;
};

// The disk of the database may be one of ours, and it is this thread that would bring it back.
TEST_F(slow_database, holds_up_who_asks_it_alone) {
    log_in();
    hang();
    std::optional<bool> found;
    asio::co_spawn(
        context,
        all().records().read(std::vector{node}),
        [&](auto, const auto& records) { found = records.at(0).has_value(); }
    );
    EXPECT_EQ(list().size(), 1U);
    EXPECT_EQ(log_out(1).code, admin::exit_code::success);
    EXPECT_FALSE(found);
    answer();
    ASSERT_TRUE(until([&] { return found.has_value(); }));
    EXPECT_TRUE(*found);
}

// As the caller of a verb that hangs up.
TEST_F(slow_database, may_be_left_by_who_waits_for_it) {
    hang();
    asio::cancellation_signal hangs_up;
    std::exception_ptr thrown;
    asio::co_spawn(
        context,
        all().records().read(std::vector{node}),
        asio::bind_cancellation_slot(
            hangs_up.slot(), [&](auto why, const auto& /*none*/) { thrown = why; }
        )
    );
    context.poll();
    hangs_up.emit(asio::cancellation_type::terminal);
    EXPECT_TRUE(until([&] { return thrown != nullptr; }));
    answer();
    EXPECT_EQ(log_in().code, admin::exit_code::success);
}

} // namespace
} // namespace iscsid::session
