#include "iscsid/session/clock.hpp"
#include "iscsid/session/lun_watch.hpp"
#include "iscsid/session/removal_wait.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <utility>

// What a user asks of one LUN.
namespace iscsid::session {

namespace asio = boost::asio;
namespace net = iscsi::net;
using iscsi::admin::exit_code;

namespace {

// Why there can be no disk of what a look has found.
failure refusal_of(std::uint64_t number, const device::probed_lun& seen) {
    const auto because = [&](exit_code code) {
        return failure{code, fmt::format("LUN {}: {}", number, seen.what.why)};
    };
    if (seen.what.is == device::unit_kind::no_answer)
        return because(exit_code::request_timed_out);
    return because(seen.is_there ? exit_code::invalid_request : exit_code::no_objects_found);
}

} // namespace

asio::awaitable<std::optional<failure>> lun_watch::take_turn() {
    const auto is_free = [this] { return !is_looking_; };
    co_await what_.changed.wait(is_free, very_long); // bounded by what the look itself waits for
    if (what_.now != phase::running)
        co_return failure{exit_code::session_not_connected, "the session is being logged out"};
    is_looking_ = true;
    co_return std::nullopt;
}

asio::awaitable<outcome<lun_result>> lun_watch::attach(std::uint64_t number) {
    const auto refused = co_await take_turn();
    if (refused)
        co_return *refused;
    auto told = co_await attach_in_turn(number);
    end_look();
    co_return told;
}

asio::awaitable<outcome<lun_result>> lun_watch::attach_in_turn(std::uint64_t number) {
    auto& disks = what_.disks;
    if (const auto node = disks.disk_of(number); node && !disks.is_lost(number))
        co_return lun_result{{}, *node, false};
    if (!connection_->is_up())
        co_return failure{exit_code::session_not_connected, "the session is not connected"};
    const auto seen = co_await disks.look_at(number);
    if (seen.has_error())
        co_return failure{exit_code::session_not_connected, seen.error().text()};
    if (what_.now != phase::running)
        co_return failure{exit_code::session_not_connected, "the session is being logged out"};
    if (seen->what.is == device::unit_kind::no_answer && !connection_->is_up())
        co_return failure{
            exit_code::session_not_connected, "the session is not connected any more"};
    if (seen->what.is != device::unit_kind::disk)
        co_return refusal_of(number, *seen);
    auto whose = what_.describe();
    const auto troubles = co_await disks.attach(number, *seen, std::move(whose));
    const auto node = disks.disk_of(number);
    if (!node || disks.is_lost(number))
        co_return failure{exit_code::error, fmt::format("{}", fmt::join(troubles, "; "))};
    co_await disks.detached().remove(number);
    co_return lun_result{troubles, *node, true};
}

asio::awaitable<outcome<lun_result>> lun_watch::detach(std::uint64_t number, detach_orders how) {
    const auto refused = co_await take_turn();
    if (refused)
        co_return *refused;
    auto told = co_await detach_in_turn(number, how);
    end_look();
    co_return told;
}

// It is noted first, so that a daemon that ends in the middle brings it back at most until then.
asio::awaitable<outcome<lun_result>>
lun_watch::detach_in_turn(std::uint64_t number, detach_orders how) {
    auto& disks = what_.disks;
    const auto node = disks.disk_of(number);
    if (node && !connection_->is_up())
        co_return failure{
            exit_code::session_not_connected,
            "the session is not connected: what was written to the disk could not be flushed"};
    if (disks.is_left(number))
        co_return failure{
            exit_code::session_not_connected,
            "the disk of an earlier iscsid has not been taken over yet"};
    const auto not_noted = co_await disks.detached().add(number);
    warnings told;
    if (!not_noted.empty())
        told.push_back("the next iscsid will attach it again: " + not_noted);
    if (!node)
        co_return lun_result{std::move(told), {}, false};
    const auto end = now() + how.timeout;
    co_await disks.fail_removed_units(std::min(presence_limit, how.timeout / 4), number);
    how.timeout = std::chrono::duration_cast<iscsi::duration>(end - now());
    if (what_.now != phase::running) { // from here on nothing comes between
        co_await disks.detached().remove(number);
        co_return failure{exit_code::session_not_connected, "the session is being logged out"};
    }
    const auto report = co_await take_away(number, how);
    if (!report.refusal.empty()) {
        co_await disks.detached().remove(number);
        spdlog::warn("{}: not detached: {}", what_.name, report.refusal);
        co_return failure{exit_code::busy, report.refusal};
    }
    for (const auto& note : report.notes)
        spdlog::warn("{}: {}", what_.name, note);
    for (const auto& loss : report.losses)
        spdlog::error("{}: {}", what_.name, loss);
    spdlog::info(
        "{}: LUN {} ({}) is detached", what_.name, number, node->empty() ? "exported" : *node
    );
    if (!report.losses.empty())
        co_return failure{
            exit_code::error,
            fmt::format("detached, with losses: {}", fmt::join(report.losses, "; "))};
    told.insert(told.end(), report.notes.begin(), report.notes.end());
    co_return lun_result{std::move(told), *node, true};
}

// As a logout does it, but with the session going on. A unit that says nothing while its disk is
// flushed is given up: first what has not been sent to it, then the rest, with the unit. So the end
// comes within the time that there is, or that long after the last write or flush that succeeded.
asio::awaitable<removal_report> lun_watch::take_away(std::uint64_t number, detach_orders how) {
    auto& disks = what_.disks;
    const auto quarter = how.timeout / 4;
    net::pending<removal_report> removal(what_.with.where.control);
    const auto progress = std::make_shared<removal_progress>();
    disks.start_removal_of(number, {how.whose, progress}, removal.answer());
    auto report = co_await wait_for_removal(removal, *progress, quarter);
    if (!report) {
        spdlog::warn("{}: unfinished I/O of LUN {} is given up", what_.name, number);
        disks.give_up(number, session_disks::which::unsent);
        report = co_await removal.wait(quarter);
    }
    if (!report) {
        disks.give_up(number, session_disks::which::all);
        report = co_await removal.wait(very_long);
    }
    disks.end_removal_of(number, *report);
    co_return *std::move(report);
}

} // namespace iscsid::session
