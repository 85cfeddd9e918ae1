#include "iscsid/session/lun_watch.hpp"

#include "iscsid/session/clock.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace iscsid::session {

namespace asio = boost::asio;
using iscsi::admin::exit_code;

lun_watch::lun_watch(subject what)
    : what_(std::move(what)), turn_(what_.with.where.control), later_(what_.with.where.control) {}

void lun_watch::follow(const supervisor& connection, std::weak_ptr<lun_watch> self) {
    connection_ = &connection;
    self_ = std::move(self);
    if (what_.with.devices == nullptr)
        return;
    devices_ = what_.with.devices->subscribe([weak = self_](std::string_view node) {
        if (const auto watch = weak.lock())
            watch->look_after_device(node);
    });
}

asio::awaitable<outcome<rescan_result>> lun_watch::look_now() {
    const auto refused = co_await take_turn();
    if (refused)
        co_return *refused;
    finds_new_luns_ = list_changed_ = true;
    if (what_.finds_new_luns) // by themselves
        co_await what_.disks.detached().clear();
    co_return co_await look_for_user();
}

asio::awaitable<outcome<rescan_result>> lun_watch::look_at_disks() {
    const auto refused = co_await take_turn();
    if (refused)
        co_return *refused;
    finds_new_luns_ = false;
    co_return co_await look_for_user();
}

asio::awaitable<outcome<rescan_result>> lun_watch::look_for_user() {
    auto told = co_await look_once();
    const auto silence = std::exchange(silence_, {}); // of this look, not of one that begins now
    end_look();
    if (told.has_error())
        co_return told.error();
    if (!silence.empty())
        co_return failure{exit_code::request_timed_out, "the target does not answer: " + silence};
    co_return rescan_result{*std::move(told)};
}

void lun_watch::look_again(bool list_changed) {
    look_again_ = true;
    list_changed_ |= list_changed;
    if (what_.now != phase::running || is_looking_)
        return;
    if (now() >= next_look_) {
        is_looking_ = true;
        asio::co_spawn(what_.with.where.control, look_in_turn(self_.lock()), asio::detached);
        return;
    }
    turn_.expires_at(next_look_); // instead of an earlier wait for the same
    turn_.async_wait([weak = self_](const boost::system::error_code& ended) {
        if (const auto self = weak.lock(); self && !ended)
            self->catch_up();
    });
}

void lun_watch::catch_up() {
    if (look_again_)
        look_again(false);
}

asio::awaitable<void> lun_watch::look_in_turn(std::shared_ptr<lun_watch> /*keeps it alive*/) {
    next_look_ = now() + what_.with.shortest_gap_of_looks;
    look_again_ = false;
    finds_new_luns_ = what_.finds_new_luns;
    const auto told = co_await look_once();
    if (told.has_error() && what_.now == phase::running)
        spdlog::warn("{}: its LUNs could not be looked at: {}", what_.name, told.error().reason);
    end_look();
}

void lun_watch::end_look() {
    is_looking_ = false;
    what_.changed.notify_all();
    catch_up();
}

// A target that has just come back may not have all its LUNs yet: the word that its list has
// changed counts for the list that is asked for after it, on that connection.
asio::awaitable<outcome<warnings>> lun_watch::look_once() {
    const bool list_changed = std::exchange(list_changed_, false);
    if (!connection_->is_up()) {
        if (connection_->has_given_up())
            co_await what_.disks.take_over_without_target();
        co_return failure{exit_code::session_not_connected, "the session is not connected"};
    }
    is_incomplete_ = false;
    silence_.clear();
    auto seen = co_await what_.disks.look();
    if (seen.has_error()) {
        is_incomplete_ |= connection_->is_up(); // nothing else will say when to look
        look_later_if_needed();
        co_return failure{exit_code::session_not_connected, seen.error().text()};
    }
    if (what_.now != phase::running) {
        look_again_ = true; // should the logout be refused
        list_changed_ |= list_changed;
        co_return failure{exit_code::session_not_connected, "the session is being logged out"};
    }
    auto all = note(*seen);
    silence_ = seen->is_silent ? seen->no_list : "";
    session_disks::scan_orders orders{what_.describe(), finds_new_luns_, list_changed};
    const auto told = co_await what_.disks.follow(*std::move(seen), std::move(orders));
    all.insert(all.end(), told.begin(), told.end());
    look_later_if_needed();
    co_return all;
}

warnings lun_watch::note(const device::scan_result& seen) {
    warnings told = device::warnings_of(seen);
    for (const auto& line : told) {
        const bool is_news = std::ranges::find(noted_, line) == noted_.end();
        const auto level = is_news ? spdlog::level::warn : spdlog::level::debug;
        spdlog::log(level, "{}: {}", what_.name, line);
    }
    for (const auto& each : seen.skipped)
        if (!each.deserves_warning)
            spdlog::debug("{}: LUN {} is no disk: {}", what_.name, each.number, each.why);
    const bool has_no_disk = what_.finds_new_luns && seen.disks.empty();
    is_incomplete_ |= has_no_disk || !seen.unanswered.empty();
    noted_ = told;
    return told;
}

void lun_watch::look_later_if_needed() {
    // Users of a disk that is left wait for the next look.
    const unsigned most_doublings = what_.disks.left_disks().empty() ? 5 : 2;
    if (!is_incomplete_ && !what_.disks.has_unverified() && !what_.disks.has_lost()) {
        looks_in_vain_ = 0;
        later_.cancel();
        return;
    }
    later_.expires_after(
        what_.with.first_pause_of_looks * (1U << std::min(looks_in_vain_++, most_doublings))
    );
    later_.async_wait([weak = self_](const boost::system::error_code& ended) {
        if (const auto self = weak.lock(); self && !ended)
            self->look_again(false);
    });
}

} // namespace iscsid::session
