#include "iscsid/session/disks.hpp"

#include "iscsid/session/disk_notes.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <set>
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

// A LUN on its way to be a disk.
struct new_disk {
    device::disk_state state;
    std::shared_ptr<announcement> announced;
    disk::disk_request request;
    shared_disks::deal_pointer deal; // nullptr: with no other session
};

new_disk prepare(const disk_tools& with, lane::lane& where, device::disk_state state) {
    if (with.driver != nullptr)
        state.driver = with.driver->name();
    state.nonce = with.nonces == nullptr ? 0 : with.nonces->make();
    state.node.clear();
    auto deal = with.shares == nullptr ? nullptr : with.shares->join(state);
    if (deal)
        state.nonce = shared_disks::nonce_of(*deal);
    auto announced = std::make_shared<announcement>();
    auto request = request_for(with, state, announced);
    if (deal)
        with.shares->offer(*deal, {&where, request});
    return {std::move(state), std::move(announced), std::move(request), std::move(deal)};
}

// The node of some drivers is known only when it is there; udev looks at those twice. One of them
// that cannot be noted for the next daemon ends with this one.
attached_disk made_known(
    const disk_tools& with, device::disk_state state, shared_disk from, disk_warnings& warnings
) {
    const std::shared_ptr<disk::disk> device = std::move(from.device);
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
    made.device = device;
    made.others = std::move(from.others);
    return made;
}

iscsi::result<shared_disk>
make_device(const disk_tools& with, lane::lane& where, const new_disk& what) {
    if (what.deal)
        return with.shares->make(what.deal, *with.driver, what.state.sid);
    auto device = with.driver->attach(where, what.request);
    if (device.has_error())
        return device.error();
    if (const auto remark = (*device)->remark(); !remark.empty())
        spdlog::info("{}: {}", (*device)->node(), remark);
    return shared_disk{*std::move(device)};
}

// What was announced is forgotten, and the mark of the other disk is not its own.
new_disk alone(const disk_tools& with, lane::lane& where, new_disk what) {
    what.state.node = what.announced->node;
    forget(with, what.state);
    disk_tools without = with;
    without.shares = nullptr;
    return prepare(without, where, std::move(what.state));
}

iscsi::result<attached_disk>
attach_one(const disk_tools& with, lane::lane& where, new_disk what, disk_warnings& warnings) {
    if (with.driver == nullptr)
        return iscsi::fault{
            iscsi::to_error_code(disk::disk_errc::no_driver), "a new disk", "none", "a driver"};
    auto made = make_device(with, where, what);
    if (made.has_error() && what.deal && shared_disks::is_of_several(*what.deal)) {
        spdlog::warn(
            "LUN {} of session {}: a disk of its own is tried, the one of several sessions failed: "
            "{}",
            what.state.lun_number,
            what.state.sid,
            made.error().text()
        );
        what = alone(with, where, std::move(what));
        made = make_device(with, where, what);
    }
    if (made.has_error()) {
        what.state.node = what.announced->node;
        forget(with, what.state);
        return made.error();
    }
    auto& told = what.announced->warnings;
    auto known = made_known(with, std::move(what.state), *std::move(made), told);
    warnings.insert(warnings.end(), told.begin(), told.end());
    return known;
}

iscsi::result<attached_disk> attach_one(
    const disk_tools& with, lane::lane& where, device::disk_state state, disk_warnings& warnings
) {
    const std::set<lane::session_key> whose{state.sid};
    auto what = prepare(with, where, std::move(state));
    if (!what.deal)
        return attach_one(with, where, std::move(what), warnings);
    const shared_disks::declaration all_offered(*with.shares, whose);
    return attach_one(with, where, std::move(what), warnings);
}

iscsi::result<shared_disk>
adopt_device(const disk_tools& with, lane::lane& where, const device::disk_state& state) {
    const auto request = request_for(with, state);
    if (with.shares != nullptr)
        return with.shares->adopt(*with.driver, {&where, request}, state.node);
    auto device = with.driver->adopt(where, request, state.node);
    if (device.has_error())
        return device.error();
    return shared_disk{*std::move(device)};
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
    auto made = adopt_device(then, where, state);
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
template <class Disks, class Number, class One>
attach_report all_of(const disk_tools& with, Disks states, Number number_of, One one) {
    attach_report report;
    for (auto& each : states) {
        const auto number = number_of(each);
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

std::vector<unit_path> units_of(lane::lane& where, const attached_disk& disk) {
    std::vector<unit_path> all{{&where, disk.state.sid, disk.state.lun}};
    all.insert(all.end(), disk.others.begin(), disk.others.end());
    return all;
}

// One that has ended is another disk for the other sessions by now, or none.
std::vector<attached_disk> shared_among(const std::vector<attached_disk>& disks) {
    std::vector<attached_disk> those;
    std::ranges::copy_if(disks, std::back_inserter(those), [](const attached_disk& each) {
        return !each.others.empty() && !each.is_lost();
    });
    return those;
}

void fail_other_paths(const attached_disk& disk, int error) {
    for (const auto& each : disk.others)
        each.where->fail_requests_for(each.sid, each.lun, disk.state.sid, error);
}

void give_up_other_paths(const attached_disk& disk) {
    fail_other_paths(disk, EIO);
    for (const auto& each : disk.others)
        each.where->give_up_unit(each.sid, each.lun);
}

attach_report
attach_all(const disk_tools& with, lane::lane& where, std::vector<device::disk_state> wanted) {
    std::vector<new_disk> all;
    std::set<lane::session_key> whose;
    for (auto& each : wanted) {
        all.push_back(prepare(with, where, std::move(each)));
        if (all.back().deal)
            whose.insert(all.back().state.sid);
    }
    std::optional<shared_disks::declaration> all_offered;
    if (with.shares != nullptr)
        all_offered.emplace(*with.shares, std::move(whose));
    return all_of(
        with,
        std::move(all),
        [](const new_disk& each) { return each.state.lun_number; },
        [&](new_disk what, disk_warnings& warnings) {
            return attach_one(with, where, std::move(what), warnings);
        }
    );
}

attach_report
adopt_all(const disk_tools& with, lane::lane& where, std::vector<device::disk_state> orphans) {
    return all_of(
        with,
        std::move(orphans),
        [](const device::disk_state& each) { return each.lun_number; },
        [&](const device::disk_state& state, disk_warnings& warnings) {
            return adopt_one(with, where, state, warnings);
        }
    );
}

attach_report replace_lost(const disk_tools& with, lane::lane& where, const attached_disk& lost) {
    forget_lost(with, lost.state);
    const bool is_accounted = lost.device->ends_with_another(); // by who has ended it
    if (const auto removed = lost.device->remove(); removed.has_error())
        spdlog::warn("{}: {}", name_of(lost.state), removed.error().text());
    if (is_accounted) // before the next disk enters its writes there
        where.forget_ledger(lost.state.sid, lost.state.lun);
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
        each.others = std::move(made->others);
        each.device = std::move(made->device);
    }
    std::erase_if(disks, [](const auto& each) { return !each.device; });
    wait_for_links(with, disks, warnings);
    for (const auto& line : warnings)
        spdlog::warn(line);
}

} // namespace iscsid::session
