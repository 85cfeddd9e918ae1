#pragma once

#include "iscsid/lane/command_source.hpp"
#include "iscsid/lane/queue_depth.hpp"
#include "iscsid/lane/request.hpp"
#include "iscsid/lane/translate.hpp"
#include "iscsid/lane/write_ledger.hpp"

#include <cerrno>
#include <deque>
#include <memory>

namespace iscsid::lane {

// The requests of one LUN, from the driver's submit() to exactly one complete(): plans the commands
// of each, sends them, repeats them as their outcome says, and aborts those without an answer.
// Allocates only when more requests are under way than ever before.
class lun_queue final : public lun_port, public command_source {
  public:
    // nullptr: a session that is gone already.
    lun_queue(
        session_port* session, const iscsi::lun_field& lun, const scsi::logical_unit& properties
    );

    // A request whose LUN is not there ends with ENOLINK.
    void submit(const block_request& request, request_owner& owner) override;

    // Requests from now on, and those that have not been sent, end with this errno; 0 lifts it.
    void bar(int error);

    // As a bar with ENODEV, but flushes end well: for a unit that is gone at the target and whose
    // disk is about to be removed. The kernel's last flush can save nothing any more, and would be
    // logged as an I/O error.
    void retire();

    // Where the ends of writes and flushes are entered; several queues of a unit share one.
    void use(std::shared_ptr<write_ledger> ledger) { ledger_ = std::move(ledger); }

    // The unit is another one, or the right one again. While it is another, all requests end with
    // EIO, those too that wait in the session for a connection.
    void distrust(bool is_other);

    void refresh(const scsi::logical_unit& properties) { translator_.refresh(properties); }

    void command_done(std::uint32_t slot, const iscsi::task_done& done) override;
    bool send_waiting() override;
    void handle_deadline(iscsi::instant now) override;

    std::optional<iscsi::instant> next_deadline() const override { return next_check_; }

    void restart_timeouts(iscsi::instant now) override;
    void session_gone() override;

    std::size_t unfinished() const { return unfinished_; }

  private:
    static constexpr std::uint32_t no_slot = 0xffff'ffff;

    enum class state : std::uint8_t {
        free,
        waiting, // for a free slot of the session, or for the unit to take more
        sent,
        aborting, // sent, and given up on
        delayed,  // to be sent again at `due`
    };

    struct entry {
        block_request request;
        request_owner* owner = nullptr;
        request_progress progress;
        planned_command command;
        unmap_list list{};
        state is = state::free;
        std::uint8_t failed_tries = 0; // of this command
        std::uint64_t ledger_mark = 0; // of a flush: what it covers
        iscsi::duration next_delay{};
        iscsi::task_id task = 0;
        iscsi::instant due{};                  // sent: abort then; delayed: send again then
        std::optional<iscsi::instant> give_up; // no retry after that; set by the first try
        std::uint32_t next = no_slot;          // in the free or the waiting list
    };

    int refusal() const { return is_other_ && barred_ == 0 ? EIO : barred_; }

    void end_unsent(int error);
    void note_load(const iscsi::task_done& done);
    void plan(std::uint32_t slot);
    void send_in_turn(std::uint32_t slot);
    bool try_send(std::uint32_t slot);
    void advance(std::uint32_t slot);
    void repeat(std::uint32_t slot, const scsi::disposition& why);
    void delay(std::uint32_t slot, const scsi::disposition& why);
    void another_way(std::uint32_t slot, const scsi::disposition& why);
    void finish(std::uint32_t slot, int error);
    void enter(const block_request& request, std::uint64_t mark, int error);
    void now_due(std::uint32_t slot, iscsi::instant now);
    void check_at(iscsi::instant when);

    std::uint32_t take();
    void grow(std::size_t by);

    session_port* session_; // nullptr: gone
    iscsi::lun_field lun_;
    translator translator_;
    std::deque<entry> entries_; // does not move: commands point into it
    std::uint32_t first_free_ = no_slot;
    std::uint32_t first_waiting_ = no_slot;
    std::uint32_t last_waiting_ = no_slot;
    std::size_t unfinished_ = 0;
    std::size_t in_flight_ = 0; // commands that the session has
    queue_depth depth_;
    int barred_ = 0;       // errno
    bool retired_ = false; // barred, and flushes end well
    std::shared_ptr<write_ledger> ledger_ = std::make_shared<write_ledger>();
    bool is_other_ = false;
    std::optional<iscsi::instant> next_check_; // not after the first `due`
};

} // namespace iscsid::lane
