#pragma once

#include "iscsid/lane/io_meter.hpp"
#include "iscsid/lane/note.hpp"
#include "iscsid/lane/request.hpp"
#include "iscsid/lane/ring.hpp"
#include "iscsid/lane/write_fence.hpp"
#include "iscsid/lane/write_ledger.hpp"

#include "libiscsi/core/session/session.hpp"
#include "libiscsi/scsi/disposition.hpp"
#include "libiscsi/scsi/logical_unit.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace iscsid::lane {

// Something that lives on a lane's thread beside the sessions: a disk driver's queue.
// Created and destroyed by the control thread, but only while the lane does not run it.
class lane_resident {
  public:
    virtual ~lane_resident() = default;

    // On the lane's thread: start the first I/O on the ring; submit requests to the port.
    virtual void start(ring& io, lun_port& port) = 0;

    // On the lane's thread: cancel all I/O. Call `gone` once nothing of this object is under way
    // any more, neither on the ring nor at the port.
    virtual void leave(std::function<void()> gone) = 0;

    // Of a disk with residents on several lanes, one for each session: where this one stands at
    // the fence of all of them.
    virtual fence_place fence() const { return {}; }

    // In a turn of the lane, outside every ring_done() and complete(), twice a second after
    // used_memory() until it says false: gives memory back that no request has needed for some
    // seconds, at most `most` bytes, which it lowers by that. False: nothing is left to give back.
    virtual bool give_back_memory(std::size_t& /*most*/) { return false; }

    // For the lane: where it wants to hear of memory that is used. Outlives the resident's stay.
    void tell_of_used_memory(bool& in) { used_memory_ = &in; }

  protected:
    void used_memory() {
        if (used_memory_ != nullptr)
            *used_memory_ = true;
    }

  private:
    bool* used_memory_ = nullptr;
};

// What execute() gives back.
struct scsi_outcome {
    iscsi::task_done done; // `sense` points into `sense_bytes`
    std::vector<std::byte> sense_bytes;
    std::vector<std::byte> data; // what a READ-type command returned
};

// What was asked of one unit of a session, from then on.
struct unit_io {
    iscsi::lun_field lun{};
    std::shared_ptr<const io_meter> meter;
};

// A copy of what `iscsiadm -m session -P 3 -s` shows of a session.
struct session_view {
    iscsi::connection_state connection{};
    iscsi::session_state state{};
    iscsi::operational_parameters parameters;
    iscsi::session_statistics statistics;
    std::size_t unfinished_tasks = 0;
    std::vector<unit_io> units; // that are known by now, in no order
};

// A data thread with one ring, the sessions that live on it and their disks. Every public function
// may be called from the control thread; none blocks, callbacks come on the lane's thread unless
// said otherwise, and must only hand over.
class lane {
  public:
    virtual ~lane() = default; // joins the thread; sessions that are left are dropped

    // A logged-in session moves in, with its connected socket, which is the lane's from now on.
    // Notes go to the handler.
    virtual void adopt(session_key key, iscsi::session session, int socket, note_handler notes) = 0;

    // A fresh socket after want_transport; the lane logs in with it. -1: the connect failed.
    virtual void transport(session_key key, int socket, iscsi::fault why = {}) = 0;

    // A disk of a LUN of that session moves in or out. `gone` is called when it is out.
    virtual void attach(
        session_key key,
        const iscsi::lun_field& lun,
        const scsi::logical_unit& properties,
        lane_resident& resident
    ) = 0;
    virtual void detach(lane_resident& resident, std::function<void()> gone) = 0;

    // All requests for this LUN, now and later, end with this positive errno and reach no target;
    // 0 lifts it. For a LUN that is not what it was.
    virtual void fail_requests(session_key key, const iscsi::lun_field& lun, int error) = 0;

    // The same, ordered by another session `by` that has the disk, too, and takes it down: an order
    // of its own beside fail_requests() and those of others, which stands until that session lifts
    // it with 0.
    virtual void
    fail_requests_for(session_key key, const iscsi::lun_field& lun, session_key by, int error) = 0;

    // As fail_requests() with ENODEV, except that flushes end well: for a unit that the target has
    // removed, right before its disk is removed. fail_requests() ends it.
    virtual void retire(session_key key, const iscsi::lun_field& lun) = 0;

    // Ends what the session has of this unit's commands, whatever the target does with them
    // (iscsi::session::reset_lun(), at once). To be used behind fail_requests(), for new ones go on
    // else.
    virtual void give_up_unit(session_key key, const iscsi::lun_field& lun) = 0;

    // A write of another session of ours may still run at this unit: nothing goes out to it before
    // a reset of it is answered (iscsi::session::reset_first()). What is attached later waits for
    // that, too. `why`: for the log. Nothing for an unknown session.
    virtual void reset_first(session_key key, const iscsi::lun_field& lun, std::string why) = 0;

    // The ledger of a unit: one for all that is attached to it until forget_ledger() or the end of
    // the session. May be read as long as one likes.
    virtual void ledger(
        session_key key,
        const iscsi::lun_field& lun,
        std::function<void(std::shared_ptr<const write_ledger>)> found
    ) = 0;
    virtual void forget_ledger(session_key key, const iscsi::lun_field& lun) = 0;

    // An earlier daemon has written to the unit, so that its ledger begins with something to flush:
    // before its disk is taken over.
    virtual void inherit(session_key key, const iscsi::lun_field& lun) = 0;

    // What a look at the LUN has found, which began at `looked_at`; for requests from now on. To be
    // told after every look, for it also ends the doubts that an attention has raised before it.
    virtual void refresh(
        session_key key,
        const iscsi::lun_field& lun,
        const scsi::logical_unit& properties,
        iscsi::instant looked_at
    ) = 0;

    // Any work of a disk driver that must run on the lane's thread.
    virtual void post(std::function<void()> work) = 0;

    // One SCSI command of the control thread: never repeated for what the target answers, aborted
    // when its time is over (0: 30 s, or more where its kind takes more). A scan's goes ahead of
    // all others, and goes out again after a lost connection. One with goes_once waits its turn,
    // but not longer than its time. An unknown session's commands end as lost.
    virtual void execute(
        session_key key,
        const iscsi::command& what, // data_in.size() is the room, data_out is copied
        std::function<void(scsi_outcome)> done
    ) = 0;

    // A session that is not there looks like a default session_view.
    virtual void look(session_key key, std::function<void(session_view)> seen) = 0;

    // Ends the requests that wait for a connection (iscsi::session::give_up()), with the errors
    // that they get at the end of the replacement timeout; the note gave_up follows. `done`: how
    // many commands that were; nothing: none waits for a connection, or there is no such session.
    virtual void give_up(session_key key, std::function<void(std::optional<std::size_t>)> done) = 0;

    // What may change while the session lives, for what comes next. Nothing for an unknown session.
    virtual void change(session_key key, iscsi::session_settings settings) = 0;

    // Session logout; the note logged_out follows. The session stays until drop().
    virtual void logout(session_key key) = 0;

    // Closes the socket and forgets the session, without a Logout. Requests that are under way, and
    // all later ones of disks that are still attached, end with ENOLINK.
    virtual void drop(session_key key, std::function<void()> gone) = 0;

    virtual std::string_view ring_name() const = 0;
};

// A target that is known to end the tasks of a lost connection before it lets us in again: with it
// the session needs no replay barrier. By its INQUIRY data.
bool ends_old_tasks(const scsi::logical_unit& properties);

std::unique_ptr<lane> make_lane(std::unique_ptr<ring> io, std::string thread_name);

} // namespace iscsid::lane
