#include "iscsid/session/clock.hpp"
#include "iscsid/session/lun_watch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

// Anybody may unbind a loop device, disconnect an nbd device or remove a ublk device, and its name
// goes to the next one who asks.
namespace iscsid::session {

namespace asio = boost::asio;

namespace {

// Whoever does it again and again shall not have the target looked at as often.
constexpr auto patience_after_loss = std::chrono::minutes(1);

} // namespace

void lun_watch::look_after_device(std::string_view node) {
    const auto is_it = [node](const attached_disk& each) { return each.state.node == node; };
    const auto& disks = what_.disks.attached();
    if (looks_for_losses_ || (!node.empty() && std::ranges::none_of(disks, is_it)))
        return;
    looks_for_losses_ = true;
    asio::co_spawn(what_.with.where.control, look_for_losses(self_.lock()), asio::detached);
}

// A job that is under way may be the reason why a device changes: it is asked when that has ended.
asio::awaitable<void> lun_watch::look_for_losses(std::shared_ptr<lun_watch> /*keeps it alive*/) {
    const auto is_still = [this] { return !what_.disks.is_changing(); };
    co_await what_.changed.wait(is_still, very_long);
    looks_for_losses_ = false;
    const auto losses = what_.disks.note_losses();
    const auto level = what_.now == phase::running ? spdlog::level::err : spdlog::level::info;
    for (const auto& line : losses)
        spdlog::log(level, "{}: {}", what_.name, line);
    if (losses.empty())
        co_return;
    const bool is_first = now() >= last_loss_ + patience_after_loss;
    last_loss_ = now();
    if (is_first)
        look_again(false);
    else
        look_later_if_needed();
}

} // namespace iscsid::session
