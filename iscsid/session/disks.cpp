#include "iscsid/session/disks.hpp"

#include "iscsid/device/entries.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

namespace iscsid::session {

namespace {

using namespace std::chrono_literals;

constexpr auto links_limit = 10s;

// Mounted, swap, or held by another device (LVM, RAID): an exclusive open tells, without a race
// and without a walk through /sys. Reading only, so that udev does not take it for a change.
bool is_in_use(const std::string& node) {
    if (node.empty())
        return false;
    const std::string path = "/dev/" + node;
    const int fd = ::open(path.c_str(), O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == EBUSY;
    ::close(fd);
    return false;
}

std::string words_of(const attached_disk& disk, const std::string& what) {
    const auto& node = disk.device->node();
    const std::string where = node.empty() ? std::string() : " (" + node + ")";
    return fmt::format("LUN {}{}: {}", disk.state.lun_number, where, what);
}

bool is_busy(const iscsi::fault& why) {
    return why.code == iscsi::to_error_code(disk::disk_errc::busy);
}

device::disk_identity_words identity_of(const device::disk_state& state) {
    return {
        state.target, state.portal_address, state.portal_port, state.lun_number, state.properties};
}

// The driver of today may be another one, or missing.
disk::driver* driver_of(const disk_tools& with, const device::disk_state& state) {
    if (with.driver != nullptr && with.driver->name() == state.driver)
        return with.driver;
    const auto found = std::ranges::find(with.earlier, state.driver, &disk::driver::name);
    return found == with.earlier.end() ? nullptr : *found;
}

// Before anybody sees the device: what a later daemon must know, and what udev will ask for.
iscsi::result<void>
prepare(const disk_tools& with, device::disk_state state, const std::string& node) {
    state.node = node;
    if (auto noted = remember(with, state); !noted)
        return noted;
    if (with.links != nullptr)
        if (auto told = with.links->announce(node, identity_of(state)); !told)
            spdlog::warn("udev will not name {}: {}", node, told.error().text());
    return {};
}

// A name that was tried and taken by somebody else must not be told to udev.
// `announced` is the last one.
disk::disk_request request_for(
    const disk_tools& with,
    const device::disk_state& state,
    std::shared_ptr<std::string> announced = std::make_shared<std::string>()
) {
    auto announce = [with, state, last = std::move(announced)](const std::string& node) {
        const auto before = std::exchange(*last, node);
        if (with.links != nullptr && !before.empty() && before != node)
            with.links->retract(before);
        return prepare(with, state, node);
    };
    return {
        state.sid,
        state.lun,
        state.lun_number,
        state.target,
        state.properties,
        std::move(announce)};
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

attached_disk
made_known(const disk_tools& with, device::disk_state state, std::shared_ptr<disk::disk> device) {
    const bool node_is_news = state.node != device->node();
    state.node = device->node();
    if (with.links != nullptr && !state.node.empty()) {
        if (node_is_news && !with.driver->can_adopt())
            static_cast<void>(prepare(with, state, state.node));
        if (!with.links->wait_for_links(state.node, links_limit))
            spdlog::warn("udev has not made the links of {} in time", state.node);
    }
    return {std::move(state), std::move(device), false, false};
}

iscsi::result<attached_disk>
attach_one(const disk_tools& with, lane::lane& where, device::disk_state state) {
    if (with.driver == nullptr)
        return iscsi::fault{
            iscsi::to_error_code(disk::disk_errc::no_driver), "a new disk", "none", "a driver"};
    state.driver = with.driver->name();
    state.node.clear();
    const auto announced = std::make_shared<std::string>();
    auto made = with.driver->attach(where, request_for(with, state, announced));
    if (made.has_error()) {
        state.node = *announced;
        forget(with, state);
        return made.error();
    }
    return made_known(with, std::move(state), *std::move(made));
}

// One that is gone is made anew, by the driver of today.
iscsi::result<attached_disk>
adopt_one(const disk_tools& with, lane::lane& where, const device::disk_state& state) {
    disk_tools then = with;
    then.driver = driver_of(with, state);
    if (then.driver == nullptr)
        return iscsi::fault{
            iscsi::to_error_code(disk::disk_errc::no_driver), state.node, state.driver, "it"};
    // The state first: the properties may be news, and the next daemon may come soon.
    static_cast<void>(prepare(then, state, state.node));
    auto made = then.driver->adopt(where, request_for(then, state), state.node);
    if (made.has_value())
        return made_known(then, state, *std::move(made));
    spdlog::error(
        "LUN {}: {} cannot be taken over, a new device is made: {}",
        state.lun_number,
        state.node,
        made.error().text()
    );
    forget(with, state);
    return attach_one(with, where, state);
}

template <class One>
attach_report all_of(std::vector<device::disk_state> states, One one) {
    attach_report report;
    for (auto& each : states) {
        const auto number = each.lun_number;
        auto made = one(std::move(each));
        if (made.has_error())
            report.failures.push_back(fmt::format("LUN {}: {}", number, made.error().text()));
        else
            report.disks.push_back(*std::move(made));
    }
    return report;
}

void attach_again(const disk_tools& with, lane::lane& where, std::vector<attached_disk>& disks) {
    for (auto& each : disks) {
        if (each.device)
            continue;
        auto made = attach_one(with, where, each.state);
        if (made.has_error()) {
            spdlog::error("LUN {} is not back: {}", each.state.lun_number, made.error().text());
            continue;
        }
        each.state = std::move(made->state);
        each.device = std::move(made->device);
    }
    std::erase_if(disks, [](const auto& each) { return !each.device; });
}

// Busy: nothing has changed. Another fault: it is gone, but not well. Its name is free from then
// on, and may be announced for another disk.
iscsi::result<void> remove_one(const disk_tools& with, attached_disk& which) {
    if (with.links != nullptr)
        with.links->retract(which.state.node);
    auto removed = which.device->remove();
    if (removed.has_error() && is_busy(removed.error())) {
        static_cast<void>(prepare(with, which.state, which.state.node));
        return removed;
    }
    which.device.reset();
    forget_state(with, which.state);
    if (with.links != nullptr && !which.state.node.empty())
        with.links->wait_until_gone(which.state.node, links_limit);
    return removed;
}

} // namespace

std::vector<attached_disk> take_devices(std::vector<attached_disk>& from) {
    std::vector<attached_disk> taken = from;
    for (auto& each : from)
        each.device.reset();
    return taken;
}

bool outlives_daemon(const disk_tools& with, const device::disk_state& state) {
    const auto* const driver = driver_of(with, state);
    return driver != nullptr && driver->can_adopt();
}

iscsi::result<void> remember(const disk_tools& with, const device::disk_state& state) {
    if (with.registry == nullptr || !outlives_daemon(with, state))
        return {};
    return with.registry->save(state);
}

attach_report
attach_all(const disk_tools& with, lane::lane& where, std::vector<device::disk_state> wanted) {
    return all_of(std::move(wanted), [&](device::disk_state state) {
        return attach_one(with, where, std::move(state));
    });
}

attach_report
adopt_all(const disk_tools& with, lane::lane& where, std::vector<device::disk_state> orphans) {
    return all_of(std::move(orphans), [&](const device::disk_state& state) {
        return adopt_one(with, where, state);
    });
}

// The kernel does not tell who has a block device open; /proc does. Files come and go meanwhile.
bool is_open(const std::string& node) {
    namespace fs = std::filesystem;
    const std::string path = "/dev/" + node;
    std::error_code ignored;
    for (const auto& process : device::entries_of("/proc"))
        for (const auto& file : device::entries_of(process / "fd")) {
            const auto target = fs::read_symlink(file, ignored).string();
            if (target == path || target.starts_with(path + "p"))
                return !node.empty();
        }
    return false;
}

std::string user_of(const std::vector<device::disk_state>& orphans) {
    for (const auto& each : orphans)
        if (is_in_use(each.node))
            return fmt::format("LUN {} ({}): device is in use", each.lun_number, each.node);
    return {};
}

removal_report remove_all(
    const disk_tools& with, lane::lane& where, std::vector<attached_disk> disks, users whose
) {
    removal_report report;
    report.left = std::move(disks);
    // Looked at first, so that an ordinary mount is refused before anything changes.
    for (const auto& each : report.left)
        if (whose == users::are_respected && is_in_use(each.device->node())) {
            report.refusal = words_of(each, "device is in use");
            return report;
        }
    for (auto& each : report.left) {
        const std::string name = words_of(each, {});
        const auto removed = remove_one(with, each);
        if (removed.has_value())
            continue;
        if (!is_busy(removed.error())) {
            report.losses.push_back(name + removed.error().text());
        } else if (whose == users::are_ignored) {
            spdlog::warn("{}taken away from its users", name);
            forget(with, each.state);
            each.device.reset();
        } else {
            report.refusal = name + removed.error().text();
            attach_again(with, where, report.left);
            return report;
        }
    }
    report.left.clear();
    return report;
}

} // namespace iscsid::session
