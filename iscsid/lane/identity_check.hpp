#pragma once

#include "iscsid/lane/command_source.hpp"
#include "iscsid/lane/identity_answer.hpp"
#include "iscsid/lane/unit_state.hpp"

#include <optional>
#include <string>
#include <vector>

namespace iscsid::lane {

// Who hears what is found, on the lane's thread.
class identity_listener {
  public:
    virtual ~identity_listener() = default;

    // The session has a question, or the next one, and: the target has answered it, whatever.
    virtual void question_given() = 0;
    virtual void question_answered() = 0;

    // `shown`: the identity of another unit. Returns whether to go on asking.
    virtual bool identity_found(unit_happening what, const std::string& shown) = 0;

    // An answer has brought this besides. A target says it once, to whoever asks next (SAM-5
    // §5.14.4), so nobody else will hear of it.
    virtual void attention(scsi::attention what, const iscsi::task_done* said_by) = 0;
};

// Asks one logical unit who it is, again and again until that is settled, and says what follows.
//
//   expect() → begin() → questions, which go ahead of what is held → the listener
//
// The first question is for the name that was recorded, the last one for the length of its blocks:
// a target may come back with the same unit in other blocks. Where the unit does not say it any
// more (it refuses the page, or the page is empty), it is asked for what else was recorded, in the
// order of identity_question: it is another unit only if something differs.
//
// The listener hears `same` at once. Anything else must last before it counts, each for its own
// time, for a target that was just started may not be complete yet; after it the questions go on,
// for the right unit may come back, until stop() or until `same` or `unclear` is the last word.
class identity_check final : public command_source {
  public:
    identity_check(session_port& session, const iscsi::lun_field& lun, identity_listener& hears);

    void expect(unit_identity recorded) { recorded_ = std::move(recorded); }

    const unit_identity& expected() const { return recorded_; }

    bool can_ask() const { return recorded_.is_known(); }

    // Asks, and counts all patience from here. `old`: an answer that is under way may be older than
    // what gave the reason, so it does not end the matter. After a login it is not: what had no
    // answer by then was sent again. But an answer to a later question than the first one builds on
    // answers of the former connection, and never counts.
    enum class answer_under_way : std::uint8_t { counts, is_old };
    void begin(answer_under_way which);

    // The answer to a question that is under way is too old for its asker: another one follows it.
    // Gives back nothing of the patience. Nothing is under way: one follows anyhow, or is begun.
    void ask_once_more() { is_old_ |= is_ == state::asking; }

    // What is under way ends unheard.
    void stop();

    // It took more than one question since begin().
    bool took_long() const { return asked_again_; }

    void command_done(std::uint32_t slot, const iscsi::task_done& done) override;

    bool send_waiting() override { return false; } // a timer tries again

    void handle_deadline(iscsi::instant now) override;
    std::optional<iscsi::instant> next_deadline() const override;

    void restart_timeouts(iscsi::instant /*now*/) override {} // the unit begins anew

    void session_gone() override;

  private:
    enum class state : std::uint8_t {
        at_rest,
        asking,  // command_done() comes
        pausing, // `due_`: ask then
    };

    void ask_first();
    void ask(identity_question what, std::uint16_t length);
    void ask_later();
    void pass_on_news(const iscsi::task_done& done);
    void conclude(const identity_answer& answer);
    bool is_patience_over(identity_finding what);

    session_port* session_; // nullptr: gone
    iscsi::lun_field lun_;
    identity_listener& hears_;
    unit_identity recorded_;
    identity_question asked_{};
    state is_ = state::at_rest;
    bool is_passing_on_ = false; // the listener hears news of the answer that has just come
    bool is_stopped_ = true;
    bool is_old_ = false; // the question under way: its answer says nothing
    bool asked_again_ = false;
    identity_finding last_ = identity_finding::same;
    iscsi::instant since_{}; // when `last_` was found first
    iscsi::duration delay_{};
    iscsi::instant due_{};
    std::vector<std::byte> room_; // stays in place while a question is under way
};

} // namespace iscsid::lane
