#include "tests/support/target_link.hpp"

#include "libiscsi/base/serial.hpp"

#include <algorithm>
#include <utility>

// Commands whose answers wait for a word of the test.
namespace iscsi::test {

void target_link::release_held() {
    for (auto at = tasks_.begin(); at != tasks_.end();) {
        const auto now = at++;
        now->second.how.hold = false;
        if (std::exchange(now->second.held, false))
            finish(now);
    }
}

bool target_link::answer_oldest(const lun_field& lun) {
    auto oldest = tasks_.end();
    for (auto at = tasks_.begin(); at != tasks_.end(); ++at)
        if (at->second.is_ready && at->second.command.lun == lun &&
            (oldest == tasks_.end() ||
             serial_before(at->second.command.command_sn, oldest->second.command.command_sn)))
            oldest = at;
    if (oldest == tasks_.end())
        return false;
    oldest->second.how.wait = false;
    finish(oldest);
    return true;
}

void target_link::answer(std::uint64_t number) {
    const auto at = std::find_if(tasks_.begin(), tasks_.end(), [number](const auto& each) {
        return each.second.number == number;
    });
    if (at != tasks_.end())
        finish(at);
}

std::size_t target_link::held_tasks() const {
    return static_cast<std::size_t>(std::count_if(
        tasks_.begin(), tasks_.end(), [](const auto& entry) { return entry.second.held; }
    ));
}

} // namespace iscsi::test
