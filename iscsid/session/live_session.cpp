#include "iscsid/session/live_session.hpp"

#include "iscsid/session/clock.hpp"
#include "iscsid/session/isid.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace iscsid::session {

namespace asio = boost::asio;
namespace net = iscsi::net;
using iscsi::admin::exit_code;

namespace {

std::string label(lane::session_key sid, const iscsi::admin::node_id& node) {
    return fmt::format(
        "session {} [iface: {}, target: {}, portal: {},{}]",
        sid,
        node.interface,
        node.target,
        node.address,
        node.port
    );
}

// Its name may not be resolved before its disk is back.
net::endpoint last_peer_of(const device::disk_state& left, std::uint16_t port) {
    boost::system::error_code error;
    const auto address = asio::ip::make_address(left.peer_address, error);
    return error ? net::endpoint() : net::endpoint(address, port);
}

} // namespace

live_session::live_session(
    lane::session_key sid,
    unsigned index,
    login_plan plan,
    const environment& with,
    session_owner owner
)
    : with_(with)
    , owner_(std::move(owner))
    , sid_(sid)
    , index_(index)
    , plan_(std::make_shared<const login_plan>(std::move(plan)))
    , name_(label(sid, plan_->node))
    , changed_(with.where.control)
    , disks_(with, changed_, sid, name_)
    , turn_(with.where.control)
    , later_(with.where.control) {}

void live_session::on(happening what) {
    const auto step = advance(phase_, what);
    phase_ = step.next;
    perform(step.what);
    changed_.notify_all();
}

void live_session::perform(action what) {
    const auto spawn = [this](asio::awaitable<void> job) {
        asio::co_spawn(with_.where.control, std::move(job), asio::detached);
    };
    switch (what) {
    case action::none:
        return;
    case action::look_at_luns:
        return spawn(look_first(shared_from_this()));
    case action::announce:
        return announce();
    case action::remove_disks:
        return spawn(remove_disks(shared_from_this()));
    case action::resume_work:
        if (scan_again_)
            look_again(false);
        return;
    case action::close:
        return spawn(close(shared_from_this()));
    case action::finish:
        return owner_.forget(sid_);
    }
}

// Every session is born on its lane, without a connection.
void live_session::move_in(iscsi::session engine, bool resumes) {
    supervisor::subject subject{sid_, plan_, {}, resumes};
    if (resumes)
        subject.peer = last_peer_of(disks_.left_disks().front(), plan_->node.port);
    connection_ = std::make_shared<supervisor>(std::move(subject), with_.where, listeners());
    lane_ = &with_.adopt(sid_, std::move(engine), -1, connection_->note_handler());
    connection_->moved_in(*lane_);
    disks_.move_to(*lane_);
}

supervisor::listeners live_session::listeners() {
    const auto weak = weak_from_this();
    supervisor::listeners to;
    to.logged_in = [weak] {
        if (const auto self = weak.lock())
            self->logged_in();
    };
    to.login_failed = [weak](const failure& why) {
        if (const auto self = weak.lock())
            self->login_failed(why);
    };
    to.over = [weak] {
        if (const auto self = weak.lock()) {
            self->lane_->logout(self->sid_);
            self->on(happening::session_over);
        }
    };
    to.look_again = [weak](bool list_changed) {
        if (const auto self = weak.lock())
            self->look_again(list_changed);
    };
    to.disk_of = [weak](const iscsi::lun_field& lun) {
        const auto self = weak.lock();
        return self ? self->disks_.node_of(lun) : std::string();
    };
    return to;
}

// What is remembered of each disk of this session.
device::disk_state live_session::description() const {
    device::disk_state state;
    state.sid = sid_;
    state.index = index_;
    state.target = plan_->node.target;
    state.portal_address = plan_->node.address;
    state.portal_port = plan_->node.port;
    state.portal_group_tag = plan_->node.group_tag;
    state.interface = plan_->node.interface;
    if (!connection_->peer().address().is_unspecified())
        state.peer_address = connection_->peer().address().to_string();
    state.isid = to_text(plan_->session.isid);
    return state;
}

// ---- after another daemon -----------------------------------------------------------------------

void live_session::resume(std::vector<device::disk_state> left) {
    iscsi::session engine(plan_->session);
    std::vector<iscsi::lun_field> units;
    for (const auto& each : left) {
        units.push_back(each.lun);
        if (lane::ends_old_tasks(each.properties))
            engine.trust_reinstatement(each.lun);
    }
    if (left.front().isid != to_text(plan_->session.isid))
        spdlog::warn("{}: its ISID is another one now, old tasks may still run", name_);
    engine.resume(units, now());
    for (auto& each : left)
        disks_.inherit(std::move(each));
    move_in(std::move(engine), true);
    on(happening::resumed);
    spdlog::info("{}: goes on for a daemon that has ended, {} disk(s)", name_, units.size());
}

void live_session::hand_over() {
    if (connection_)
        connection_->stop();
    login_failure_ = failure{exit_code::daemon_not_connected, "iscsid is shutting down"};
    on(happening::daemon_ends);
}

// ---- looking again ------------------------------------------------------------------------------

asio::awaitable<outcome<rescan_result>> live_session::rescan() {
    const auto self = shared_from_this();
    if (is_being_made(phase_))
        co_return failure{exit_code::session_not_connected, "its login is under way"};
    if (!is_established(phase_))
        co_return failure{exit_code::session_not_found, "no such session"};
    const auto is_free = [this] { return !is_scanning_; };
    co_await changed_.wait(is_free, very_long); // bounded by what the scan itself waits for
    if (phase_ != phase::running)
        co_return failure{exit_code::internal, "the session is being logged out"};
    is_scanning_ = true;
    finds_new_luns_ = list_changed_ = true;
    auto told = co_await scan_once();
    is_scanning_ = false;
    changed_.notify_all();
    if (scan_again_)
        look_again(false);
    if (told.has_error())
        co_return told.error();
    co_return rescan_result{*std::move(told)};
}

// The session is back, has been given up for now, or a LUN says that it has changed. It is noted in
// any case: a logout may be refused. The first of many wishes is followed at once, the last by the
// next look: what came after that had begun may have changed what it saw.
void live_session::look_again(bool list_changed) {
    scan_again_ = true;
    list_changed_ |= list_changed;
    if (phase_ != phase::running || is_scanning_)
        return;
    if (now() >= next_look_) {
        is_scanning_ = true;
        asio::co_spawn(with_.where.control, scan_in_turn(shared_from_this()), asio::detached);
        return;
    }
    turn_.expires_at(next_look_); // instead of an earlier wait for the same
    turn_.async_wait([weak = weak_from_this()](const boost::system::error_code& ended) {
        if (const auto self = weak.lock(); self && !ended && self->scan_again_)
            self->look_again(false);
    });
}

asio::awaitable<void> live_session::scan_in_turn(std::shared_ptr<live_session> /*keeps it alive*/) {
    next_look_ = now() + with_.shortest_gap_of_looks;
    scan_again_ = false;
    finds_new_luns_ = plan_->scan;
    const auto told = co_await scan_once();
    if (told.has_error() && phase_ == phase::running)
        spdlog::warn("{}: its LUNs could not be looked at: {}", name_, told.error().reason);
    is_scanning_ = false;
    changed_.notify_all();
    if (scan_again_)
        look_again(false);
}

// A target that has just come back may not have all its LUNs yet: the word that its list has
// changed counts for the list that is asked for after it, on that connection.
asio::awaitable<outcome<warnings>> live_session::scan_once() {
    const bool list_changed = std::exchange(list_changed_, false);
    if (!connection_->is_up()) {
        if (connection_->has_given_up())
            co_await disks_.take_over_without_target();
        co_return failure{exit_code::session_not_connected, "the session is not connected"};
    }
    has_unanswered_ = false;
    auto seen = co_await disks_.look();
    if (seen.has_error()) {
        has_unanswered_ |= connection_->is_up(); // nothing else will say when to look
        look_later_if_needed();
        co_return failure{exit_code::session_not_connected, seen.error().text()};
    }
    if (phase_ != phase::running) {
        scan_again_ = true; // should the logout be refused
        list_changed_ |= list_changed;
        co_return failure{exit_code::session_not_connected, "the session is being logged out"};
    }
    auto all = note_scan(*seen);
    session_disks::scan_orders orders{description(), finds_new_luns_, list_changed};
    const auto told = co_await disks_.follow(*std::move(seen), std::move(orders));
    all.insert(all.end(), told.begin(), told.end());
    look_later_if_needed();
    co_return all;
}

// What a scan has not seen, for the log (once, however often it is looked at) and for whoever asked
// for it. What did not answer is looked at again.
warnings live_session::note_scan(const device::scan_result& seen) {
    warnings told = device::warnings_of(seen);
    for (const auto& line : told) {
        const bool is_news = std::ranges::find(noted_, line) == noted_.end();
        spdlog::log(is_news ? spdlog::level::warn : spdlog::level::debug, "{}: {}", name_, line);
    }
    for (const auto& each : seen.skipped)
        if (!each.deserves_warning)
            spdlog::debug("{}: LUN {} is no disk: {}", name_, each.number, each.why);
    has_unanswered_ |= !seen.unanswered.empty();
    noted_ = told;
    return told;
}

// A unit that could not say who it is will not tell when it can: it is asked again, at growing
// intervals.
void live_session::look_later_if_needed() {
    // Users of a disk that is left wait for the next look.
    const unsigned most_doublings = disks_.left_disks().empty() ? 5 : 2;
    if (!has_unanswered_ && !disks_.has_unverified()) {
        looks_in_vain_ = 0;
        later_.cancel();
        return;
    }
    later_.expires_after(
        with_.first_pause_of_looks * (1U << std::min(looks_in_vain_++, most_doublings))
    );
    later_.async_wait([weak = weak_from_this()](const boost::system::error_code& ended) {
        if (const auto self = weak.lock(); self && !ended)
            self->look_again(false);
    });
}

} // namespace iscsid::session
