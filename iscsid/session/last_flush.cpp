#include "iscsid/session/last_flush.hpp"

#include "iscsid/session/disk_notes.hpp"
#include "iscsid/session/removal.hpp"
#include "iscsid/session/unit_flush.hpp"

#include <fmt/format.h>

#include <cerrno>

namespace iscsid::session {

namespace {

// For all units together: the daemon is about to end.
constexpr std::chrono::seconds unit_limit{5};

std::vector<std::string> nodes_of(const std::vector<attached_disk>& disks) {
    std::vector<std::string> nodes;
    nodes.reserve(disks.size());
    for (const auto& each : disks)
        nodes.push_back(each.state.node);
    return nodes;
}

std::string unflushed_words(lane::lane& where, const device::disk_state& state) {
    const auto ledger = ledger_of({&where, state.sid, state.lun});
    if (!ledger)
        return "what was written since the last flush";
    const auto bytes = ledger->now().unflushed;
    return bytes == 0 ? std::string() : fmt::format("{} bytes written since the last flush", bytes);
}

last_word word_of(lane::lane& where, const flushed_disk& of, bool is_unit_flushed) {
    const auto name = name_of(of.disk.state);
    if (of.failure.empty() && is_unit_flushed)
        return {fmt::format("{}: flushed, and ended for its users", name), false};
    const std::string why = of.failure.empty() ? "the last flush was not answered" : of.failure;
    const auto unflushed = is_unit_flushed ? std::string() : unflushed_words(where, of.disk.state);
    if (of.failure.empty() && unflushed.empty())
        return {fmt::format("{}: ended for its users, with nothing to flush", name), false};
    return {
        fmt::format(
            "{}: {}what the caches of its users held may be lost: {}",
            name,
            unflushed.empty() ? unflushed : unflushed + ", and ",
            why
        ),
        true};
}

} // namespace

std::vector<disk_user>
users_of_disks(const disk_tools& with, const std::vector<attached_disk>& disks) {
    std::vector<disk_user> users;
    if (with.waiter == nullptr || disks.empty())
        return users;
    auto words = disk::users_of_nodes(*with.waiter, nodes_of(disks));
    for (std::size_t i = 0; i < disks.size(); ++i)
        if (!words[i].empty())
            users.push_back(
                {disks[i].state.lun_number, name_of(disks[i].state), std::move(words[i])}
            );
    return users;
}

std::vector<flushed_disk> flush_disks(
    const disk_tools& with, std::vector<attached_disk> disks, const disk::flush_patience& patience
) {
    std::vector<flushed_disk> flushed;
    if (with.waiter == nullptr)
        return flushed;
    const auto ends = disk::flush_nodes(*with.waiter, nodes_of(disks), patience);
    for (std::size_t i = 0; i < disks.size(); ++i) {
        flushed_disk one{std::move(disks[i]), {}, false};
        if (ends[i].has_error()) {
            one.failure = ends[i].error().text();
            one.hangs = ends[i].error().code == iscsi::to_error_code(disk::disk_errc::no_answer);
        }
        flushed.push_back(std::move(one));
    }
    return flushed;
}

// What was answered before stays with the unit, what comes later is refused: so that nothing is
// taken that nobody would flush. One whose requests fail already may be another unit.
std::vector<last_word> let_go_of(lane::lane& where, const std::vector<flushed_disk>& disks) {
    std::vector<std::optional<unit_flush>> flushes;
    for (const auto& each : disks) {
        const auto& state = each.disk.state;
        where.fail_requests(state.sid, state.lun, EIO);
        auto& flush = flushes.emplace_back();
        if (!each.hangs && !each.disk.is_failed)
            flush.emplace(where, state);
    }
    const auto end = std::chrono::steady_clock::now() + unit_limit;
    std::vector<last_word> words;
    for (std::size_t i = 0; i < disks.size(); ++i)
        words.push_back(word_of(where, disks[i], flushes[i] && flushes[i]->ends_well(end)));
    return words;
}

std::string possible_loss(lane::lane& where, const device::disk_state& state) {
    const auto words = unflushed_words(where, state);
    return words.empty() ? words : fmt::format("{}: {} may be lost", name_of(state), words);
}

} // namespace iscsid::session
