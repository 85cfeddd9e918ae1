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

// What is to be cleaned, and with how much patience.
struct order {
    helper& waiter;
    std::string folder;
    const is_kept_function& is_kept;
    milliseconds patience;

    std::vector<fuse_mount_point> mounts() const {
        auto all = mounts_below(folder + "/");
        std::erase_if(all, [this](const auto& each) {
            const auto nonce = kept_nonce(each.source);
            return nonce && is_kept && is_kept(*nonce);
        });
        return all;
    }
};

// By the number of the mount's device. Whoever waits for a server that is no more hears of it, also
// what no signal reaches, and lets go.
void abort_connections(const order& what) {
    for (const auto& each : what.mounts())
        static_cast<void>(what.waiter.order({operation::abort, each.path}, {abort_limit}));
}

iscsi::result<void>
unbind_stale(const order& what, const std::string& node, const std::string& file) {
    constexpr const char* without_flush = "0";
    const auto patience = std::to_string(what.patience.count());
    return what.waiter.order(
        {operation::unbind_loop, node, file, without_flush, patience}, {unbind_limit}
    );
}

// Gives the backing files of the devices that somebody still has.
std::vector<std::string>
clean_loops(const order& what, const std::vector<std::string>& spared, stale_disks& found) {
    std::vector<std::string> in_use;
    for (const std::string& node : loop_nodes()) {
        std::string backing_file = backing_file_of(node);
        const bool is_left = backing_file.starts_with(what.folder + "/");
        if (!is_left || std::ranges::find(spared, backing_file) != spared.end())
            continue;
        const auto unbound = unbind_stale(what, node, backing_file);
        if (unbound) {
            found.removed.push_back(node);
        } else {
            found.in_use.push_back(unbound.error());
            in_use.push_back(std::move(backing_file));
        }
    }
    return in_use;
}

// Of all mounts but those that are to be cleaned.
std::vector<std::string> spared_by(const order& what) {
    const auto cleaned = what.mounts();
    std::vector<std::string> spared;
    for (const auto& each : mounts_below(what.folder + "/"))
        if (std::ranges::find(cleaned, each) == cleaned.end())
            spared.push_back(each.path);
    return spared;
}

// The kernel removes them when they are closed.
void let_go_of_used(const order& what) {
    const auto let_go = [&what](const std::string& ended) {
        static_cast<void>(
            what.waiter.order({operation::let_go, what.folder, ended}, {unmount_limit})
        );
    };
    let_go("");
    for (const auto& each : what.mounts())
        if (kept_nonce(each.source))
            let_go(each.path);
}

stale_disks clean(const order& what) {
    stale_disks found;
    abort_connections(what);
    const auto in_use = clean_loops(what, spared_by(what), found);
    for (const auto& each : what.mounts()) {
        if (std::ranges::find(in_use, each.path) != in_use.end())
            continue;
        if (auto gone = what.waiter.order({operation::unmount, each.path}, {unmount_limit}); gone)
            found.removed.push_back(each.path);
        else
            found.in_use.push_back(gone.error());
    }
    if (!found.in_use.empty())
        let_go_of_used(what);
    return found;
}

} // namespace

stale_disks
clean_stale(helper& waiter, const std::string& runtime_folder, const is_kept_function& is_kept) {
    return clean({waiter, disks_folder_in(runtime_folder), is_kept, patience_with_users});
}

stale_disks
give_up_disks(helper& waiter, const std::string& runtime_folder, const is_kept_function& is_kept) {
    return clean({waiter, disks_folder_in(runtime_folder), is_kept, patience_at_the_end});
}

} // namespace iscsid::disk
