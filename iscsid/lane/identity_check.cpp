#include "iscsid/lane/identity_check.hpp"

#include "iscsid/lane/translate.hpp"

#include "libiscsi/scsi/inquiry.hpp"

#include <algorithm>

namespace iscsid::lane {

namespace {

using std::chrono::seconds;

constexpr iscsi::duration first_delay = std::chrono::milliseconds(1);
constexpr iscsi::duration longest_delay = seconds(1);
constexpr iscsi::duration delay_of_the_silent = seconds(30);

// How long a finding must last before it counts. A unit that asks for patience, or says nothing,
// gets as much as a command gets: six tries of 30 s (see lun_queue).
iscsi::duration patience_with(identity_finding what) {
    switch (what) {
    case identity_finding::other:
    case identity_finding::unclear:
        return seconds(3);
    case identity_finding::absent:
        return seconds(30);
    case identity_finding::no_answer:
        return seconds(180);
    case identity_finding::same:
    case identity_finding::longer:
        break;
    }
    return {};
}

unit_happening happening_of(identity_finding what) {
    switch (what) {
    case identity_finding::same:
        return unit_happening::same;
    case identity_finding::unclear:
        return unit_happening::unclear;
    case identity_finding::no_answer:
        return unit_happening::silent;
    case identity_finding::other:
    case identity_finding::absent:
    case identity_finding::longer:
        break;
    }
    return unit_happening::other;
}

} // namespace

identity_check::identity_check(session_port& session, const iscsi::lun_field& lun, listener hears)
    : session_(&session), lun_(lun), hears_(std::move(hears)) {}

void identity_check::begin(answer_under_way which) {
    const bool was_stopped = std::exchange(is_stopped_, false);
    asked_again_ = false;
    last_ = identity_finding::same;
    delay_ = first_delay;
    if (is_ == state::asking)
        is_old_ |= was_stopped || which == answer_under_way::is_old;
    else
        ask(scsi::first_inquiry_length);
}

void identity_check::stop() {
    is_stopped_ = true;
    if (is_ == state::pausing)
        is_ = state::at_rest;
}

void identity_check::ask(std::uint16_t length) {
    is_old_ = false;
    room_.assign(length, std::byte{});
    iscsi::command what;
    what.lun = lun_;
    what.cdb = scsi::inquiry_vpd(recorded_.page, length);
    what.data_in = room_;
    what.goes_ahead = true;
    what.timeout = timeout_of(what.cdb);
    const auto task = session_->submit(what, *this);
    if (task.has_error())
        return ask_later();
    is_ = state::asking;
}

void identity_check::ask_later() {
    is_ = state::pausing;
    asked_again_ = true;
    due_ = session_->now() + delay_;
    delay_ = std::min(2 * delay_, longest_delay);
}

// Without a connection nothing is said of the unit, and the next login begins anew.
void identity_check::command_done(std::uint32_t /*slot*/, const iscsi::task_done& done) {
    is_ = state::at_rest;
    if (is_stopped_ || !session_->logged_in())
        return;
    if (is_old_)
        return ask(scsi::first_inquiry_length);
    const auto answer = read_identity(recorded_, done, room_);
    if (answer.what == identity_finding::longer)
        ask(answer.length);
    else
        conclude(answer);
}

void identity_check::conclude(const identity_answer& answer) {
    const bool counts = is_patience_over(answer.what);
    if (counts && !hears_(happening_of(answer.what), answer.shown))
        return stop();
    if (is_stopped_ || is_ != state::at_rest) // by the listener
        return;
    if (counts && answer.what == identity_finding::no_answer)
        delay_ = delay_of_the_silent;
    ask_later();
}

bool identity_check::is_patience_over(identity_finding what) {
    const auto now = session_->now();
    if (std::exchange(last_, what) != what)
        since_ = now;
    return now - since_ >= patience_with(what);
}

void identity_check::handle_deadline(iscsi::instant now) {
    if (is_ != state::pausing || due_ > now)
        return;
    is_ = state::at_rest; // without a connection the next login begins anew
    if (session_->logged_in())
        ask(scsi::first_inquiry_length);
}

std::optional<iscsi::instant> identity_check::next_deadline() const {
    return is_ == state::pausing ? std::optional(due_) : std::nullopt;
}

void identity_check::session_gone() {
    session_ = nullptr;
    is_ = state::at_rest;
}

} // namespace iscsid::lane
