#include "libiscsi/core/session/engine.hpp"
#include "libiscsi/core/session/faults.hpp"

#include <cassert>
#include <utility>

// What moves the life of a session on (lifecycle.hpp has the table).
namespace iscsi {

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

// ---- what the phases report -------------------------------------------------------------------

void session_engine::follow(const login_news& news, instant now) {
    if (const auto* complete = std::get_if<login_complete>(&news)) {
        agreed_ = *complete;
        context_.parameters = complete->parameters;
        happen(happening::login_complete, now);
    } else if (const auto* elsewhere = std::get_if<login_redirect>(&news)) {
        redirect_ = *elsewhere;
        closing_ = session_fault(session_errc::target_closed, "login redirect", elsewhere->to.host);
        happen(happening::login_redirected, now);
    } else if (const auto* failed = std::get_if<login_failed>(&news)) {
        fail_login(*failed, now);
    }
}

void session_engine::follow(const consequence& of, instant now) {
    if (const auto* wanted = std::get_if<logout_wanted>(&of)) {
        drain(wanted->within, now);
    } else if (const auto* answered = std::get_if<logout_answered>(&of)) {
        logout_confirmed_ = answered->closed;
        pace_.order(answered->time2wait);
        closing_ = session_fault(session_errc::target_closed, "Logout Response");
        happen(happening::logout_answered, now);
    } else if (const auto* dropped = std::get_if<connection_dropped>(&of)) {
        pace_.order(dropped->time2wait);
        end_connection(dropped->why, now);
    }
}

void session_engine::on_alarm(alarm which, instant now) {
    switch (which) {
    case alarm::login:
        ++context_.statistics.timeout_err;
        return fail_login(
            {login_verdict::retry, 0, 0, session_fault(session_errc::login_timeout, "login")}, now
        );
    case alarm::logout:
        return end_connection(session_fault(session_errc::logout_timeout, "Logout"), now);
    case alarm::pause:
        return happen(happening::pause_over, now);
    case alarm::replacement:
        return give_up();
    case alarm::drain:
        return happen(happening::move_asked, now);
    }
}

// ---- login ------------------------------------------------------------------------------------

void session_engine::begin_login(instant now) {
    leading().restart();
    broken_ = false;
    context_.window.restart();
    alarms_.set(alarm::login, now + context_.config.timeouts.login);
    follow(login_.begin(leading()), now);
}

// A session that was in once tries again whatever the target says: one that restarts may not know
// itself for a while. The first login ends for good when trying again cannot help.
void session_engine::fail_login(login_failed how, instant now) {
    const bool again = how.verdict == login_verdict::retry || has_been_in_;
    closing_ = how.why;
    login_.start_over();
    context_.events.push(std::move(how));
    happen(again ? happening::login_failed : happening::login_refused, now);
}

void session_engine::enter_full_feature(instant now) {
    login_.end();
    alarms_.clear(alarm::login);
    alarms_.clear(alarm::replacement);
    pace_.logged_in();
    phase_.enter(leading(), now);
    context_.events.push(logged_in{std::exchange(has_been_in_, true), agreed_.warnings});
}

// ---- logout -----------------------------------------------------------------------------------

// The target wants us to log out within that time. Tasks get half of it to end, for what is
// unfinished then must be repeated on the next connection.
void session_engine::drain(duration within, instant now) {
    if (life_ != life::logged_in)
        return;
    phase_.tasks().sender().hold();
    alarms_.set(alarm::drain, now + within / 2);
    move_when_drained(now);
}

void session_engine::move_when_drained(instant now) {
    if (!alarms_.is_set(alarm::drain))
        return;
    if (life_ == life::logged_in && !phase_.tasks().is_drained() && now < alarms_.at(alarm::drain))
        return;
    alarms_.clear(alarm::drain);
    happen(happening::move_asked, now);
}

// Leaving ends the session; moving ends this connection, and the session with it when there is no
// other (§11.14.1).
void session_engine::send_logout(instant now) {
    phase_.send_logout(
        leading(),
        life_ == life::leaving ? logout_reason::close_session : logout_reason::close_connection
    );
    alarms_.set(alarm::logout, now + context_.config.timeouts.logout);
}

// ---- connections ------------------------------------------------------------------------------

void session_engine::connect() {
    want_transport wish;
    if (redirect_) {
        wish.redirect = redirect_->to;
        wish.redirect_is_permanent = redirect_->permanent;
    }
    redirect_.reset(); // the attempt after this one begins at the old address (§11.13.5)
    context_.events.push(std::move(wish));
}

// The driver still has our memory: nothing ends before it says transport_lost().
void session_engine::close() {
    phase_.stop();
    alarms_.clear(alarm::login);
    alarms_.clear(alarm::logout);
    alarms_.clear(alarm::drain);
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
    phase_.tasks().complete_released();
    phase_.tasks().park(now);
    phase_.forget();
    login_.end();
    alarms_.clear(alarm::login);
    alarms_.clear(alarm::logout);
    alarms_.clear(alarm::drain);
    broken_ = false;
}

// ---- waiting for a better time ----------------------------------------------------------------

void session_engine::pause(instant now) {
    if (has_been_in_ && !pace_.has_given_up())
        count_down_to_replacement(now);
    std::optional<duration> left;
    if (alarms_.is_set(alarm::replacement))
        left = std::chrono::duration_cast<duration>(alarms_.at(alarm::replacement) - now);
    const duration time2wait = std::chrono::seconds(context_.parameters.default_time2wait);
    alarms_.set(alarm::pause, now + pace_.pause(time2wait, left));
    login_.start_over();
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
    pace_.give_up();
    phase_.tasks().finish_all(task_result::lost);
    context_.events.push(gave_up{});
}

// ---- the end ----------------------------------------------------------------------------------

void session_engine::finish() {
    alarms_ = {};
    phase_.forget();
    phase_.tasks().finish_all(task_result::lost);
    announce_end();
}

// Last of all: a send may still read the memory of a task.
void session_engine::announce_end() {
    if (life_ != life::over || end_announced_ || phase_.tasks().unfinished() > 0)
        return;
    end_announced_ = true;
    context_.events.push(logged_out{logout_confirmed_});
}

} // namespace iscsi
