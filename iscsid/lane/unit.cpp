#include "iscsid/lane/unit.hpp"

#include "libiscsi/scsi/status.hpp"

#include <algorithm>
#include <cerrno>

namespace iscsid::lane {

unit::unit(session_port& session, const iscsi::lun_field& lun, std::size_t commands_max)
    : session_(session), lun_(lun), identity_(session, lun, *this), depth_(commands_max) {}

void unit::join(unit_client& client, const scsi::logical_unit& recorded) {
    const bool is_first = clients_.empty();
    clients_.push_back(&client);
    if (last_look_)
        client.refresh(last_look_->seen, last_look_->began_at);
    if (cache_doubted_at_)
        client.doubt_write_cache(*cache_doubted_at_);
    auto identity = identity_of(recorded);
    const bool is_news = is_first || identity != identity_.expected();
    identity_.expect(std::move(identity));
    if (is_news && session_.logged_in()) // maybe not by the login that was scanned
        doubt(identity_check::answer_under_way::is_old);
}

void unit::part(unit_client& client) {
    std::erase(clients_, &client);
    if (!clients_.empty())
        return;
    if (std::exchange(is_retired_, false))
        ordered_error_ = 0; // what comes under this number later is another matter
    identity_.stop();
    take(advance(state_, unit_happening::abandoned));
}

void unit::fail_requests(int error) {
    ordered_error_ = error;
    is_retired_ = false;
    if (error == 0)
        return;
    for (unit_client* each : clients_)
        each->end_unsent();
}

void unit::fail_requests_for(session_key by, int error) {
    std::erase_if(orders_of_others_, [by](const order& each) { return each.by == by; });
    if (error == 0)
        return;
    orders_of_others_.push_back({by, error});
    for (unit_client* each : clients_)
        each->end_unsent();
}

void unit::retire() {
    if (clients_.empty())
        return;
    fail_requests(ENODEV);
    is_retired_ = true;
}

void unit::doubt(identity_check::answer_under_way which) {
    if (clients_.empty() || !identity_.can_ask())
        return;
    take(advance(state_, unit_happening::doubted));
    identity_.begin(which);
}

void unit::at_fences(void (fence_post::*what)()) {
    for (unit_client* each : clients_)
        if (auto* const post = each->fence())
            (post->*what)();
}

void unit::connection_is_new() {
    at_fences(&fence_post::connection_is_new);
}

void unit::reset_is_done() {
    at_fences(&fence_post::proved);
}

void unit::seek_proof() {
    if (!session_.logged_in())
        return;
    if (state_ == unit_state::confirmed)
        doubt(identity_check::answer_under_way::is_old);
    else
        identity_.ask_once_more();
}

void unit::question_given() {
    at_fences(&fence_post::question_given);
}

void unit::question_answered() {
    at_fences(&fence_post::question_answered);
}

void unit::refresh(const scsi::logical_unit& seen, iscsi::instant looked_at) {
    last_look_ = look{seen, looked_at};
    if (cache_doubted_at_ && *cache_doubted_at_ < looked_at)
        cache_doubted_at_.reset();
    for (unit_client* each : clients_)
        each->refresh(seen, looked_at);
}

void unit::doubt_write_cache(iscsi::instant since) {
    cache_doubted_at_ = since;
    ledger_->doubt_cache();
    for (unit_client* each : clients_)
        each->doubt_write_cache(since);
}

void unit::attention(scsi::attention what, const iscsi::task_done* said_by) {
    if (scsi::may_change_mode(what))
        doubt_write_cache(session_.now());
    if (what != scsi::attention::deferred_error)
        return session_.attention(lun_, what);
    losses_.note();
    trouble(trouble_kind::lost_write, [said_by] {
        io_trouble lost;
        if (said_by != nullptr)
            lost.reason = scsi::describe({said_by->response, said_by->status, said_by->sense});
        return lost;
    });
}

int unit::refusal() const {
    if (ordered_error_ != 0)
        return ordered_error_;
    if (!orders_of_others_.empty())
        return orders_of_others_.front().error;
    if (state_ == unit_state::other)
        return EIO;
    return state_ == unit_state::silent ? ETIMEDOUT : 0;
}

std::string_view unit::why_refused() const {
    if (ordered_error_ != 0)
        return "all its requests are failed until a scan finds the unit as it was";
    if (!orders_of_others_.empty())
        return "its disk is taken down by another session";
    if (state_ == unit_state::other)
        return "it is not the unit that the disk was made of";
    return "the unit does not answer";
}

void unit::ended(const iscsi::task_done& done) {
    io_->commands_are(--in_flight_);
    if (done.outcome != iscsi::task_result::answered || done.response != 0)
        return;
    if (done.status == static_cast<std::uint8_t>(scsi::status::task_set_full))
        depth_.refused(in_flight_);
    else if (done.status == static_cast<std::uint8_t>(scsi::status::good))
        depth_.succeeded();
}

// Another unit, and a silent one, are asked again and again: the right one may come back.
bool unit::identity_found(unit_happening what, const std::string& shown) {
    const unit_state before = state_;
    take(advance(state_, what));
    tell_change(before, what, shown);
    return state_ != unit_state::confirmed;
}

void unit::take(unit_step step) {
    state_ = step.next;
    switch (step.what) {
    case unit_action::none:
        break;
    case unit_action::hold:
        session_.hold(lun_);
        break;
    case unit_action::let_go:
        session_.let_go(lun_);
        for (unit_client* each : clients_)
            each->restart_timeouts(session_.now());
        break;
    case unit_action::fail:
        for (unit_client* each : clients_) {
            each->end_unsent();
            each->abort_sent();
        }
        break;
    }
}

// The control thread looks at the unit again after each of these.
void unit::tell_change(unit_state before, unit_happening what, const std::string& shown) {
    identity_change change{lun_, identity_news::confirmed, identity_.expected().name(), shown};
    if (what == unit_happening::unclear && before != unit_state::other)
        change.what = identity_news::unclear;
    else if (state_ == unit_state::other && before != state_)
        change.what = identity_news::other;
    else if (state_ == unit_state::silent && before != state_)
        change.what = identity_news::silent;
    else if (what != unit_happening::same || (before == unit_state::in_doubt && !identity_.took_long()))
        return;
    session_.tell(std::move(change));
}

} // namespace iscsid::lane
