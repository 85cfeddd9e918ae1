#include "iscsid/disk/ublk_orphans.hpp"

#include "iscsid/disk/ublk_control.hpp"
#include "iscsid/os/entries.hpp"

#include <charconv>
#include <optional>
#include <string_view>

namespace iscsid::disk {

namespace {

// "ublkc12" is what a server opens; it is there from ADD_DEV on, the disk only from START_DEV on.
std::optional<std::uint32_t> number_of(std::string_view name) {
    constexpr std::string_view begin = "ublkc";
    std::uint32_t number = 0;
    const char* const end = name.data() + name.size();
    if (!name.starts_with(begin) ||
        std::from_chars(name.data() + begin.size(), end, number).ptr != end)
        return std::nullopt;
    return number;
}

std::vector<std::uint32_t> all_devices() {
    std::vector<std::uint32_t> numbers;
    for (const auto& entry : os::entries_of("/sys/class/ublk-char"))
        if (const auto number = number_of(entry.filename().native()))
            numbers.push_back(*number);
    return numbers;
}

} // namespace

std::vector<std::string>
remove_ublk_orphans(helper& waiter, const std::function<bool(std::uint64_t nonce)>& is_orphan) {
    std::vector<std::string> removed;
    const auto devices = all_devices();
    if (devices.empty())
        return removed;
    const auto control = ublk_control::open(waiter);
    if (!control)
        return removed;
    for (const auto device : devices) {
        const auto seen = control->info(device);
        if (!seen || !is_orphan(seen->server_flags))
            continue;
        static_cast<void>(control->stop(device));
        if (control->remove(device))
            removed.push_back("ublkb" + std::to_string(device));
    }
    return removed;
}

} // namespace iscsid::disk
