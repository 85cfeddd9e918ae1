#pragma once

#include "iscsid/lane/command_source.hpp"
#include "iscsid/lane/request.hpp"
#include "iscsid/lane/translate.hpp"
#include "iscsid/lane/unit.hpp"
#include "iscsid/lane/write_fence.hpp"

#include <cerrno>
#include <deque>
#include <memory>

namespace iscsid::lane {

// Tells the control thread when a session bars the others of its disk, and for how long.
class fence_teller final : public fence_listener {
  public:
    explicit fence_teller(unit* which) : unit_(which) {}

    void fence_moves(bool is_raised) override;

    void session_gone() { unit_ = nullptr; } // nobody hears of it any more

  private:
    unit* unit_;
    iscsi::instant raised_at_{};
};

// The requests of one disk, or of one client of an export, from submit() to exactly one complete():
// plans the commands of each, sends them when its unit and the session have room, repeats them as
// their outcome says, and tells of those that fail. Several queues may share a unit.
//
// A request that must be sent again queues up behind those that wait for their first try, here and
// in the other queues of the session: a unit that answers nothing must not live on its retries
// while others starve. Allocates only when more requests are under way than ever before.
class lun_queue final : public lun_port, public command_source, public unit_client {
  public:
    // `which` nullptr: a session that is gone already. `at`: of a disk with several sessions.
    lun_queue(unit* which, const scsi::logical_unit& properties, fence_place at = {});

    // A request whose session is gone ends with ENOLINK, one that its unit refuses with that errno.
    void submit(const block_request& request, request_owner& owner) override;

    void end_unsent() override;
    void abort_sent() override;
    void restart_timeouts(iscsi::instant now) override;

    void refresh(const scsi::logical_unit& seen, iscsi::instant looked_at) override;
    void doubt_write_cache(iscsi::instant since) override;

    fence_post* fence() override { return &fence_; }

    void command_done(std::uint32_t slot, const iscsi::task_done& done) override;
    bool send_waiting() override;
    void handle_deadline(iscsi::instant now) override;

    std::optional<iscsi::instant> next_deadline() const override { return next_check_; }

    void session_gone() override;

    std::size_t unfinished() const { return unfinished_; }

  private:
    static constexpr std::uint32_t no_slot = 0xffff'ffff;

    enum class state : std::uint8_t {
        free,
        waiting,  // for a free slot of the session, or for the unit to take more
        sent,     // the session has it: under way, held, or waiting for a connection
        aborting, // sent, and unwanted: command_done() comes
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
        std::uint16_t tries = 0;       // of this command, all that were sent
        std::uint64_t ledger_mark = 0; // of a flush: what it covers
        std::uint32_t fence_age = 0;   // when the command was sent
        bool may_still_run = false;    // a try of the last command, at the target
        iscsi::duration next_delay{};
        iscsi::task_id task = 0;
        iscsi::instant began{};                // submitted then
        iscsi::instant due{};                  // delayed: send again then
        std::optional<iscsi::instant> give_up; // set by the first try that was in vain
        std::uint32_t next = no_slot;          // in the free or the waiting list
    };

    bool is_retired() const;

    void plan(std::uint32_t slot);
    void send_in_turn(std::uint32_t slot);
    void wait_in_turn(std::uint32_t slot);
    bool try_send(std::uint32_t slot);
    scsi::disposition judge(const entry& what, const iscsi::task_done& done);
    void
    take_verdict(std::uint32_t slot, const scsi::disposition& judged, const iscsi::task_done& done);
    void advance(std::uint32_t slot);
    void repeat(std::uint32_t slot, const scsi::disposition& why, const iscsi::task_done& done);
    void delay(std::uint32_t slot, const scsi::disposition& why, const iscsi::task_done& done);
    void
    another_way(std::uint32_t slot, const scsi::disposition& why, const iscsi::task_done& done);
    void refuse(std::uint32_t slot);
    void fail(std::uint32_t slot, int error, std::string_view why);
    void fail(std::uint32_t slot, int error, const iscsi::task_done& why);
    void finish(std::uint32_t slot, int error);
    void enter(
        const block_request& request,
        const request_progress& progress,
        std::uint64_t mark,
        int error
    );
    void note_cache();
    void check_at(iscsi::instant when);
    io_trouble describe(const entry& what) const;

    std::uint32_t take();
    void grow(std::size_t by);

    unit* unit_; // nullptr: gone
    translator translator_;
    std::shared_ptr<write_ledger> ledger_; // its unit's, when the disk moved in
    std::shared_ptr<io_meter> io_;         // likewise
    bool was_retired_ = false;             // the unit, when its session went
    lost_writes::heard losses_;
    fence_teller teller_;
    fence_post fence_;
    std::deque<entry> entries_; // does not move: commands point into it
    std::uint32_t first_free_ = no_slot;
    std::uint32_t first_waiting_ = no_slot;
    std::uint32_t last_waiting_ = no_slot;
    std::size_t unfinished_ = 0;
    std::optional<iscsi::instant> next_check_; // not after the first `due`
};

} // namespace iscsid::lane
