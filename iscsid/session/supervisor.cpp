#include "iscsid/session/supervisor.hpp"

#include "iscsid/session/busy_poll.hpp"
#include "iscsid/session/clock.hpp"
#include "iscsid/session/io_report.hpp"
#include "iscsid/session/log_events.hpp"
#include "iscsid/session/log_subject.hpp"
#include "iscsid/session/login_failure.hpp"
#include "iscsid/session/negotiation_report.hpp"
#include "iscsid/session/reach.hpp"

#include "libiscsi/core/login/login.hpp"
#include "libiscsi/scsi/lun.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <type_traits>

namespace iscsid::session {

namespace asio = boost::asio;
namespace net = iscsi::net;

namespace {

bool is_about_names(const iscsi::fault& why) {
    return why.code.category() == iscsi::enum_category<net::resolve_errc>::instance();
}

std::string_view describe(scsi::attention what) {
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
    case scsi::attention::flush_refused:
        return "it refuses SYNCHRONIZE CACHE and tells of no write cache: taken to have none, "
               "flushes succeed from now on";
    case scsi::attention::none:
    case scsi::attention::other:
        break;
    }
    return "unit attention";
}

// Whatever may be another property of a unit now; a look refreshes all of them.
bool means_another_look(scsi::attention what) {
    return scsi::may_change_mode(what) || what == scsi::attention::capacity_changed ||
           what == scsi::attention::luns_changed;
}

spdlog::level::level_enum level_of(scsi::attention what) {
    if (what == scsi::attention::deferred_error)
        return spdlog::level::err;
    return what == scsi::attention::flush_refused ? spdlog::level::warn : spdlog::level::info;
}

// What the other end of the connection does, not the network.
bool is_by_target(const iscsi::fault& why) {
    return why.code == iscsi::to_error_code(iscsi::session_errc::target_closed) ||
           why.code == boost::system::errc::connection_reset ||
           why.code == boost::system::errc::broken_pipe;
}

} // namespace

supervisor::supervisor(subject what, executors where, listeners to)
    : subject_(std::move(what))
    , where_(std::move(where))
    , listeners_(std::move(to))
    , logged_out_(where_.control)
    , portal_(portal_of(subject_.plan->node))
    , tried_(portal_)
    , state_(subject_.resumes ? state::reopening : state::logging_in) {}

lane::note_handler supervisor::note_handler() {
    return [self = weak_from_this(), control = where_.control](lane::note note) {
        asio::post(control, [self, told = std::move(note)] {
            if (const auto alive = self.lock())
                alive->take(told);
        });
    };
}

void supervisor::stop() {
    stopped_ = true;
    stop_.emit(asio::cancellation_type::terminal);
}

asio::awaitable<bool> supervisor::wait_for_logout(iscsi::duration limit) {
    const auto answer = co_await logged_out_.wait(limit);
    logout_confirmed_ = answer.value_or(false);
    co_return answer.has_value();
}

std::string_view supervisor::internal_state() const {
    switch (state_) {
    case state::up:
    case state::logging_in:
        return "NO CHANGE";
    case state::reopening:
        return "REOPEN";
    case state::ended:
        break;
    }
    return "CLEANUP";
}

void supervisor::take(const lane::note& told) {
    const auto heed = [this]<class What>(const What& each) {
        if constexpr (std::is_same_v<What, lane::fence_moved> || std::is_same_v<What, lane::reset_ordered>)
            report(log_name(), disk_of(each.lun), each);
        else
            on(each);
    };
    std::visit(heed, told.what);
}

void supervisor::on(const iscsi::event& of_engine) {
    std::visit([this](const auto& each) { on(each); }, of_engine);
}

// The lane has judged it; what has changed is found by a scan.
void supervisor::on(const lane::lun_attention& about) {
    if (const auto line = attentions_.attention(about.lun, about.what, now()))
        spdlog::log(
            level_of(about.what),
            "{}: LUN {}: {}{}",
            log_name(),
            scsi::lun_number(about.lun),
            describe(about.what),
            count_words(line->count, line->untold)
        );
    if (means_another_look(about.what))
        listeners_.look_again(about.what == scsi::attention::luns_changed);
}

void supervisor::on(const lane::io_trouble& about) {
    report(log_name(), disk_of(about.lun), about);
}

// A scan finds out what is there now.
void supervisor::on(const lane::identity_change& about) {
    report(log_name(), disk_of(about.lun), about);
    listeners_.look_again(false);
}

std::string supervisor::log_name() const {
    return brief_name(subject_.sid, subject_.plan->node.target);
}

std::string supervisor::disk_of(const iscsi::lun_field& lun) const {
    return listeners_.disk_of ? listeners_.disk_of(lun) : std::string();
}

void supervisor::on(const iscsi::want_transport& wish) {
    if (stopped_ || state_ == state::ended)
        return;
    if (state_ == state::up) {
        tell_trouble(why_lost_.empty() ? "connection lost" : why_lost_);
        state_ = state::reopening;
        if (listeners_.lost)
            listeners_.lost();
    }
    const auto limit = subject_.plan->reopen_max;
    if (state_ == state::reopening && limit > 0 && attempts_ >= limit)
        return end("reopen_max is used up");
    if (wish.redirect && wish.redirect_is_permanent)
        portal_ = *wish.redirect;
    asio::co_spawn(
        where_.control,
        reconnect(shared_from_this(), wish.redirect.value_or(portal_)),
        asio::bind_cancellation_slot(stop_.slot(), asio::detached)
    );
}

void supervisor::on(const iscsi::want_close& lost) {
    why_lost_ = lost.why.text();
    const bool by_target = state_ == state::up && is_by_target(lost.why);
    if (by_target && reinstatement_.closed_by_target(now()))
        tell_of_reinstatement();
}

void supervisor::on(const iscsi::logged_in& in) {
    if (std::exchange(breaches_, in.warnings) != in.warnings) // a target's habits are told once
        log_breaches(subject_.plan->node.target, subject_.plan->node.address, in.warnings);
    if (state_ == state::reopening && attempts_ > 0)
        spdlog::log(
            events::session_back,
            spdlog::level::info,
            "connection{}:0 is operational after recovery ({} attempts) {}",
            subject_.sid,
            attempts_,
            full_name(subject_.plan->node)
        );
    attempts_ = 0;
    why_lost_.clear();
    told_.clear();
    state_ = state::up;
    has_given_up_ = false;
    reinstatement_.logged_in(now());
    listeners_.logged_in();
}

void supervisor::on(const iscsi::login_failed& refused) {
    auto connecting = std::exchange(connect_failure_, std::nullopt);
    if (state_ == state::logging_in)
        return listeners_.login_failed(
            connecting
                ? *connecting
                : failure_at(tried_, portal_of(subject_.plan->node), failure_of_login(refused))
        );
    tell_trouble(
        failure_at(tried_, portal_of(subject_.plan->node), failure_of_login(refused)).reason
    );
}

void supervisor::on(const iscsi::target_message& from_target) {
    const auto event = from_target.message.async_event;
    if (const auto line = attentions_.message(event, now()))
        spdlog::info(
            "{}: the target sent an asynchronous message, event {}{}",
            log_name(),
            event,
            count_words(line->count, line->untold)
        );
}

void supervisor::on(const iscsi::logged_out& last) {
    logged_out_.answer()(last.clean);
    if (!stopped_)
        end("the session was closed");
}

void supervisor::on(const iscsi::gave_up& how) {
    using seconds = std::chrono::seconds;
    if (how.was_asked)
        spdlog::warn(
            "session {} ({}): asked not to wait for the target: {} commands end with errors, I/O "
            "fails until it is back",
            subject_.sid,
            subject_.plan->node.target,
            how.tasks
        );
    else
        spdlog::log(
            events::replacement_timeout,
            spdlog::level::err,
            "session {} ({}): not back within the replacement timeout of {} s, I/O fails from now "
            "on",
            subject_.sid,
            subject_.plan->node.target,
            std::chrono::duration_cast<seconds>(subject_.plan->session.timeouts.replacement).count()
        );
    has_given_up_ = true;
    listeners_.look_again(false);
}

void supervisor::on(const iscsi::unit_given_up& which) {
    if (which.was_asked)
        return spdlog::warn(
            "{}: {}: it has not answered, and nobody waits any more: its commands end, and it is "
            "reset before it gets others",
            log_name(),
            unit_name(which.lun, disk_of(which.lun))
        );
    spdlog::log(
        events::unit_given_up,
        spdlog::level::err,
        "{}: {}: it answers no commands, and no abort or reset of them was done: given up, its I/O "
        "fails until a reset is done",
        log_name(),
        unit_name(which.lun, disk_of(which.lun))
    );
}

void supervisor::on(const iscsi::unit_is_back& which) {
    spdlog::info("{}: {}: it answers again", log_name(), unit_name(which.lun, disk_of(which.lun)));
}

// The lane hears in any case: of the socket, or of why there is none. Only a first login that
// cannot succeed ends here.
asio::awaitable<void> supervisor::reconnect(std::shared_ptr<supervisor> self, iscsi::portal to) {
    // A failure that is known at once may stop() us. Asio throws from a coroutine that was
    // cancelled and has never waited, where nobody catches it.
    co_await asio::post(where_.control, asio::use_awaitable);
    ++attempts_;
    tried_ = to;
    auto link = co_await connect(std::move(to));
    if (self->stopped_)
        co_return;
    if (link.has_error()) {
        keep_failure(link.error());
        co_return;
    }
    subject_.peer = link->peer;
    local_ = link->local;
    if (subject_.plan->polls)
        subject_.plan->polls->apply(link->over.native_handle());
    lane_->transport(subject_.sid, net::release(link->over));
}

// It comes back as login_failed when the engine is to decide what follows.
void supervisor::keep_failure(const iscsi::fault& why) {
    auto failed = failure_at(tried_, portal_of(subject_.plan->node), failure_of_connect(why));
    if (state_ == state::logging_in && !failed.may_retry)
        return listeners_.login_failed(failed);
    connect_failure_ = std::move(failed);
    lane_->transport(subject_.sid, -1, why);
}

// When the name service is away (it may well need the very disk), the last address has to do.
asio::awaitable<iscsi::result<net::connected>> supervisor::connect(iscsi::portal to) {
    const auto options = options_of(*subject_.plan);
    if (options.has_error())
        co_return options.error();
    auto link = co_await reach(std::move(to), *options, where_.resolvers);
    const bool knows_another_way = !subject_.peer.address().is_unspecified();
    if (link.has_value() || !is_about_names(link.error()) || !knows_another_way)
        co_return link;
    net::endpoints last(1, subject_.peer);
    co_return co_await net::connect(std::move(last), *options);
}

// Each trouble of an outage is told aloud once, not with every attempt.
void supervisor::tell_trouble(const std::string& why) {
    const bool news = std::exchange(told_, why) != why;
    spdlog::log(
        events::connection_lost,
        news ? spdlog::level::warn : spdlog::level::debug,
        "{}: {}, trying again",
        placed_name(subject_.sid, subject_.plan->node),
        why
    );
}

void supervisor::tell_of_reinstatement() {
    spdlog::log(
        events::name_is_shared,
        spdlog::level::err,
        "{}: the target ends it again and again right after the login. Most "
        "likely another machine or container, a clone perhaps, logs in as {} too, and each ends "
        "the session of the other: give each its own InitiatorName (iscsi-iname makes one) in "
        "initiatorname.iscsi",
        placed_name(subject_.sid, subject_.plan->node),
        subject_.plan->session.initiator_name
    );
}

void supervisor::end(std::string_view why) {
    if (state_ == state::ended)
        return;
    state_ = state::ended;
    spdlog::log(
        events::session_over,
        spdlog::level::err,
        "{} is over: {}",
        placed_name(subject_.sid, subject_.plan->node),
        why
    );
    listeners_.over();
}

} // namespace iscsid::session
