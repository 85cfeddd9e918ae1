#include "iscsid/session/supervisor.hpp"

#include "iscsid/session/reach.hpp"

#include "libiscsi/core/login/login.hpp"
#include "libiscsi/scsi/lun.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

namespace iscsid::session {

namespace asio = boost::asio;
namespace net = iscsi::net;

namespace {

bool is_about_names(const iscsi::fault& why) {
    return why.code.category() == iscsi::enum_category<net::resolve_errc>::instance();
}

std::string_view words_of(scsi::attention what) {
    switch (what) {
    case scsi::attention::medium_changed:
        return "the medium may have changed";
    case scsi::attention::reset:
        return "it was reset";
    case scsi::attention::mode_changed:
        return "mode parameters changed";
    case scsi::attention::reservations_changed:
        return "reservations changed";
    case scsi::attention::access_state_changed:
        return "asymmetric access state changed";
    case scsi::attention::capacity_changed:
        return "capacity changed";
    case scsi::attention::commands_cleared:
        return "commands cleared by another initiator";
    case scsi::attention::thin_threshold:
        return "the thin pool runs full";
    case scsi::attention::inquiry_changed:
        return "inquiry data changed";
    case scsi::attention::luns_changed:
        return "reported LUNs changed";
    case scsi::attention::deferred_error:
        return "an earlier write has failed: data may be lost";
    case scsi::attention::none:
    case scsi::attention::other:
        break;
    }
    return "unit attention";
}

bool means_another_look(scsi::attention what) {
    return what == scsi::attention::capacity_changed || what == scsi::attention::inquiry_changed ||
           what == scsi::attention::luns_changed || what == scsi::attention::medium_changed;
}

} // namespace

supervisor::supervisor(charge what, executors where, ears to)
    : charge_(std::move(what))
    , where_(std::move(where))
    , ears_(std::move(to))
    , logged_out_(where_.control)
    , home_portal_(portal_of(charge_.plan.node))
    , state_(charge_.resumes ? state::reopening : state::up) {}

lane::note_handler supervisor::ear() {
    return [self = weak_from_this(), control = where_.control](lane::note note) {
        asio::post(control, [self, told = std::move(note)] {
            if (const auto alive = self.lock())
                alive->hear(told);
        });
    };
}

void supervisor::stop() {
    stopped_ = true;
    stop_.emit(asio::cancellation_type::terminal);
}

asio::awaitable<bool> supervisor::wait_for_logout(iscsi::duration limit) {
    co_return (co_await logged_out_.wait(limit)).has_value();
}

std::string_view supervisor::internal_state() const {
    switch (state_) {
    case state::up:
        return "NO CHANGE";
    case state::reopening:
        return "REOPEN";
    case state::ended:
        break;
    }
    return "CLEANUP";
}

void supervisor::hear(const lane::note& told) {
    if (told.attention)
        return tell_attention(*told.attention);
    std::visit([this](const auto& each) { on(each); }, told.what);
}

// The lane has judged it; what has changed is found by a scan.
void supervisor::tell_attention(const lane::lun_attention& about) {
    const bool bad = about.what == scsi::attention::deferred_error;
    spdlog::log(
        bad ? spdlog::level::err : spdlog::level::info,
        "session {} ({}): LUN {}: {}",
        charge_.sid,
        charge_.plan.node.target,
        scsi::lun_number(about.lun),
        words_of(about.what)
    );
    if (means_another_look(about.what))
        ears_.look_again(about.what == scsi::attention::luns_changed);
}

void supervisor::on(const iscsi::want_transport& wish) {
    if (stopped_ || state_ == state::ended)
        return;
    if (state_ == state::up)
        tell_trouble(why_lost_.empty() ? "connection lost" : why_lost_);
    state_ = state::reopening;
    const auto limit = charge_.plan.reopen_max;
    if (limit > 0 && attempts_ >= limit)
        return end("reopen_max is used up");
    if (wish.redirect && wish.redirect_is_permanent)
        home_portal_ = *wish.redirect;
    asio::co_spawn(
        where_.control,
        reconnect(shared_from_this(), wish.redirect.value_or(home_portal_)),
        asio::bind_cancellation_slot(stop_.slot(), asio::detached)
    );
}

void supervisor::on(const iscsi::want_close& lost) {
    why_lost_ = lost.why.text();
}

void supervisor::on(const iscsi::logged_in& /*again*/) {
    if (attempts_ > 0)
        spdlog::info(
            "connection{}:0 is operational after recovery ({} attempts)", charge_.sid, attempts_
        );
    attempts_ = 0;
    pause_.reset();
    why_lost_.clear();
    told_.clear();
    state_ = state::up;
    has_given_up_ = false;
    ears_.look_again(false);
}

void supervisor::on(const iscsi::login_failed& refused) {
    tell_trouble(
        refused.status_class == 0
            ? refused.why.text()
            : std::string(iscsi::login_status_text(refused.status_class, refused.status_detail))
    );
}

void supervisor::on(const iscsi::target_message& from_target) {
    spdlog::info(
        "session {} ({}): the target sent an asynchronous message, event {}",
        charge_.sid,
        charge_.plan.node.target,
        from_target.message.async_event
    );
}

void supervisor::on(const iscsi::logged_out& /*end*/) {
    logged_out_.answer()(true);
    if (!stopped_)
        end("the session was closed");
}

void supervisor::on(const iscsi::gave_up& /*unused*/) {
    spdlog::error(
        "session {} ({}): not back within the replacement timeout of {} s, I/O fails from now on",
        charge_.sid,
        charge_.plan.node.target,
        std::chrono::duration_cast<std::chrono::seconds>(charge_.plan.session.timeouts.replacement)
            .count()
    );
    has_given_up_ = true;
    ears_.look_again(false);
}

// The lane hears in any case: of the socket, or of why there is none.
asio::awaitable<void> supervisor::reconnect(std::shared_ptr<supervisor> self, iscsi::portal to) {
    if (attempts_++ > 0) {
        asio::steady_timer timer(where_.control, pause_.next());
        co_await timer.async_wait(asio::use_awaitable);
    }
    auto link = co_await connect(std::move(to));
    if (self->stopped_)
        co_return;
    if (link.has_error()) { // which comes back as login_failed
        home_->transport(charge_.sid, -1, link.error());
        co_return;
    }
    charge_.peer = link->peer;
    charge_.local = link->local;
    home_->transport(charge_.sid, net::release(link->over));
}

// When the name service is away (it may well need the very disk), the last address has to do.
asio::awaitable<iscsi::result<net::connected>> supervisor::connect(iscsi::portal to) {
    const auto options = options_of(charge_.plan);
    if (options.has_error())
        co_return options.error();
    auto link = co_await reach(std::move(to), *options, where_.resolvers);
    if (link.has_value() || !is_about_names(link.error()))
        co_return link;
    net::endpoints last(1, charge_.peer);
    co_return co_await net::connect(std::move(last), *options);
}

// Each trouble of an outage is told aloud once, not with every attempt.
void supervisor::tell_trouble(const std::string& why) {
    const bool news = std::exchange(told_, why) != why;
    spdlog::log(
        news ? spdlog::level::warn : spdlog::level::debug,
        "session {} ({} at {}): {}, trying again",
        charge_.sid,
        charge_.plan.node.target,
        charge_.plan.node.address,
        why
    );
}

void supervisor::end(std::string_view why) {
    if (state_ == state::ended)
        return;
    state_ = state::ended;
    spdlog::error(
        "session {} ({} at {}) is over: {}",
        charge_.sid,
        charge_.plan.node.target,
        charge_.plan.node.address,
        why
    );
    ears_.given_up();
}

} // namespace iscsid::session
