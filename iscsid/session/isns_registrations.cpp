#include "iscsid/session/isns_registrations.hpp"

#include "iscsid/session/login_plan.hpp"

namespace iscsid::session {

isns_registrations::key registration_of(const discovery_plan& plan) {
    return {plan.host, plan.port, plan.session.initiator_name};
}

boost::asio::awaitable<void>
isns_registrations::wait_for_first_try(key which, iscsi::duration limit) {
    const auto is_over = [&] {
        const auto found = of_.find(which);
        return found == of_.end() || found->second.untried == 0;
    };
    co_await changed_.wait(is_over, limit);
}

isns_need::isns_need(const discovery_plan& plan, whose which)
    : among_(plan.registrations), key_(registration_of(plan)), untried_(which == whose::watch) {
    if (!among_)
        return;
    auto& needs = among_->of_[key_];
    ++needs.all;
    needs.untried += untried_ ? 1 : 0;
}

void isns_need::has_tried() {
    if (!std::exchange(untried_, false) || !among_)
        return;
    --among_->of_[key_].untried;
    among_->changed_.notify_all();
}

bool isns_need::end() {
    if (std::exchange(ended_, true))
        return false;
    has_tried();
    if (!among_)
        return true;
    const auto found = among_->of_.find(key_);
    const bool is_last = --found->second.all == 0;
    if (is_last)
        among_->of_.erase(found);
    return is_last;
}

} // namespace iscsid::session
