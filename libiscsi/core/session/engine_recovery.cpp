#include "libiscsi/core/session/engine.hpp"

#include <algorithm>
#include <utility>

namespace iscsi {
namespace {

using namespace std::chrono_literals;

constexpr duration shortest_pause = 1s;
constexpr duration longest_backoff = 30s;

} // namespace

void session_engine::happen(happening what, instant now) {
    const auto step = advance(life_, what);
    life_ = step.next;
    perform(step.what, now);
}

void session_engine::perform(action what, instant now) {
    switch (what) {
    case action::none:
        return;
    case action::connect:
        return connect();
    case action::begin_login:
        return begin_login(now);
    case action::enter_full_feature:
        return enter_full_feature(now);
    case action::send_logout:
        return send_logout(now);
    case action::close:
        return close();
    case action::pause:
        return pause(now);
    case action::finish:
        return finish();
    }
}

void session_engine::connect() {
    want_transport wish;
    if (redirect_) {
        wish.redirect = redirect_->to;
        wish.redirect_is_permanent = redirect_->permanent;
    }
    redirect_.reset(
    ); // it holds for this attempt; the next one begins at the old address (§11.13.5)
    context_.events.push(std::move(wish));
}

// The driver still has our memory: nothing ends before it says transport_lost().
void session_engine::close() {
    keepalive_.stop();
    alarms_.clear(alarm::login);
    alarms_.clear(alarm::logout);
    alarms_.clear(alarm::drain);
    management_.forget();
    context_.events.push(want_close{std::exchange(closing_, {})});
}

// The connection is no good any more, for a reason that did not come with received bytes.
void session_engine::end_connection(fault why, instant now) {
    if (talks(life_))
        closing_ = std::move(why);
    happen(happening::connection_bad, now);
}

// Everything that lived on the transport ends; the tasks go back to the queue.
void session_engine::release_transport(instant now) {
    for (auto& each : connections_)
        each.restart();
    tasks_.complete_released();
    tasks_.park(now);
    management_.forget();
    text_.forget();
    keepalive_.stop();
    login_.reset();
    alarms_.clear(alarm::login);
    alarms_.clear(alarm::logout);
    alarms_.clear(alarm::drain);
    broken_ = false;
}

// Before anything goes out again: writes of the lost connection that may still be running.
void session_engine::settle_units(instant now) {
    auto& unsettled = tasks_.unsettled();
    if (context_.config.replay_barrier == barrier_policy::none)
        unsettled.settle_all();
    if (context_.config.replay_barrier == barrier_policy::automatic)
        for (const auto& lun : trusted_units_)
            unsettled.settle(lun);
    for (const auto& lun : unsettled.all())
        management_.drain(lun, leading(), now);
}

void session_engine::trust_reinstatement(const lun_field& lun) {
    if (std::find(trusted_units_.begin(), trusted_units_.end(), lun) == trusted_units_.end())
        trusted_units_.push_back(lun);
}

// ---- waiting for a better time ----------------------------------------------------------------

void session_engine::pause(instant now) {
    alarms_.set(alarm::pause, now + pause_length());
    ordered_wait_.reset();
    ++failures_;
    redirects_ = 0;
    if (has_been_in_ && !given_up_)
        count_down_to_replacement(now);
}

// Time2Wait (§7.5), doubled with each failure in a row.
duration session_engine::pause_length() const {
    constexpr unsigned most_doublings = 5;
    const duration time2wait = std::chrono::seconds(context_.parameters.default_time2wait);
    const auto first = std::max(shortest_pause, ordered_wait_.value_or(time2wait));
    const auto doubled = first * (1U << std::min(failures_, most_doublings));
    return std::max(first, std::min(doubled, longest_backoff));
}

void session_engine::count_down_to_replacement(instant now) {
    const auto patience = context_.config.timeouts.replacement;
    if (patience == duration::zero())
        return give_up();
    if (patience > duration::zero() && !alarms_.is_set(alarm::replacement))
        alarms_.set(alarm::replacement, now + patience);
}

// Those above us must know now; we go on trying, and work again when a login succeeds.
void session_engine::give_up() {
    given_up_ = true;
    tasks_.finish_all(task_result::lost);
    context_.events.push(gave_up{});
}

// ---- the end ----------------------------------------------------------------------------------

void session_engine::finish() {
    keepalive_.stop();
    alarms_ = {};
    management_.forget();
    text_.forget();
    tasks_.finish_all(task_result::lost);
    announce_end();
}

// Last of all: a send may still read the memory of a task.
void session_engine::announce_end() {
    if (life_ != life::over || end_announced_ || tasks_.unfinished() > 0)
        return;
    end_announced_ = true;
    context_.events.push(logged_out{logout_confirmed_});
}

} // namespace iscsi
