#include "iscsid/session/disk_notes.hpp"

#include "iscsid/session/log_subject.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace iscsid::session {

namespace {

device::disk_identity_words identity_of(const device::disk_state& state) {
    return {
        state.target, state.portal_address, state.portal_port, state.lun_number, state.properties};
}

void tell_udev(const disk_tools& with, const device::disk_state& state, disk_warnings& warnings) {
    if (with.links == nullptr || state.node.empty()) // a socket has no links
        return;
    if (const auto told = with.links->announce(state.node, identity_of(state)); !told)
        warnings.push_back(
            fmt::format("{} gets no links in /dev/disk: {}", name_of(state), told.error().text())
        );
}

} // namespace

std::string name_of(const device::disk_state& state) {
    return unit_words(state.lun_number, state.node);
}

disk::driver* driver_of(const disk_tools& with, const device::disk_state& state) {
    if (with.driver != nullptr && with.driver->name() == state.driver)
        return with.driver;
    const auto found = std::ranges::find(with.earlier, state.driver, &disk::driver::name);
    return found == with.earlier.end() ? nullptr : *found;
}

bool outlives_daemon(const disk_tools& with, const device::disk_state& state) {
    const auto* const driver = driver_of(with, state);
    return driver != nullptr && driver->can_adopt() && !state.ends_with_daemon;
}

iscsi::result<void> remember(const disk_tools& with, const device::disk_state& state) {
    if (with.registry == nullptr || !outlives_daemon(with, state))
        return {};
    return with.registry->save(state);
}

iscsi::result<void> announce(
    const disk_tools& with,
    device::disk_state state,
    const std::string& node,
    disk_warnings& warnings
) {
    state.node = node;
    if (auto noted = remember(with, state); !noted)
        return noted;
    tell_udev(with, state, warnings);
    return {};
}

bool announce_again(
    const disk_tools& with, const device::disk_state& state, disk_warnings& warnings
) {
    const bool is_noted = remember_news(with, state, warnings);
    tell_udev(with, state, warnings);
    return is_noted;
}

bool remember_news(
    const disk_tools& with, const device::disk_state& state, disk_warnings& warnings
) {
    const auto noted = remember(with, state);
    if (!noted)
        warnings.push_back(fmt::format(
            "{}: the next iscsid knows of it only what was before: {}",
            name_of(state),
            noted.error().text()
        ));
    return noted.has_value();
}

void wait_for_links(
    const disk_tools& with, const std::vector<attached_disk>& disks, disk_warnings& warnings
) {
    if (with.links == nullptr)
        return;
    std::chrono::milliseconds limit = links_limit;
    for (const auto& each : disks) {
        const auto& state = each.state;
        if (state.node.empty() || with.links->wait_for_links(state.node, limit))
            continue;
        warnings.push_back("udev has not made the links in time of " + name_of(state));
        limit = std::chrono::milliseconds(0);
    }
}

void forget_state(const disk_tools& with, const device::disk_state& state) {
    if (with.registry != nullptr)
        with.registry->forget(state.sid, state.lun_number);
}

void forget(const disk_tools& with, const device::disk_state& state) {
    forget_state(with, state);
    if (with.links != nullptr && !state.node.empty())
        with.links->retract(state.node);
}

void forget_lost(const disk_tools& with, const device::disk_state& state) {
    forget_state(with, state);
    if (with.links != nullptr && !state.node.empty())
        with.links->retract_lost(state.node, identity_of(state));
}

} // namespace iscsid::session
