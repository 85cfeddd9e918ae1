#include "iscsid/session/detached_luns.hpp"

namespace iscsid::session {

namespace asio = boost::asio;

// A session whose disks end with the daemon ends with it, too.
bool detached_luns::is_noted() const {
    const auto& disks = with_.disks;
    return disks.registry != nullptr && disks.driver != nullptr && disks.driver->can_adopt();
}

asio::awaitable<std::string> detached_luns::add(std::uint64_t number) {
    numbers_.insert(number);
    if (!is_noted())
        co_return std::string();
    auto note = [to = with_.disks.registry, lun = device::detached_lun{sid_, number}] {
        const auto noted = to->save(lun);
        return noted ? std::string() : noted.error().text();
    };
    co_return co_await run_on(*with_.workers, std::move(note));
}

asio::awaitable<void> detached_luns::remove(std::uint64_t number) {
    const bool was_there = numbers_.erase(number) > 0;
    if (!was_there || !is_noted())
        co_return;
    auto forget = [to = with_.disks.registry, lun = device::detached_lun{sid_, number}] {
        to->forget(lun);
        return true;
    };
    co_await run_on(*with_.workers, std::move(forget));
}

asio::awaitable<void> detached_luns::clear() {
    while (!numbers_.empty()) {
        const auto number = *numbers_.begin();
        co_await remove(number);
    }
}

} // namespace iscsid::session
