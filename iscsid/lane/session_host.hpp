#pragma once

#include "iscsid/lane/command_source.hpp"
#include "iscsid/lane/control_commands.hpp"
#include "iscsid/lane/lane.hpp"
#include "iscsid/lane/unit.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace iscsid::lane {

// A session on its lane: its socket, one receive and one send under way, its events, and the
// sources of its commands. The lane calls run() after each turn of the ring.
class session_host final : public session_port, private ring_client {
  public:
    session_host(session_key key, iscsi::session session, int socket, note_handler notes, ring& io);
    ~session_host() override;
    session_host(const session_host&) = delete;
    session_host& operator=(const session_host&) = delete;
    session_host(session_host&&) = delete;
    session_host& operator=(session_host&&) = delete;

    session_key key() const { return key_; }

    // What the control thread asks; run() does the rest.
    void transport(int socket, const iscsi::fault& why);
    void execute(control_command command);
    void logout();
    session_view view() const;

    void trust_reinstatement(const iscsi::lun_field& lun) { session_.trust_reinstatement(lun); }

    void add(command_source& source);
    void remove(const command_source& source); // it has no command under way

    // The unit of this LUN, from now on until the session leaves.
    unit& unit_of(const iscsi::lun_field& lun);

    // Ends the connection. When that is quiet the sources must be told, then the object may go.
    void leave();

    bool is_quiet() const { return socket_ < 0; }

    void part_from_sources();

    // `now` is only for deadlines; what takes part in this turn reads the clock itself, for it may
    // come before.
    void run(iscsi::instant now);

    std::optional<iscsi::instant> next_deadline() const { return deadline_; }

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
    enum io_number : std::uint32_t { receiving, sending };

    void ring_done(std::uint32_t operation, std::int32_t result) override;
    void received(std::int32_t result);
    void sent(std::int32_t result);

    void handle_deadlines(iscsi::instant now);
    void settle();
    void drain_events();
    bool hand_out_free_slots();
    bool serve_one();
    std::optional<iscsi::instant> first_deadline() const;
    void start_receive();
    void start_send();
    void begin_close(const iscsi::fault& why);
    void finish_close();

    void on(const iscsi::task_done& done);
    void on(const iscsi::want_transport& what);
    void on(const iscsi::want_close& what);
    void on(const iscsi::want_entropy& what);
    void on(const iscsi::logged_in& what);
    void on(const iscsi::target_message& what);
    void on(const iscsi::logged_out& what);

    template <class Event> // the rest is for the control thread alone
    void on(const Event& what) {
        tell(iscsi::event(what));
    }

    unit* find_unit(const iscsi::lun_field& lun);
    void tell_attention(const iscsi::target_message& what);

    session_key key_;
    iscsi::session session_;
    int socket_; // -1: none
    bool transport_wanted_;
    note_handler notes_;
    ring& io_;
    std::optional<iscsi::instant> deadline_;
    bool busy_ = true; // something has happened since the last settle()
    bool receive_under_way_ = false;
    bool send_under_way_ = false;
    std::optional<iscsi::fault> closing_; // waits for both to end
    std::vector<iovec> receive_vector_;
    std::vector<iovec> send_vector_;
    control_commands control_{*this};
    std::vector<std::unique_ptr<unit>> units_;
    std::vector<command_source*> sources_; // by the high half of a cookie; nullptr is free
    std::size_t next_served_ = 0;          // who gets the next free slot
    bool someone_waits_ = false;           // for a free slot: nobody takes one out of turn
    bool is_serving_ = false;
};

} // namespace iscsid::lane
