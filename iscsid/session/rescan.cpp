#include "iscsid/session/rescan.hpp"

#include "iscsid/session/disk_notes.hpp"
#include "iscsid/session/removal_wait.hpp"
#include "iscsid/session/unit_changes.hpp"
#include "iscsid/session/unit_flush.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <functional>
#include <utility>

namespace iscsid::session {

namespace {

const device::found_lun* find(const device::scan_result& seen, std::uint64_t number) {
    const auto found = std::ranges::find(seen.disks, number, &device::found_lun::number);
    return found == seen.disks.end() ? nullptr : &*found;
}

// Why there is nothing to compare it with.
std::string reason_of(const device::scan_result& seen, std::uint64_t number) {
    const auto found = std::ranges::find(seen.skipped, number, &device::skipped_lun::number);
    if (found != seen.skipped.end())
        return found->why;
    const auto silent = std::ranges::find(seen.unanswered, number, &device::unanswered_lun::number);
    if (silent != seen.unanswered.end())
        return silent->why;
    return seen.no_list.empty() ? "the target does not show it any more" : seen.no_list;
}

template <class Luns>
bool has(const Luns& luns, std::uint64_t number) {
    return std::ranges::any_of(luns, [number](const auto& each) { return each.number == number; });
}

// The target's list does not have it: neither as a disk, nor as something that was skipped, nor as
// one that gave no answer.
bool is_gone(const device::scan_result& seen, std::uint64_t number) {
    return seen.no_list.empty() && !has(seen.disks, number) && !has(seen.skipped, number) &&
           !has(seen.unanswered, number);
}

bool is_known(
    const std::vector<attached_disk>& disks,
    const std::vector<device::disk_state>& orphans,
    std::uint64_t number
) {
    const auto has_number = [number](const auto& state) { return state.lun_number == number; };
    return std::ranges::any_of(disks, has_number, &attached_disk::state) ||
           std::ranges::any_of(orphans, has_number);
}

// A smaller one may still be the same, unless it does not say its name any more: then nothing but
// vendor, product and size speaks for it.
iscsi::result<void> same_disk(const scsi::logical_unit& recorded, const scsi::logical_unit& now) {
    const bool had_name = !recorded.wwid.empty() || !recorded.serial.empty();
    const bool is_silent = had_name && now.wwid.empty() && now.serial.empty();
    auto expected = recorded;
    if (!is_silent)
        expected.block_count = std::min(recorded.block_count, now.block_count);
    return device::same_unit(expected, now);
}

// What a unit does not tell any more stays what it was, so that the next look has something to
// compare with.
scsi::logical_unit with_names_of(const scsi::logical_unit& recorded, scsi::logical_unit now) {
    if (now.wwid.empty())
        now.wwid = recorded.wwid;
    if (now.serial.empty())
        now.serial = recorded.serial;
    return now;
}

device::found_lun with_names_of(const scsi::logical_unit& recorded, device::found_lun seen) {
    seen.properties = with_names_of(recorded, std::move(seen.properties));
    return seen;
}

// An orphan becomes a disk that behaves as its LUN does now (a cache that is on must be flushed
// from the first write on). Its size and write protection are what the kernel still shows; they are
// followed when it is a disk.
device::disk_state adoptable(const device::disk_state& orphan, const scsi::logical_unit& now) {
    auto state = orphan;
    state.properties = now;
    state.properties.block_count = orphan.properties.block_count;
    state.properties.read_only = orphan.properties.read_only;
    return state;
}

// A disk whose LUN gave no answer, or was skipped, stays as it is: nothing was learned of it.
void look_at(const attached_disk& disk, const device::scan_result& seen, disk_changes& changes) {
    const auto number = disk.state.lun_number;
    if (is_gone(seen, number))
        changes.remove.push_back(number);
    const auto* const now = find(seen, number);
    if (now == nullptr)
        return;
    if (const auto same = same_disk(disk.state.properties, now->properties); !same) {
        // A unit that had gone, as one does that is being replaced, is another one from now on.
        if (!disk.is_failed || disk.unverified || disk.is_gone)
            changes.to_fail.push_back({number, same.error().text(), false});
        return;
    }
    if (disk.is_failed)
        changes.to_restore.push_back(number);
    changes.refresh.push_back(with_names_of(disk.state.properties, *now));
    if (disk.is_lost())
        changes.replace.push_back(number);
}

// Whatever was seen, the disk is taken over; only what its users hear differs.
void look_at(
    const device::disk_state& orphan, const device::scan_result& seen, disk_changes& changes
) {
    changes.adopt.push_back(orphan);
    const auto* const now = find(seen, orphan.lun_number);
    if (now == nullptr) {
        changes.to_fail.push_back({orphan.lun_number, reason_of(seen, orphan.lun_number), true});
    } else if (const auto same = same_disk(orphan.properties, now->properties); !same) {
        changes.to_fail.push_back({orphan.lun_number, same.error().text(), false});
    } else {
        const auto& found = changes.refresh.emplace_back(with_names_of(orphan.properties, *now));
        changes.adopt.back() = adoptable(orphan, found.properties);
    }
}

// One run of apply_changes().
class change_run {
  public:
    change_run(const disk_tools& with, lane::lane& where, std::vector<attached_disk> disks)
        : with_(with), lane_(where) {
        report_.disks = std::move(disks);
    }

    // The lane hears of what was seen before anything is let go or made on the strength of it.
    change_report run(disk_changes changes) {
        for (const auto& each : changes.to_fail)
            fail(each, changes.adopt);
        for (const auto& each : changes.refresh)
            lane_.refresh(changes.sid, each.lun, each.properties, each.looked_at);
        for (const auto number : changes.to_restore)
            restore(number);
        adopt(changes.adopt, changes.to_fail);
        for (const auto number : changes.replace)
            replace(number);
        for (const auto& each : changes.refresh)
            follow(each);
        for (const auto number : changes.remove)
            remove(number);
        attach(std::move(changes.attach));
        for (const auto& each : report_.disks) {
            if (each.is_failed && !each.is_gone)
                warn_of_failure(each);
            if (each.stale_size != 0)
                warn_of_size(each);
        }
        return std::move(report_);
    }

  private:
    // Their I/O fails until a look finds the old one. The lane remembers it for disks that come
    // later.
    void fail(const disk_changes::mismatch& what, const std::vector<device::disk_state>& orphans) {
        report_.troubles.push_back(fmt::format(
            "LUN {} {}: {}",
            what.lun_number,
            what.is_unknown ? "cannot be looked at, all its I/O fails until it can"
                            : "IS NOT THE DISK THAT IT WAS, all its I/O fails until that is back",
            what.why
        ));
        if (auto* const disk = disk_with(report_.disks, what.lun_number)) {
            lane_.fail_requests(disk->state.sid, disk->state.lun, EIO);
            disk->is_failed = true;
            disk->unverified = disk->is_gone = false;
        }
        for (const auto& orphan : orphans)
            if (orphan.lun_number == what.lun_number)
                lane_.fail_requests(orphan.sid, orphan.lun, EIO);
    }

    void restore(std::uint64_t number) {
        auto* const disk = disk_with(report_.disks, number);
        lane_.fail_requests(disk->state.sid, disk->state.lun, 0);
        disk->is_failed = disk->unverified = disk->is_gone = false;
        report_.news.push_back(fmt::format("LUN {} is the disk that it was, again", number));
    }

    void adopt(
        const std::vector<device::disk_state>& orphans,
        const std::vector<disk_changes::mismatch>& mismatches
    ) {
        auto adopted = adopt_all(with_, lane_, orphans);
        for (const auto& orphan : orphans)
            if (disk_with(adopted.disks, orphan.lun_number) == nullptr)
                lane_.fail_requests(orphan.sid, orphan.lun, 0);
        for (auto& each : adopted.disks) {
            const auto number = each.state.lun_number;
            const auto mismatch =
                std::ranges::find(mismatches, number, &disk_changes::mismatch::lun_number);
            each.is_failed = mismatch != mismatches.end();
            each.unverified = each.is_failed && mismatch->is_unknown;
            report_.news.push_back(name_of(each.state) + " goes on where it stopped");
        }
        take(std::move(adopted));
    }

    void replace(std::uint64_t number) {
        auto* const disk = disk_with(report_.disks, number);
        auto made = replace_lost(with_, lane_, *disk);
        for (auto& each : made.disks) {
            report_.news.push_back(fmt::format("LUN {} is {} now", number, each.state.node));
            *disk = std::move(each);
        }
        for (const auto* lines : {&made.failures, &made.warnings})
            tell(*lines);
    }

    // What the kernel, and a later daemon, must know of a look.
    void follow(const device::found_lun& seen) {
        auto* const disk = disk_with(report_.disks, seen.number);
        if (disk == nullptr || disk->is_lost() ||
            (disk->state.properties == seen.properties && !disk->is_unnoted))
            return;
        const auto was = std::exchange(disk->state.properties, seen.properties);
        if (was.block_count != seen.properties.block_count)
            resize(*disk, was);
        if (was.read_only != seen.properties.read_only)
            protect(*disk);
        if (const auto words = describe_behaviour(was, seen.properties); !words.empty())
            report_.news.push_back(fmt::format("{}: {}", name_of(disk->state), words));
        note(*disk);
    }

    // Told with each scan until it is written, and once in the log.
    void note(attached_disk& disk) {
        disk_warnings told;
        const bool is_noted = remember_news(with_, disk.state, told);
        const bool is_old = std::exchange(disk.is_unnoted, !is_noted);
        report_.warnings.insert(report_.warnings.end(), told.begin(), told.end());
        if (!is_old)
            report_.troubles.insert(report_.troubles.end(), told.begin(), told.end());
    }

    // What the driver could not follow is told with each scan until it has: the size that it shows
    // stays, and blocks beyond it are not reached.
    void resize(attached_disk& disk, const scsi::logical_unit& was) {
        const auto& now = disk.state.properties;
        const auto shown = disk.stale_size != 0 ? disk.stale_size : was.size();
        const auto done = disk.device->resize(now);
        const bool follows = done.has_value() || shown == now.size();
        disk.stale_size = follows ? 0 : shown;
        const auto line = fmt::format("{} has {} bytes now", name_of(disk.state), now.size());
        if (follows)
            report_.news.push_back(line);
        else
            report_.troubles.push_back(line + ": " + done.error().text());
    }

    // The lane refuses writes by itself; here it is what the kernel or clients show.
    void protect(const attached_disk& disk) {
        const auto& now = disk.state.properties;
        const auto line = fmt::format(
            "{} is {} now", name_of(disk.state), now.read_only ? "read-only" : "writable"
        );
        const auto done = disk.device->set_read_only(now);
        if (done)
            return report_.news.push_back(line);
        report_.troubles.push_back(line + ": " + done.error().text());
        report_.warnings.push_back(line + ", its disk does not show it: log out and in to follow");
    }

    void warn_of_failure(const attached_disk& disk) {
        report_.warnings.push_back(fmt::format(
            "{}: {}",
            name_of(disk.state),
            disk.unverified ? "all its I/O fails until the LUN can be looked at"
                            : "all its I/O fails: the LUN is not the disk that it was"
        ));
    }

    void warn_of_size(const attached_disk& disk) {
        report_.warnings.push_back(fmt::format(
            "{}: the target shows {} bytes, the disk still {}: log out and in again to follow",
            name_of(disk.state),
            disk.state.properties.size(),
            disk.stale_size
        ));
    }

    // Whoever still has it open hears errors at once: waiting for a unit that is gone helps nobody,
    // and neither does a flush of it.
    void remove(std::uint64_t number) {
        auto* const disk = disk_with(report_.disks, number);
        const auto name = name_of(disk->state);
        const auto sid = disk->state.sid;
        lane_.fail_requests(disk->state.sid, disk->state.lun, ENODEV);
        disk->is_failed = disk->is_gone = true;
        disk->unverified = false;
        if (!disk->is_lost() && is_open(disk->state.node))
            return keep_removed_unit(name + " is gone from the target, its disk stays: it is open");
        const auto silent = silent_paths(*disk);
        fail(silent, sid, ENODEV);
        auto removed = remove_all(with_, lane_, {*disk}, {});
        fail(silent, sid, 0);
        if (!removed.refusal.empty())
            return keep_removed_unit(
                name + " is gone from the target, its disk stays: " + removed.refusal
            );
        // For a unit that gets this number later.
        lane_.fail_requests(disk->state.sid, disk->state.lun, 0);
        report_.news.push_back(name + " is gone");
        for (auto* lines : {&removed.losses, &removed.notes})
            for (auto& line : *lines)
                report_.troubles.push_back(std::move(line));
        std::erase_if(report_.disks, [number](const auto& each) {
            return each.state.lun_number == number;
        });
    }

    // Of other sessions of a disk: one that is away would hold up its last flush, and with it this
    // session's other disks, until its own timeouts.
    static std::vector<unit_path> silent_paths(const attached_disk& disk) {
        std::vector<unit_command> questions;
        for (const auto& each : disk.others) {
            auto unit = disk.state;
            unit.sid = each.sid;
            unit.lun = each.lun;
            questions.emplace_back(*each.where, unit, scsi::test_unit_ready());
        }
        const auto limit = std::chrono::steady_clock::now() + presence_limit;
        std::vector<unit_path> silent;
        for (std::size_t n = 0; n < questions.size(); ++n)
            if (!questions[n].ends(limit))
                silent.push_back(disk.others[n]);
        return silent;
    }

    // Beside what those sessions have ordered themselves, which must not be lifted here.
    static void fail(const std::vector<unit_path>& paths, lane::session_key by, int error) {
        for (const auto& each : paths)
            each.where->fail_requests_for(each.sid, each.lun, by, error);
    }

    void keep_removed_unit(std::string why) {
        report_.warnings.push_back(why);
        report_.troubles.push_back(std::move(why));
    }

    void attach(std::vector<device::disk_state> wanted) {
        auto attached = attach_all(with_, lane_, std::move(wanted));
        for (const auto& each : attached.disks)
            report_.news.push_back(fmt::format(
                "LUN {} is {} now",
                each.state.lun_number,
                each.state.node.empty() ? "exported" : each.state.node
            ));
        take(std::move(attached));
    }

    void take(attach_report from) {
        for (auto& each : from.disks)
            report_.disks.push_back(std::move(each));
        for (const auto* lines : {&from.failures, &from.warnings})
            tell(*lines);
    }

    void tell(const std::vector<std::string>& lines) {
        for (auto* to : {&report_.warnings, &report_.troubles})
            to->insert(to->end(), lines.begin(), lines.end());
    }

    const disk_tools& with_;
    lane::lane& lane_;
    change_report report_;
};

} // namespace

disk_changes changes_of(
    const std::vector<attached_disk>& disks,
    const std::vector<device::disk_state>& orphans,
    const device::scan_result& seen,
    const device::disk_state& whose,
    bool attach_new
) {
    disk_changes changes;
    changes.sid = whose.sid;
    for (const auto& each : disks)
        look_at(each, seen, changes);
    for (const auto& each : orphans)
        look_at(each, seen, changes);
    for (const auto& each : seen.disks) {
        if (!attach_new || is_known(disks, orphans, each.number))
            continue;
        auto& state = changes.attach.emplace_back(whose);
        state.lun = each.lun;
        state.lun_number = each.number;
        state.properties = each.properties;
        changes.refresh.push_back(each);
    }
    return changes;
}

void leave_unanswered(disk_changes& changes, const device::scan_result& seen) {
    const auto has_answered = [&seen](const auto& of) {
        return !has(seen.unanswered, of.lun_number);
    };
    const auto left =
        std::stable_partition(changes.adopt.begin(), changes.adopt.end(), has_answered);
    changes.leave.assign(left, changes.adopt.end());
    changes.adopt.erase(left, changes.adopt.end());
    std::erase_if(changes.to_fail, std::not_fn(has_answered));
}

change_report apply_changes(
    const disk_tools& with,
    lane::lane& where,
    std::vector<attached_disk> disks,
    disk_changes changes
) {
    return change_run(with, where, std::move(disks)).run(std::move(changes));
}

} // namespace iscsid::session
