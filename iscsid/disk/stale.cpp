#include "iscsid/disk/stale.hpp"

#include "iscsid/disk/kernel/loop_device.hpp"
#include "iscsid/disk/kernel/mount_table.hpp"
#include "iscsid/disk/kernel/operations.hpp"

#include <algorithm>
#include <chrono>

namespace iscsid::disk {

namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr milliseconds patience_with_users = 2s;
constexpr milliseconds patience_at_the_end = 200ms; // a logout has had patience with them
constexpr auto abort_limit = 5s;
constexpr auto unbind_limit = 15s; // a device may take its time to vanish
constexpr auto unmount_limit = 10s;

// By the number of the mount's device. Whoever waits for a server that is no more hears of it, also
// what no signal reaches, and lets go.
void abort_connections(helper& waiter, const std::string& folder) {
    for (const auto& each : mounts_below(folder + "/"))
        static_cast<void>(waiter.order({operation::abort, each.path}, {abort_limit}));
}

iscsi::result<void> unbind_stale(
    helper& waiter, const std::string& node, const std::string& file, milliseconds patience
) {
    constexpr const char* without_flush = "0";
    return waiter.order(
        {operation::unbind_loop, node, file, without_flush, std::to_string(patience.count())},
        {unbind_limit}
    );
}

// Gives the backing files of the devices that somebody still has.
std::vector<std::string>
clean_loops(helper& waiter, const std::string& folder, milliseconds patience, stale_disks& found) {
    std::vector<std::string> kept;
    for (const std::string& node : loop_nodes()) {
        std::string backing_file = backing_file_of(node);
        if (!backing_file.starts_with(folder + "/"))
            continue;
        const auto unbound = unbind_stale(waiter, node, backing_file, patience);
        if (unbound) {
            found.removed.push_back(node);
        } else {
            found.in_use.push_back(unbound.error());
            kept.push_back(std::move(backing_file));
        }
    }
    return kept;
}

stale_disks clean(helper& waiter, const std::string& runtime_folder, milliseconds patience) {
    const std::string folder = disks_folder_in(runtime_folder);
    stale_disks found;
    abort_connections(waiter, folder);
    const auto kept = clean_loops(waiter, folder, patience, found);
    for (const auto& [path, connection] : mounts_below(folder + "/")) {
        if (std::ranges::find(kept, path) != kept.end())
            continue;
        if (auto gone = waiter.order({operation::unmount, path}, {unmount_limit}); gone)
            found.removed.push_back(path);
        else
            found.in_use.push_back(gone.error());
    }
    if (!found.in_use.empty())
        static_cast<void>(waiter.order({operation::let_go, folder}, {unmount_limit}));
    return found;
}

} // namespace

stale_disks clean_stale(helper& waiter, const std::string& runtime_folder) {
    return clean(waiter, runtime_folder, patience_with_users);
}

stale_disks give_up_disks(helper& waiter, const std::string& runtime_folder) {
    return clean(waiter, runtime_folder, patience_at_the_end);
}

} // namespace iscsid::disk
