#include "iscsid/session/disks.hpp"

#include "iscsid/session/disk_notes.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace iscsid::session {

namespace {

// By its last name, what was told of a disk before it appeared.
struct announcement {
    std::string node;
    disk_warnings warnings;
};

// A name that was tried and taken by somebody else must not be told to udev.
disk::disk_request request_for(
    const disk_tools& with,
    const device::disk_state& state,
    std::shared_ptr<announcement> announced = std::make_shared<announcement>()
) {
    auto tell = [with, state, last = std::move(announced)](const std::string& node) {
        const auto before = std::exchange(last->node, node);
        if (with.links != nullptr && !before.empty() && before != node)
            with.links->retract(before);
        last->warnings.clear();
        return announce(with, state, node, last->warnings);
    };
    return {
        state.sid,
        state.lun,
        state.lun_number,
        state.target,
        state.properties,
        state.nonce,
        std::move(tell)};
}

// The node of some drivers is known only when it is there; udev looks at those twice. One of them
// that cannot be noted for the next daemon ends with this one.
attached_disk made_known(
    const disk_tools& with,
    device::disk_state state,
    std::shared_ptr<disk::disk> device,
    disk_warnings& warnings
) {
    const bool node_is_news = state.node != device->node();
    state.node = device->node();
    state.ends_with_daemon = !device->outlives_daemon();
    if (node_is_news && !with.driver->tells_of_appearing()) {
        warnings.clear();
        if (!announce(with, state, state.node, warnings)) {
            state.ends_with_daemon = true;
            static_cast<void>(announce(with, state, state.node, warnings));
            warnings.push_back(name_of(state) + " cannot be noted: it ends with this iscsid");
        }
        if (with.links != nullptr && !state.node.empty())
            with.links->look_again(state.node);
    }
    attached_disk made;
    made.state = std::move(state);
    made.is_ours = device->owner();
    made.device = std::move(device);
    return made;
}

iscsi::result<attached_disk> attach_one(
    const disk_tools& with, lane::lane& where, device::disk_state state, disk_warnings& warnings
) {
    if (with.driver == nullptr)
        return iscsi::fault{
            iscsi::to_error_code(disk::disk_errc::no_driver), "a new disk", "none", "a driver"};
    state.driver = with.driver->name();
    state.nonce = with.nonces == nullptr ? 0 : with.nonces->make();
    state.node.clear();
    const auto announced = std::make_shared<announcement>();
    auto made = with.driver->attach(where, request_for(with, state, announced));
    if (made.has_error()) {
        state.node = announced->node;
        forget(with, state);
        return made.error();
    }
    auto known = made_known(with, std::move(state), *std::move(made), announced->warnings);
    warnings.insert(warnings.end(), announced->warnings.begin(), announced->warnings.end());
    return known;
}

// One that is gone is made anew, by the driver of today.
iscsi::result<attached_disk> adopt_one(
    const disk_tools& with,
    lane::lane& where,
    const device::disk_state& state,
    disk_warnings& warnings
) {
    disk_tools then = with;
    then.driver = driver_of(with, state);
    if (then.driver == nullptr)
        return iscsi::fault{
            iscsi::to_error_code(disk::disk_errc::no_driver), state.node, state.driver, "it"};
    // The state first: the properties may be news, and the next daemon may come soon.
    disk_warnings told;
    const bool is_noted = announce_again(then, state, told);
    where.inherit(state.sid, state.lun);
    auto made = then.driver->adopt(where, request_for(then, state), state.node);
    if (made.has_value()) {
        auto adopted = made_known(then, state, *std::move(made), told);
        adopted.is_adopted = true;
        adopted.is_unnoted = !is_noted;
        warnings.insert(warnings.end(), told.begin(), told.end());
        return adopted;
    }
    spdlog::error(
        "LUN {}: {} cannot be taken over, a new device is made: {}",
        state.lun_number,
        state.node,
        made.error().text()
    );
    forget(with, state);
    return attach_one(with, where, state, warnings);
}

// udev has time for all of them while they are made.
template <class One>
attach_report all_of(const disk_tools& with, std::vector<device::disk_state> states, One one) {
    attach_report report;
    for (auto& each : states) {
        const auto number = each.lun_number;
        auto made = one(std::move(each), report.warnings);
        if (made.has_error())
            report.failures.push_back(fmt::format("LUN {}: {}", number, made.error().text()));
        else
            report.disks.push_back(*std::move(made));
    }
    wait_for_links(with, report.disks, report.warnings);
    return report;
}

} // namespace

std::vector<attached_disk> take_devices(std::vector<attached_disk>& from) {
    std::vector<attached_disk> taken = from;
    for (auto& each : from)
        each.device.reset();
    return taken;
}

attach_report
attach_all(const disk_tools& with, lane::lane& where, std::vector<device::disk_state> wanted) {
    return all_of(with, std::move(wanted), [&](device::disk_state state, disk_warnings& warnings) {
        return attach_one(with, where, std::move(state), warnings);
    });
}

attach_report
adopt_all(const disk_tools& with, lane::lane& where, std::vector<device::disk_state> orphans) {
    return all_of(
        with,
        std::move(orphans),
        [&](const device::disk_state& state, disk_warnings& warnings) {
            return adopt_one(with, where, state, warnings);
        }
    );
}

attach_report replace_lost(const disk_tools& with, lane::lane& where, const attached_disk& lost) {
    forget_lost(with, lost.state);
    if (const auto removed = lost.device->remove(); removed.has_error())
        spdlog::warn("{}: {}", name_of(lost.state), removed.error().text());
    return attach_all(with, where, {lost.state});
}

bool has_lost_left_device(const disk_tools& with, const device::disk_state& left) {
    const auto* const driver = driver_of(with, left);
    if (driver == nullptr)
        return false;
    const auto is_ours = driver->owner_of(request_for(with, left), left.node);
    return is_ours && !is_ours();
}

void attach_again(const disk_tools& with, lane::lane& where, std::vector<attached_disk>& disks) {
    disk_warnings warnings;
    for (auto& each : disks) {
        if (each.device)
            continue;
        auto made = attach_one(with, where, each.state, warnings);
        if (made.has_error()) {
            spdlog::error("LUN {} is not back: {}", each.state.lun_number, made.error().text());
            continue;
        }
        each.state = std::move(made->state);
        each.is_ours = std::move(made->is_ours);
        each.device = std::move(made->device);
    }
    std::erase_if(disks, [](const auto& each) { return !each.device; });
    wait_for_links(with, disks, warnings);
    for (const auto& line : warnings)
        spdlog::warn(line);
}

} // namespace iscsid::session
