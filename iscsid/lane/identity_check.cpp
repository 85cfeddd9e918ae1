#include "iscsid/lane/identity_check.hpp"

#include "iscsid/lane/translate.hpp"

#include "libiscsi/scsi/disposition.hpp"

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

identity_check::identity_check(
    session_port& session, const iscsi::lun_field& lun, identity_listener& hears
)
    : session_(&session), lun_(lun), hears_(hears) {}

void identity_check::begin(answer_under_way which) {
    const bool was_stopped = std::exchange(is_stopped_, false);
    if (is_passing_on_ && !was_stopped)
        return; // it is asked again in any case, with the patience that is left
    asked_again_ = false;
    last_ = identity_finding::same;
    delay_ = first_delay;
    const bool is_later_question = asked_ != first_question(recorded_);
    if (is_ == state::asking) // what the earlier answers have shown may be another unit's
        is_old_ |= was_stopped || is_later_question || which == answer_under_way::is_old;
    else if (!is_passing_on_)
        ask_first();
}

void identity_check::stop() {
    is_stopped_ = true;
    if (is_ == state::pausing)
        is_ = state::at_rest;
}

void identity_check::ask_first() {
    const auto first = first_question(recorded_);
    ask(first, first_length(first));
}

void identity_check::ask(identity_question question, std::uint16_t length) {
    is_old_ = false;
    asked_ = question;
    room_.assign(length, std::byte{});
    iscsi::command what;
    what.lun = lun_;
    what.cdb = command_for(question, length);
    what.data_in = room_;
    what.goes_ahead = true;
    what.timeout = timeout_of(what.cdb);
    const auto task = session_->submit(what, *this);
    if (task.has_error())
        return ask_later();
    is_ = state::asking;
    hears_.question_given();
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
    if (done.outcome == iscsi::task_result::answered)
        hears_.question_answered();
    pass_on_news(done);
    if (is_stopped_ || !session_->logged_in())
        return;
    if (is_old_)
        return ask_first();
    const auto answer = read_identity(recorded_, asked_, done, room_);
    if (answer.what == identity_finding::longer)
        return ask(asked_, answer.length);
    if (answer.what == identity_finding::unclear)
        if (const auto next = next_question(recorded_, asked_))
            return ask(*next, first_length(*next));
    if (answer.what == identity_finding::same && asked_ != identity_question::block_length &&
        recorded_.block_size > 0)
        return ask(identity_question::block_length, first_length(identity_question::block_length));
    conclude(answer);
}

// Also of an answer that says nothing any more about who the unit is.
void identity_check::pass_on_news(const iscsi::task_done& done) {
    if (done.outcome != iscsi::task_result::answered)
        return;
    const auto news = scsi::judge({done.response, done.status, done.sense}).news;
    if (news == scsi::attention::none)
        return;
    is_passing_on_ = true;
    hears_.attention(news, &done);
    is_passing_on_ = false;
}

void identity_check::conclude(const identity_answer& answer) {
    const bool counts = is_patience_over(answer.what);
    if (counts && !hears_.identity_found(happening_of(answer.what), answer.shown))
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
        ask_first();
}

std::optional<iscsi::instant> identity_check::next_deadline() const {
    return is_ == state::pausing ? std::optional(due_) : std::nullopt;
}

void identity_check::session_gone() {
    session_ = nullptr;
    is_ = state::at_rest;
}

} // namespace iscsid::lane
