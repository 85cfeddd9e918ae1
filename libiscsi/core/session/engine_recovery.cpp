#include "libiscsi/core/session/engine.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace iscsi {
namespace {

using namespace std::chrono_literals;

constexpr duration shortest_pause = 1s;
constexpr duration usual_pause = 3s;
constexpr duration longest_backoff = 30s; // after giving up

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
    assert(talks(life_)); // close() stops every clock that leads here
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

// Before anything goes out again to a unit: writes of the lost connection that may still be running
// there. A unit that needed a new connection is not trusted.
void session_engine::reset_units_first(instant now) {
    const auto policy = context_.config.replay_barrier;
    for (auto& each : tasks_.units()) {
        if (!wants_reset(each.state()))
            continue;
        const bool trusted = each.is_trusted && policy == barrier_policy::automatic &&
                             !each.had_connection && !is_lost(each.state());
        if (policy == barrier_policy::none || trusted)
            each.apply(unit_event::reset_over);
        else
            management_.reset_first(each, leading(), now);
    }
}

void session_engine::trust_reinstatement(const lun_field& lun) {
    tasks_.units().of(lun).is_trusted = true;
}

// ---- waiting for a better time ----------------------------------------------------------------

void session_engine::pause(instant now) {
    if (has_been_in_ && !given_up_)
        count_down_to_replacement(now);
    alarms_.set(alarm::pause, now + pause_length(now));
    ordered_wait_.reset();
    ++failures_;
    late_failures_ += given_up_ ? 1U : 0U;
    redirects_ = 0;
}

// 1, 2, 3, 3, … s until the replacement timeout, with one try just before it; after that slower and
// slower. Time2Wait (§7.5) is the target's affair and is obeyed once: it may take the first place.
duration session_engine::pause_length(instant now) const {
    if (failures_ == 0) {
        const duration time2wait = std::chrono::seconds(context_.parameters.default_time2wait);
        return std::max(shortest_pause, ordered_wait_.value_or(time2wait));
    }
    constexpr unsigned most_doublings = 5;
    if (given_up_)
        return std::min(
            longest_backoff, usual_pause * (1U << std::min(late_failures_, most_doublings))
        );
    const auto usual = std::min<duration>(usual_pause, shortest_pause * (failures_ + 1));
    if (!alarms_.is_set(alarm::replacement))
        return usual;
    const auto left = std::chrono::duration_cast<duration>(alarms_.at(alarm::replacement) - now);
    const auto last_try = left - shortest_pause;
    return usual > last_try && last_try > duration::zero() ? last_try : usual;
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
    late_failures_ = 0;
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
