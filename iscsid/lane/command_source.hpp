#pragma once

#include "iscsid/lane/note.hpp"

#include "libiscsi/core/session/session.hpp"
#include "libiscsi/scsi/disposition.hpp"

#include <cstdint>
#include <optional>

namespace iscsid::lane {

// Who sends commands through a session: the queue of a LUN, or the control thread's commands.
// Called by the session's host only.
class command_source {
  public:
    virtual ~command_source() = default;

    // Which of the session's sources this is, from 0; the host sets it and alone needs it.
    std::uint32_t number() const { return number_; }

    void set_number(std::uint32_t number) { number_ = number; }

    // `slot` is what the source has put into the command's cookie.
    virtual void command_done(std::uint32_t slot, const iscsi::task_done& done) = 0;

    // Sends the first command that waits for a free slot of the session. False: it could not, or
    // nothing waits.
    virtual bool send_waiting() = 0;

    virtual void handle_deadline(iscsi::instant now) = 0;
    virtual std::optional<iscsi::instant> next_deadline() const = 0;

    // The session is logged in again: what waits for an answer has waited in vain so far.
    virtual void restart_timeouts(iscsi::instant now) = 0;

    // The session does not exist any more; none of its memory is in use. Everything fails, now and
    // later.
    virtual void session_gone() = 0;

  private:
    std::uint32_t number_ = 0;
};

// What a source needs of its session.
class session_port {
  public:
    virtual ~session_port() = default;

    // The cookie's low half is the source's slot; the port fills in the high half.
    // Faults: session_errc::no_free_slot, ::not_usable.
    virtual iscsi::result<iscsi::task_id>
    submit(iscsi::command what, const command_source& from) = 0;
    virtual void abort(iscsi::task_id task) = 0;

    // No command goes out to this unit until let_go(), but those that go ahead.
    virtual void hold(const iscsi::lun_field& lun) = 0;
    virtual void let_go(const iscsi::lun_field& lun) = 0;

    // Commands travel: only then does the lack of an answer mean anything.
    virtual bool logged_in() const = 0;
    virtual iscsi::instant now() const = 0;

    // The target says that something about the logical unit has changed: the unit hears of it, and
    // the control thread.
    virtual void attention(const iscsi::lun_field& lun, scsi::attention what) = 0;

    // The same where the control thread sees the answer itself: only the unit hears of it. A target
    // says it once for each session, to whoever asks next (SAM-5 §5.14.4).
    virtual void note_change(const iscsi::lun_field& /*lun*/, scsi::attention /*what*/) {}

    // For the control thread.
    virtual void tell(note_content what) = 0;
};

} // namespace iscsid::lane
