#pragma once

#include "iscsid/lane/command_source.hpp"
#include "iscsid/lane/identity_check.hpp"
#include "iscsid/lane/io_meter.hpp"
#include "iscsid/lane/lost_writes.hpp"
#include "iscsid/lane/note.hpp"
#include "iscsid/lane/queue_depth.hpp"
#include "iscsid/lane/trouble_log.hpp"
#include "iscsid/lane/unit_state.hpp"
#include "iscsid/lane/write_fence.hpp"
#include "iscsid/lane/write_ledger.hpp"

#include "libiscsi/scsi/logical_unit.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace iscsid::lane {

// Who has requests for a unit: the queue of a disk, or of one client of an export.
class unit_client {
  public:
    virtual ~unit_client() = default;

    // Requests that have not been sent end as the unit refuses them.
    virtual void end_unsent() = 0;

    // What the session has of this client, sent or held, is aborted: nothing of it goes out later.
    virtual void abort_sent() = 0;

    // The unit answers again, or there is a new connection: what could not be answered until now is
    // no reason to give up.
    virtual void restart_timeouts(iscsi::instant now) = 0;

    // What a look at the unit has found, which began at `looked_at`.
    virtual void refresh(const scsi::logical_unit& seen, iscsi::instant looked_at) = 0;

    // The unit may have a write cache that no look has seen, since then.
    virtual void doubt_write_cache(iscsi::instant since) = 0;

    // Where it stands at the fence of a disk with several sessions; nullptr: at none.
    virtual fence_post* fence() { return nullptr; }
};

// One logical unit of a session, for as long as the session lives on its lane: whether its commands
// may go, how many at a time, what it has lost, and what was told of it. All disks and clients of
// the LUN share it, and no other unit waits for it.
//
// Calling order: join() when a disk moves in, part() before it is destroyed. A queue asks refusal()
// and admits() before each command, then calls sent(), and ended() with the outcome.
class unit final : private identity_listener {
  public:
    // `commands_max`: at a time, of all its clients together (node.session.queue_depth).
    unit(session_port& session, const iscsi::lun_field& lun, std::size_t commands_max);

    session_port& session() { return session_; }

    const iscsi::lun_field& lun() const { return lun_; }

    command_source& identity() { return identity_; }

    // A unit with an identity is asked for it before the first command of this client goes out. Of
    // several clients the last one's word holds: they are made of the same scan.
    void join(unit_client& client, const scsi::logical_unit& recorded);
    void part(unit_client& client);

    // The control thread's word: all requests end with this positive errno from now on, without
    // being sent; what was sent already ends as it does. 0 lifts it.
    void fail_requests(int error);

    // The same by the word of another session that takes a disk down which both have: beside that,
    // and beside those of other sessions, each until the same session lifts it.
    void fail_requests_for(session_key by, int error);

    // As fail_requests(ENODEV), but flushes end well: for a unit that is gone at the target and
    // whose disk is about to be removed. The kernel's last flush can save nothing any more, and
    // would be logged as an I/O error. Ends with fail_requests(), or with the last disk.
    void retire();

    bool is_retired() const { return is_retired_; }

    // Where the ends of writes and flushes are entered; one for all clients until forgotten.
    const std::shared_ptr<write_ledger>& ledger() const { return ledger_; }

    void forget_ledger() { ledger_ = std::make_shared<write_ledger>(); }

    // One for all clients, as long as the session lives on its lane.
    const std::shared_ptr<io_meter>& io() const { return io_; }

    // There is a new connection, or the target says that the unit has changed.
    void doubt(identity_check::answer_under_way which);

    // Before that: there is a new connection.
    void connection_is_new();

    // The unit was given up, and has been reset after all.
    void reset_is_done();

    // Others wait until it is known what has become of a write. The unit is asked who it is, which
    // shows that, unless a question follows anyhow: at the next login, or because it is in doubt.
    // One that is under way was asked too early.
    void seek_proof();

    // What a look has found: all clients go by it from now on, those too that come later, for they
    // are made of what their driver was told long ago. Ends the doubts that are older than the
    // look.
    void refresh(const scsi::logical_unit& seen, iscsi::instant looked_at);

    // The mode parameters may be others, because the target says so, or because it may have said so
    // to a connection that is lost: until a look that begins later the unit is taken to have a
    // write cache, and what was written before is taken to be in it.
    void doubt_write_cache(iscsi::instant since);

    // What the target says of the unit beside the fate of a command. A deferred error is noted as
    // a lost write, and no news for the control thread but as trouble.
    void attention(scsi::attention what, const iscsi::task_done* said_by = nullptr) override;

    // The errno that requests end with; 0: they may be sent.
    int refusal() const;

    // "it is not the unit that its disk was made of": for the log.
    std::string_view why_refused() const;

    // Another number of commands at a time; what the session has of more goes on.
    void allow(std::size_t commands_max) { depth_.use(commands_max); }

    bool admits() const { return depth_.allows(in_flight_); }

    void sent() { io_->commands_are(++in_flight_); }

    void ended(const iscsi::task_done& done);

    lost_writes& losses() { return losses_; }

    unit_state state() const { return state_; }

    // `describe` gives the io_trouble, and is called only if it is to be told.
    template <class Describe>
    void trouble(trouble_kind kind, Describe describe) {
        const auto line = troubles_.note(kind, session_.now());
        if (!line)
            return;
        io_trouble what = describe();
        what.lun = lun_;
        what.kind = kind;
        what.count = line->count;
        what.untold = line->untold;
        session_.tell(std::move(what));
    }

  private:
    void question_given() override;
    void question_answered() override;
    void at_fences(void (fence_post::*what)());
    bool identity_found(unit_happening what, const std::string& shown) override;
    void take(unit_step step);
    void tell_change(unit_state before, unit_happening what, const std::string& shown);

    session_port& session_;
    iscsi::lun_field lun_;
    identity_check identity_;
    std::vector<unit_client*> clients_;
    unit_state state_ = unit_state::unwatched;
    int ordered_error_ = 0; // by the control thread

    struct order {
        session_key by = 0;
        int error = 0;
    };

    std::vector<order> orders_of_others_;
    bool is_retired_ = false;
    std::shared_ptr<write_ledger> ledger_ = std::make_shared<write_ledger>();
    std::shared_ptr<io_meter> io_ = std::make_shared<io_meter>();
    queue_depth depth_;
    std::size_t in_flight_ = 0; // commands that the session has
    lost_writes losses_;
    trouble_log troubles_;

    struct look {
        scsi::logical_unit seen;
        iscsi::instant began_at{};
    };

    std::optional<look> last_look_;
    std::optional<iscsi::instant> cache_doubted_at_;
};

} // namespace iscsid::lane
