#include "iscsid/session/removal.hpp"

#include "iscsid/disk/block_node.hpp"
#include "iscsid/os/entries.hpp"
#include "iscsid/session/disk_notes.hpp"
#include "iscsid/session/unit_flush.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <future>
#include <numeric>
#include <optional>
#include <utility>
#include <variant>

namespace iscsid::session {

namespace {

using balance = lane::write_ledger::balance;

// For an answer that comes as soon as the lane turns once.
constexpr std::chrono::seconds ledger_limit{2};

// For units that answer. It only decides the order: one that is slow is removed all the same.
constexpr std::chrono::milliseconds first_answers{500};

// For a unit whose disk was taken from its users: somebody waits for the logout.
constexpr std::chrono::seconds flush_limit{10};

bool is_in_use(const disk_tools& with, const std::string& node) {
    return with.waiter != nullptr && !node.empty() && disk::is_held_by_others(*with.waiter, node);
}

bool is(const iscsi::fault& why, disk::disk_errc code) {
    return why.code == iscsi::to_error_code(code);
}

// A disk that is gone, and the one line about it that matters, if any.
struct removed_disk {
    std::string loss;
    std::string note;
};

struct disk_in_use {
    iscsi::fault why;
};

using removal = std::variant<removed_disk, disk_in_use>;

std::string bytes_in_doubt(const balance& before, const balance& after) {
    const auto failed = after.failed - before.failed; // nobody is left who hears of these
    std::string text;
    if (after.unflushed > 0)
        text = fmt::format("{} bytes written since the last flush", after.unflushed);
    if (failed > 0)
        text +=
            fmt::format("{}{} bytes that could not be written", text.empty() ? "" : ", ", failed);
    return text;
}

removed_disk judge_flush(
    const attached_disk& disk, const balance& before, const balance& after, const std::string& why
) {
    const auto name = name_of(disk.state);
    const auto doubt = bytes_in_doubt(before, after);
    if (disk.is_gone && doubt.empty())
        return {};
    if (disk.is_gone)
        return {{}, fmt::format("{}: removed at the target, and with it {}", name, doubt)};
    const bool conflict = after.flush_error == EBADE && after.failed == before.failed;
    if (conflict)
        return {{}, fmt::format("{}: the last flush met a reservation of another initiator", name)};
    if (!doubt.empty())
        return {fmt::format("{}: {} may not be on the medium: {}", name, doubt, why), {}};
    if (disk.is_adopted && !after.was_flushed)
        return {
            fmt::format("{}: what was written before iscsid ended may be lost: {}", name, why), {}};
    return {
        {},
        fmt::format(
            "{}: the last flush failed, but no acknowledged write is missing: {}", name, why
        )};
}

// What was written to a unit, and how that stood before any disk began to go.
struct unit_account {
    disk_ledgers ledger;
    balance before;
};

disk_ledgers ledgers_of(lane::lane& where, const attached_disk& disk) {
    std::vector<disk_ledgers::pointer> all;
    for (const auto& each : units_of(where, disk))
        all.push_back(ledger_of(each));
    return disk_ledgers(std::move(all));
}

// Of all disks before the first one goes: a session that is given up meanwhile takes its ledgers
// along.
std::vector<unit_account> accounts_of(lane::lane& where, const std::vector<attached_disk>& disks) {
    std::vector<unit_account> accounts;
    accounts.reserve(disks.size());
    for (const auto& each : disks)
        accounts.push_back({ledgers_of(where, each), {}});
    return accounts;
}

// What counts while one waits for the turn of another session, which may be flushing such a disk.
disk_ledgers ledgers_of_shared(
    const std::vector<attached_disk>& disks, const std::vector<unit_account>& accounts
) {
    disk_ledgers all;
    for (std::size_t n = 0; n < disks.size(); ++n)
        if (!disks[n].others.empty())
            all.add(accounts[n].ledger);
    return all;
}

// Of one that another session has ended, or is about to end, nobody is asked: who ends it has.
bool has_users(const disk_tools& with, const attached_disk& disk) {
    if (disk.is_lost() || disk.device->ends_with_another())
        return false;
    const auto turn = disk.device->take_turn();
    return !disk.is_lost() && is_in_use(with, disk.state.node);
}

void note_balances(std::vector<unit_account>& accounts) {
    for (auto& each : accounts)
        each.before = each.ledger.now();
}

// One disk on its way out.
class one_removal {
  public:
    one_removal(
        const disk_tools& with,
        lane::lane& where,
        attached_disk& disk,
        unit_account account,
        std::shared_ptr<removal_progress> progress
    )
        : with_(with)
        , lane_(where)
        , progress_(std::move(progress))
        , disk_(disk)
        , ledger_(std::move(account.ledger))
        , before_(account.before) {
        if (progress_)
            progress_->begin(ledger_);
    }

    // Its name is free when this returns, and may be announced for another disk.
    removal run() {
        const auto& state = disk_.state;
        const bool is_lost = disk_.is_lost();
        if (is_lost)
            forget_lost(with_, state);
        else if (with_.links != nullptr && !state.node.empty())
            with_.links->retract(state.node);
        if (disk_.is_gone)
            lane_.retire(state.sid, state.lun);
        const auto removed = disk_.device->remove();
        if (removed.has_error() && is(removed.error(), disk::disk_errc::busy)) {
            stays();
            return disk_in_use{removed.error()};
        }
        disk_.device.reset();
        forget_state(with_, state);
        if (with_.links != nullptr && !state.node.empty() && !is_lost)
            with_.links->wait_until_gone(state.node, links_limit);
        return account(removed);
    }

    // Whoever uses it. The kernel does not flush it then, so the unit is asked directly: its users
    // hear errors from now on, but what they were answered before holds.
    removed_disk take_away() {
        const auto& state = disk_.state;
        spdlog::warn("{}: taken away from its users", name_of(state));
        forget(with_, state);
        disk_.device.reset();
        lane_.forget_ledger(state.sid, state.lun);
        if (!ledger_.is_flush_due() || flush_unit())
            return {};
        const auto unflushed = ledger_.now().unflushed;
        const auto doubt = unflushed > 0
                               ? fmt::format("{} bytes written since the last flush", unflushed)
                               : std::string("what was written before iscsid ended");
        if (disk_.is_gone)
            return {
                {},
                fmt::format("{}: removed at the target, and with it {}", name_of(state), doubt)};
        return {fmt::format("{}: {} may not be on the medium", name_of(state), doubt), {}};
    }

  private:
    void stays() {
        disk_warnings warnings;
        disk_.is_unnoted = !announce_again(with_, disk_.state, warnings);
        for (const auto& line : warnings)
            spdlog::warn(line);
        if (disk_.is_gone)
            lane_.fail_requests(disk_.state.sid, disk_.state.lun, ENODEV);
    }

    // False: it has not answered in time, or not well. One whose requests fail may be another one.
    bool flush_unit() {
        if (disk_.is_failed || (progress_ && progress_->is_given_up()))
            return false;
        return unit_flush(lane_, disk_.state)
            .ends_well(std::chrono::steady_clock::now() + flush_limit);
    }

    removed_disk account(const iscsi::result<void>& removed) {
        lane_.forget_ledger(disk_.state.sid, disk_.state.lun);
        if (removed.has_value() && disk_.is_gone && ledger_) // no flush of it reached the unit
            return judge_flush(disk_, before_, ledger_.now(), {});
        if (removed.has_value())
            return {};
        const auto why = removed.error().text();
        if (!ledger_ || !is(removed.error(), disk::disk_errc::flush_failed))
            return {fmt::format("{}: {}", name_of(disk_.state), why), {}};
        return judge_flush(disk_, before_, ledger_.now(), why);
    }

    const disk_tools& with_;
    lane::lane& lane_;
    std::shared_ptr<removal_progress> progress_;
    attached_disk& disk_;
    disk_ledgers ledger_;
    balance before_;
};

// What each unit is asked before its disk is removed: to flush, where there is something to flush.
// Nothing is sent to what may be another unit.
std::vector<std::optional<unit_command>> ask_all(
    lane::lane& where,
    const std::vector<attached_disk>& disks,
    const std::vector<unit_account>& accounts
) {
    std::vector<std::optional<unit_command>> questions(disks.size());
    for (std::size_t n = 0; n < disks.size(); ++n) {
        const auto& ledger = accounts[n].ledger;
        const bool is_flush_due = ledger.is_flush_due();
        if (!disks[n].is_failed)
            questions[n].emplace(
                where,
                disks[n].state,
                is_flush_due ? scsi::synchronize_cache() : scsi::test_unit_ready()
            );
    }
    return questions;
}

// The places of the disks in their order. A unit that says nothing may take all the time that a
// logout has: those that answer come before it, for what they hold would be lost with it. All are
// asked at once, so they flush side by side.
std::vector<std::size_t> order_of_removal(
    lane::lane& where,
    const std::vector<attached_disk>& disks,
    const std::vector<unit_account>& accounts
) {
    std::vector<std::size_t> order(disks.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (disks.size() < 2)
        return order;
    const auto questions = ask_all(where, disks, accounts);
    const auto limit = std::chrono::steady_clock::now() + first_answers;
    std::stable_partition(order.begin(), order.end(), [&](std::size_t n) {
        return !questions[n] || questions[n]->ends(limit);
    });
    return order;
}

void keep(removed_disk end, removal_report& report) {
    if (!end.loss.empty())
        report.losses.push_back(std::move(end.loss));
    if (!end.note.empty())
        report.notes.push_back(std::move(end.note));
}

} // namespace

// The kernel does not tell who has a block device open; /proc does. Files come and go meanwhile.
bool is_open(const std::string& node) {
    namespace fs = std::filesystem;
    if (node.empty())
        return false;
    const std::string path = "/dev/" + node;
    std::error_code ignored;
    for (const auto& process : os::entries_of("/proc"))
        for (const auto& file : os::entries_of(process / "fd")) {
            const auto target = fs::read_symlink(file, ignored).string();
            if (target == path || target.starts_with(path + "p"))
                return true;
        }
    return false;
}

std::shared_ptr<const lane::write_ledger> ledger_of(const unit_path& which) {
    using ledger = std::shared_ptr<const lane::write_ledger>;
    const auto promised = std::make_shared<std::promise<ledger>>();
    auto answer = promised->get_future();
    which.where->ledger(which.sid, which.lun, [promised](ledger found) {
        promised->set_value(std::move(found));
    });
    if (answer.wait_for(ledger_limit) != std::future_status::ready)
        return nullptr;
    return answer.get();
}

std::string user_of(const disk_tools& with, const std::vector<device::disk_state>& orphans) {
    for (const auto& each : orphans)
        if (is_in_use(with, each.node))
            return name_of(each) + ": device is in use";
    return {};
}

removal_report remove_all(
    const disk_tools& with,
    lane::lane& where,
    std::vector<attached_disk> disks,
    const removal_orders& orders
) {
    const users whose = orders.whose;
    removal_report report;
    report.left = std::move(disks);
    auto accounts = accounts_of(where, report.left);
    if (auto shared = ledgers_of_shared(report.left, accounts); shared && orders.progress)
        orders.progress->begin(std::move(shared));
    // Looked at first, so that an ordinary mount is refused before anything changes.
    for (const auto& each : report.left)
        if (whose == users::are_respected && has_users(with, each)) {
            report.refusal = name_of(each.state) + ": device is in use";
            return report;
        }
    const auto order = order_of_removal(where, report.left, accounts);
    note_balances(accounts);
    for (const std::size_t n : order) {
        auto& each = report.left[n];
        one_removal removing(with, where, each, std::move(accounts[n]), orders.progress);
        auto end = removing.run();
        if (auto* const gone = std::get_if<removed_disk>(&end)) {
            keep(std::move(*gone), report);
        } else if (whose == users::are_ignored) {
            keep(removing.take_away(), report);
        } else {
            report.refusal = name_of(each.state) + ": " + std::get<disk_in_use>(end).why.text();
            attach_again(with, where, report.left);
            return report;
        }
    }
    report.left.clear();
    return report;
}

} // namespace iscsid::session
