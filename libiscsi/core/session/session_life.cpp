#include "libiscsi/core/session/session_life.hpp"

#include "libiscsi/core/session/faults.hpp"

#include <cassert>
#include <utility>

namespace iscsi {

void session_life::handle(happening what, instant now) {
    const auto step = advance(life_, what);
    life_ = step.next;
    perform(step.what, now);
}

void session_life::perform(action what, instant now) {
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

// ---- what the driver and the user do ----------------------------------------------------------

void session_life::resume(instant now) {
    has_been_in_ = true;
    handle(happening::start, now);
    lost_at_ = now;
    recount_replacement(now);
}

void session_life::logout(instant now) {
    closing_ = session_fault(session_errc::not_usable, "logout");
    handle(happening::logout_asked, now);
}

// While want_close is out, the driver may still write to the memory of tasks.
bool session_life::stop_waiting() {
    if (!has_been_in_ || !awaits_login(life_))
        return false;
    if (pace_.has_given_up())
        return true;
    if (life_ == life::dropping || life_ == life::redirecting)
        gives_up_ = true;
    else
        give_up({.was_asked = true});
    return true;
}

void session_life::connect_failed(const fault& why, instant now) {
    if (life_ != life::connecting)
        return;
    context_.events.push(login_failed{login_verdict::retry, 0, 0, why});
    handle(happening::connect_failed, now);
}

void session_life::transport_lost(const fault& why, instant now) {
    const bool was_in_login = life_ == life::in_login;
    context_.events.forget_want_close();
    if (phase_.text().awaits_targets())
        context_.events.push(discovery_failed{why});
    release_transport(now);
    if (was_in_login)
        context_.events.push(login_failed{login_verdict::retry, 0, 0, why});
    handle(happening::transport_lost, now);
    announce_end();
}

void session_life::on_response(const login_response& pdu, instant now) {
    auto& from = connections_.leading();
    follow(login_.on_response(pdu, from.input().kept_segment(), from), now);
}

void session_life::provide_entropy(bytes_view bytes, instant now) {
    if (life_ == life::in_login)
        follow(login_.provide_entropy(bytes, connections_.leading()), now);
}

void session_life::handle_deadline(instant now) {
    while (const auto due = alarms_.take_due(now))
        on_alarm(*due, now);
}

// ---- what the phases report -------------------------------------------------------------------

void session_life::follow(const login_news& news, instant now) {
    if (const auto* complete = std::get_if<login_complete>(&news)) {
        agreed_ = *complete;
        context_.parameters = complete->parameters;
        handle(happening::login_complete, now);
    } else if (const auto* elsewhere = std::get_if<login_redirect>(&news)) {
        redirect_ = *elsewhere;
        closing_ = session_fault(session_errc::target_closed, "login redirect", elsewhere->to.host);
        handle(happening::login_redirected, now);
    } else if (const auto* failed = std::get_if<login_failed>(&news)) {
        fail_login(*failed, now);
    }
}

void session_life::follow(const consequence& of, instant now) {
    if (const auto* wanted = std::get_if<logout_wanted>(&of)) {
        let_tasks_end(wanted->within, now);
    } else if (const auto* answered = std::get_if<logout_answered>(&of)) {
        logout_confirmed_ = answered->closed;
        pace_.order(answered->time2wait);
        closing_ = session_fault(session_errc::target_closed, "Logout Response");
        handle(happening::logout_answered, now);
    } else if (const auto* dropped = std::get_if<connection_dropped>(&of)) {
        pace_.order(dropped->time2wait);
        end_connection(dropped->why, now);
    }
}

void session_life::on_alarm(alarm which, instant now) {
    switch (which) {
    case alarm::login:
        ++context_.statistics.timeout_err;
        return fail_login(
            {login_verdict::retry, 0, 0, session_fault(session_errc::login_timeout, "login")}, now
        );
    case alarm::logout:
        return end_connection(session_fault(session_errc::logout_timeout, "Logout"), now);
    case alarm::pause:
        return handle(happening::pause_over, now);
    case alarm::replacement:
        return give_up({});
    case alarm::tasks_end:
        return handle(happening::move_asked, now);
    }
}

// ---- login ------------------------------------------------------------------------------------

void session_life::begin_login(instant now) {
    connections_.leading().restart();
    context_.window.restart();
    alarms_.set(alarm::login, now + context_.config.timeouts.login);
    follow(login_.begin(connections_.leading()), now);
}

// A session that was in once tries again whatever the target says: one that restarts may not know
// itself for a while. The first login ends for good when trying again cannot help.
void session_life::fail_login(login_failed how, instant now) {
    const bool again = how.verdict == login_verdict::retry || has_been_in_;
    closing_ = how.why;
    login_.start_over();
    context_.events.push(std::move(how));
    handle(again ? happening::login_failed : happening::login_refused, now);
}

void session_life::enter_full_feature(instant now) {
    login_.end();
    alarms_.clear(alarm::login);
    alarms_.clear(alarm::replacement);
    lost_at_.reset();
    pace_.logged_in();
    ++context_.statistics.logins;
    phase_.enter(connections_.leading(), now);
    context_.events.push(logged_in{std::exchange(has_been_in_, true), agreed_.warnings});
}

// ---- logout -----------------------------------------------------------------------------------

// The target wants us to log out within that time. Tasks get half of it to end, for what is
// unfinished then must be repeated on the next connection.
void session_life::let_tasks_end(duration within, instant now) {
    if (life_ != life::logged_in)
        return;
    phase_.tasks().sender().hold();
    alarms_.set(alarm::tasks_end, now + within / 2);
    move_when_idle(now);
}

void session_life::move_when_idle(instant now) {
    if (!alarms_.is_set(alarm::tasks_end))
        return;
    if (life_ == life::logged_in && !phase_.tasks().is_idle() && now < alarms_.at(alarm::tasks_end))
        return;
    alarms_.clear(alarm::tasks_end);
    handle(happening::move_asked, now);
}

// Leaving ends the session; moving ends this connection, and the session with it when there is no
// other (§11.14.1).
void session_life::send_logout(instant now) {
    phase_.send_logout(
        connections_.leading(),
        life_ == life::leaving ? logout_reason::close_session : logout_reason::close_connection
    );
    alarms_.set(alarm::logout, now + context_.config.timeouts.logout);
}

// ---- connections ------------------------------------------------------------------------------

void session_life::connect() {
    want_transport wish;
    if (redirect_) {
        wish.redirect = redirect_->to;
        wish.redirect_is_permanent = redirect_->permanent;
    }
    redirect_.reset(); // the attempt after this one begins at the old address (§11.13.5)
    context_.events.push(std::move(wish));
}

// The driver still has our memory: nothing ends before it says transport_lost().
void session_life::close() {
    phase_.stop();
    alarms_.end_connection();
    context_.events.push(want_close{std::exchange(closing_, {})});
}

void session_life::end_connection(fault why, instant now) {
    assert(talks(life_)); // close() stops every clock that leads here
    closing_ = std::move(why);
    handle(happening::connection_bad, now);
}

// Everything that lived on the transport ends; the tasks go back to the queue.
void session_life::release_transport(instant now) {
    connections_.restart();
    phase_.tasks().complete_released();
    phase_.tasks().park(now);
    phase_.forget();
    login_.end();
    alarms_.end_connection();
    if (gives_up_ && !ends(life_))
        give_up({.was_asked = true});
}

// ---- waiting for a better time ----------------------------------------------------------------

void session_life::pause(instant now) {
    if (has_been_in_ && !lost_at_) {
        lost_at_ = now;
        recount_replacement(now);
    }
    std::optional<duration> left;
    if (alarms_.is_set(alarm::replacement))
        left = std::chrono::duration_cast<duration>(alarms_.at(alarm::replacement) - now);
    const duration time2wait = std::chrono::seconds(context_.parameters.default_time2wait);
    alarms_.set(alarm::pause, now + pace_.pause(time2wait, left));
    login_.start_over();
}

void session_life::recount_replacement(instant now) {
    if (!lost_at_ || pace_.has_given_up())
        return;
    const auto patience = context_.config.timeouts.replacement;
    if (patience < duration::zero())
        return alarms_.clear(alarm::replacement);
    if (*lost_at_ + patience <= now)
        return give_up({});
    alarms_.set(alarm::replacement, *lost_at_ + patience);
}

// Those above us must know now; we go on trying, and work again when a login succeeds.
void session_life::give_up(gave_up how) {
    gives_up_ = false;
    alarms_.clear(alarm::replacement);
    pace_.give_up();
    how.tasks = phase_.tasks().unfinished();
    phase_.tasks().lose_all(loss_reason::not_back);
    context_.events.push(how);
}

// ---- the end ----------------------------------------------------------------------------------

void session_life::finish() {
    alarms_ = {};
    phase_.forget();
    phase_.tasks().lose_all(loss_reason::session_over);
    announce_end();
}

void session_life::announce_end() {
    if (life_ != life::over || end_announced_ || phase_.tasks().unfinished() > 0)
        return;
    end_announced_ = true;
    context_.events.push(logged_out{logout_confirmed_});
}

} // namespace iscsi
