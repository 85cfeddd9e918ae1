#pragma once

#include "iscsid/lane/command_sources.hpp"
#include "iscsid/lane/control_commands.hpp"
#include "iscsid/lane/lane.hpp"
#include "iscsid/lane/session_schedule.hpp"
#include "iscsid/lane/session_socket.hpp"
#include "iscsid/lane/unit.hpp"

#include <optional>
#include <vector>

namespace iscsid::lane {

// A session on its lane: it moves what the engine (iscsi::session) wants moved, gives its events to
// whom they concern, and its free slots to the sources of commands in turn.
//
//   transport() once after each want_transport → run() in each turn that its schedule says →
//   leave() → sources().end_session() when it is quiet
class session_host final : public session_port, public scheduled_session, private socket_owner {
  public:
    // Where a session is when it comes.
    struct place {
        int socket = -1; // connected; -1: none yet
        ring& io;
        session_schedule& schedule;
    };

    session_host(session_key key, iscsi::session session, const place& where, note_handler notes);

    session_key key() const { return key_; }

    // What the control thread asks; run() does the rest.
    void transport(int socket, const iscsi::fault& why);
    void execute(control_command command);
    std::optional<std::size_t> give_up(); // see lane::give_up()
    void give_up_unit(const iscsi::lun_field& lun);
    void reset_first(const iscsi::lun_field& lun, const std::string& why);
    void change(const iscsi::session_settings& settings);
    void logout();
    session_view view() const;

    void trust_reinstatement(const iscsi::lun_field& lun) { session_.trust_reinstatement(lun); }

    command_sources& sources() { return sources_; }

    // The unit of this LUN, from now on until the session leaves. Only for what we know to be one:
    // find_unit() for what a target names.
    unit& unit_of(const iscsi::lun_field& lun);

    // Ends the connection. When that is quiet the sources must be told, then the object may go.
    void leave();

    bool is_quiet() const { return !socket_.is_open(); }

    // `now` is only for deadlines; what takes part in this turn reads the clock itself, for it may
    // come before.
    void run(iscsi::instant now) override;

    // Commands travel later in this turn, together.
    iscsi::result<iscsi::task_id> submit(iscsi::command what, const command_source& from) override;
    void abort(iscsi::task_id task) override;

    void hold(const iscsi::lun_field& lun) override { session_.hold(lun); }

    void let_go(const iscsi::lun_field& lun) override;
    bool logged_in() const override;

    iscsi::instant now() const override { return std::chrono::steady_clock::now(); }

    void attention(const iscsi::lun_field& lun, scsi::attention what) override;
    void tell(note_content what) override;
    void note_change(const iscsi::lun_field& lun, scsi::attention what) override;

  private:
    struct event_reader; // what follows from each event of the session

    void received(std::size_t bytes) override;
    void sent(std::size_t bytes) override;
    void closed(const iscsi::fault& why) override;

    unit* find_unit(const iscsi::lun_field& lun);
    void attention_of_stranger(const iscsi::lun_field& lun, scsi::attention what);
    void finish_turn();
    void send();
    void drain_events();

    session_key key_;
    iscsi::session session_;
    bool transport_wanted_;
    note_handler notes_;
    session_socket socket_;
    control_commands control_{*this};
    std::vector<std::unique_ptr<unit>> units_;
    std::optional<iscsi::instant> strangers_doubted_at_; // the caches of units not among units_
    command_sources sources_;
};

} // namespace iscsid::lane
