#include "iscsid/driver_choice.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace iscsid {

chosen_driver choose_driver(const disk::environment& where, const iscsi::admin::config& config) {
    const std::string wanted = config.daemon_value("iscsid.disk.driver");
    std::string reason;
    auto made = disk::choose_driver(wanted, where, reason);
    if (made.has_error()) {
        spdlog::error("no disks, logins will be refused: {}", made.error().text());
        return {nullptr, made.error().text(), {}};
    }
    spdlog::info("disks: {}", reason);
    return {*std::move(made), {}, {}};
}

disk::ring_wish wanted_ring(const iscsi::admin::config& config) {
    const auto wanted = config.daemon_value("iscsid.disk.fuse_io_uring");
    if (wanted == "Yes")
        return disk::ring_wish::yes;
    return wanted == "No" ? disk::ring_wish::no : disk::ring_wish::automatic;
}

bool shares_sessions(const chosen_driver& chosen, const iscsi::admin::config& config) {
    if (config.daemon_value("iscsid.disk.share_sessions") != "Yes")
        return false;
    const bool can = chosen.driver && chosen.driver->takes_several_paths();
    if (!can)
        spdlog::warn(
            "iscsid.disk.share_sessions has no effect: only ublk makes one disk of several "
            "sessions, "
            "and the driver is {}",
            chosen.driver ? chosen.driver->name() : "none"
        );
    return can;
}

void add_earlier_drivers(
    chosen_driver& chosen,
    const std::vector<device::disk_state>& left,
    const disk::environment& where
) {
    for (const auto& state : left) {
        const auto is_it = [&state](const auto& each) { return each->name() == state.driver; };
        if ((chosen.driver && is_it(chosen.driver)) || std::ranges::any_of(chosen.earlier, is_it))
            continue;
        std::string reason;
        if (auto made = disk::choose_driver(state.driver, where, reason); made.has_value())
            chosen.earlier.push_back(*std::move(made));
    }
}

} // namespace iscsid
