#include "iscsid/left_disks.hpp"

#include "iscsid/disk/kept_file.hpp"
#include "iscsid/disk/stale.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace iscsid {

namespace {

constexpr std::string_view driver_with_descriptors = "fuse";

disk::is_kept_function is_kept_in(const sys::kept_descriptors* kept) {
    return [kept](std::uint64_t nonce) {
        return kept != nullptr && kept->has(disk::stored_name(nonce));
    };
}

// Their connections ended with the last descriptor: at a stop of the unit, or with a daemon that
// kept nothing.
void forget_ended(
    const device::registry& from, device::registry::loaded& all, const sys::kept_descriptors* kept
) {
    const auto is_kept = is_kept_in(kept);
    const auto has_ended = [&](const device::disk_state& disk) {
        return disk.driver == driver_with_descriptors && !is_kept(disk.nonce);
    };
    for (const auto& each : all.disks) {
        if (!has_ended(each))
            continue;
        spdlog::info("LUN {} ({}) of {} has ended", each.lun_number, each.node, each.target);
        from.forget(each.sid, each.lun_number);
    }
    std::erase_if(all.disks, has_ended);
}

// Nobody will answer there: the kernel ends the connection with its last descriptor.
void drop_unknown(const device::registry::loaded& all, sys::kept_descriptors& kept) {
    for (const auto& name : kept.names()) {
        const auto is_it = [&name](const device::disk_state& disk) {
            return disk.driver == driver_with_descriptors && disk::stored_name(disk.nonce) == name;
        };
        if (std::ranges::none_of(all.disks, is_it))
            kept.drop(name);
    }
}

} // namespace

device::registry::loaded
load_left_disks(const device::registry& from, sys::kept_descriptors* kept) {
    auto loaded = from.load();
    if (loaded.of_earlier_boots > 0)
        spdlog::info("{} disk(s) ended with an earlier boot", loaded.of_earlier_boots);
    for (const auto& each : loaded.bad)
        spdlog::error(
            "a disk of an earlier iscsid is not known any more, nor its session if that has no "
            "other; log in again, and remove the file: {}",
            each.text()
        );
    forget_ended(from, loaded, kept);
    if (kept != nullptr)
        drop_unknown(loaded, *kept);
    return loaded;
}

void clean_up_left_disks(
    disk::helper& waiter, const std::string& runtime_folder, const sys::kept_descriptors* kept
) {
    const auto stale = disk::clean_stale(waiter, runtime_folder, is_kept_in(kept));
    for (const auto& each : stale.removed)
        spdlog::info("removed {}, left behind by an iscsid that was killed", each);
    for (const auto& each : stale.in_use)
        spdlog::warn("left behind by an iscsid that was killed, and in use: {}", each.text());
}

void give_up_left_disks(
    disk::helper& waiter, const std::string& runtime_folder, const sys::kept_descriptors* kept
) {
    const auto given_up = disk::give_up_disks(waiter, runtime_folder, is_kept_in(kept));
    for (const auto& each : given_up.removed)
        spdlog::warn("{}: ended with its session", each);
    for (const auto& each : given_up.in_use)
        spdlog::error("in use, all its I/O fails from now on: {}", each.text());
}

} // namespace iscsid
