#include "iscsid/session/removal_wait.hpp"

#include <utility>

namespace iscsid::session {

boost::asio::awaitable<std::optional<removal_report>> wait_for_removal(
    iscsi::net::pending<removal_report>& removal,
    const removal_progress& progress,
    iscsi::duration quarter
) {
    constexpr int most_quarters = 3;
    std::optional<removal_report> report;
    std::uint64_t steps_before = 0;
    for (int waited = 0; !report; ++waited) {
        const auto steps = progress.steps();
        const bool moves = std::exchange(steps_before, steps) != steps;
        if (!moves && waited >= most_quarters)
            break;
        report = co_await removal.wait(quarter);
    }
    co_return report;
}

} // namespace iscsid::session
