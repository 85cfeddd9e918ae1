#include "iscsid/session/login_interest.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <spdlog/spdlog.h>

namespace iscsid::session {

namespace asio = boost::asio;

login_claim login_interest::claim() {
    if (auto others = state_->claims.lock())
        return others;
    // Weak: a deleter lives as long as anything that points to its claim, as the state does.
    const auto given_up =
        [session = session_, wishes = std::weak_ptr<const state>(state_), where = control_](void*) {
            const auto unwanted = session.lock();
            const auto others = wishes.lock();
            if (unwanted && others && is_being_made(unwanted->current_phase()))
                asio::co_spawn(where, end_unwanted(unwanted, others), asio::detached);
        };
    login_claim first(this, given_up); // not null: an empty one would look like none
    state_->claims = first;
    return first;
}

// Disks that are being made are waited for; who joins until then keeps them.
asio::awaitable<void> login_interest::end_unwanted(
    std::shared_ptr<live_session> session, std::shared_ptr<const state> wishes
) {
    if (session->current_phase() == phase::attaching)
        static_cast<void>(co_await session->login_end());
    if (wishes->is_kept || !wishes->claims.expired())
        co_return;
    spdlog::info("{}: whoever asked for the login has gone, it is cancelled", session->name());
    const auto gone = co_await session->log_out();
    if (gone.has_error())
        spdlog::warn("{} stays: {}", session->name(), gone.error().reason);
}

} // namespace iscsid::session
