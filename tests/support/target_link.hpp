#pragma once

#include "tests/support/memory_target.hpp"
#include "tests/support/pdu_stream.hpp"

#include "libiscsi/core/login/negotiation.hpp"
#include "libiscsi/core/pdu/pdu.hpp"

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace iscsi::test {

// One connection to a memory_target, without I/O: bytes in, bytes out. The target obeys RFC 7143
// at ErrorRecoveryLevel 0 and complains about an initiator that does not.
class target_link {
  public:
    explicit target_link(memory_target& target);
    ~target_link();
    target_link(const target_link&) = delete;
    target_link& operator=(const target_link&) = delete;

    void received(bytes_view bytes);

    // What becomes of a PDU that arrives, but for `ignore` a SCSI Command.
    struct treatment {
        bool ignore = false;                // as if it had not come
        bool hold = false;                  // its answer waits for release_held()
        bool wait = false;                  // it is answered when answer_oldest() says so
        duration delay{0};                  // its answer comes so much later
        std::optional<scsi_answer> answer;  // in place of executing it
        std::optional<std::uint8_t> reject; // a Text Request, for this reason (§11.17.1)
    };

    // Asked about each PDU that arrives.
    void screen_requests(std::function<treatment(const raw_pdu&)> screen) {
        screen_ = std::move(screen);
    }

    // Where answers that are due later are waited for: call answer() with that number then. Without
    // it everything is answered at once.
    using postponement = std::function<void(instant due, std::uint64_t number)>;

    void postpone_answers(postponement postpone) { postpone_ = std::move(postpone); }

    void answer(std::uint64_t number);

    // What is to be sent; it is the caller's then. Reads are executed only while little is waiting
    // to be sent: whoever does not take it keeps them waiting.
    std::vector<std::byte> take_output() { return take_gathered_output().take_flat(); }

    gathered_output take_gathered_output();

    // The target closes the connection once its output is sent.
    bool is_over() const { return over_; }

    bool is_logged_in() const { return phase_ == phase::full_feature; }

    // ---- what a target does of its own accord ----
    void ping();                                                    // NOP-In that wants an answer
    void tell(async_message message, bytes_view data = {});         // Asynchronous Message
    void tell_attention(std::uint16_t lun, const sense_code& what); // the same with sense
    void show_window();                       // NOP-In that only carries MaxCmdSN
    void release_held();                      // answers what holds_commands kept
    bool answer_oldest(const lun_field& lun); // of those that wait; false: none
    void end();                               // forgets its tasks and closes

    const operational_parameters& parameters() const { return parameters_; }

    std::size_t unanswered_tasks() const { return tasks_.size(); }

    std::size_t held_tasks() const; // by holds_commands: all of their data have arrived

  private:
    enum class phase : std::uint8_t { login, full_feature };

    struct transfer_request { // an R2T that is out
        std::uint32_t offset = 0;
        std::uint32_t length = 0;
        std::uint32_t received = 0;
        std::uint32_t next_data_sn = 0;
    };

    struct task {
        scsi_command command;
        std::vector<std::byte> data;
        std::uint32_t received = 0;     // of the write data, in order
        std::uint32_t asked_up_to = 0;  // by R2Ts
        std::uint32_t next_data_sn = 0; // of unsolicited Data-Out
        bool unsolicited_open = false;  // F has not come yet
        std::uint32_t next_r2t_sn = 0;
        std::uint32_t transfer_tag = 0;                     // of the last R2T
        std::map<std::uint32_t, transfer_request> requests; // by Target Transfer Tag
        bool held = false;
        treatment how;
        std::uint64_t number = 0; // in the order of arrival
        bool has_waited = false;  // for its time
        bool is_ready = false;    // it waits for answer_oldest(), and its data have arrived
    };

    using task_map = std::map<std::uint32_t, task>;

    void handle(const raw_pdu& pdu);
    void violation(const std::string& what);

    // ---- login ----
    void handle_login(const login_request& request, bytes_view data);
    void answer_login(const login_request& request, const text_pairs& text);
    void enter_full_feature(const login_request& request, const text_pairs& answers);
    std::optional<text_pairs> authenticate(const login_request& request, const text_pairs& text);
    bool needs_proof() const;
    void put_tag_first(text_pairs& answers) const;
    std::optional<text_pairs> negotiate(const login_request& request, const text_pairs& text);
    bool identify(const login_request& request, const text_pairs& text);
    void refuse_login(
        const login_request& request,
        std::uint8_t status_class,
        std::uint8_t detail,
        const text_pairs& text = {}
    );
    void
    send_login_response(login_response response, const login_request& to, const text_pairs& text);

    // ---- full feature phase ----
    void turn_down(const initiator_pdu& pdu, std::uint8_t reason);
    void on(const nop_out& pdu, bytes_view data);
    void on(const scsi_command& pdu, bytes_view data);
    void on(const task_management_request& pdu, bytes_view data);
    void on(const login_request& pdu, bytes_view data);
    void on(const text_request& pdu, bytes_view data);
    void on(const data_out& pdu, bytes_view data);
    void on(const logout_request& pdu, bytes_view data);
    void on(const snack_request& pdu, bytes_view data);

    // Checks CmdSN (§4.2.2.1) and ExpStatSN; false: the PDU is ignored.
    bool accept_numbers(std::uint32_t command_sn, std::uint32_t expected_status_sn, bool immediate);

    void take_unsolicited(task& which, const data_out& pdu, bytes_view data);
    void take_solicited(task& which, const data_out& pdu, bytes_view data);
    void store(task& which, std::uint32_t offset, bytes_view data);
    void continue_write(task_map::iterator at);
    void request_data(task& which, std::uint32_t tag);
    void check_unsolicited_total(const task& which);

    void finish(task_map::iterator at);
    std::uint32_t send_data_in(const scsi_command& command, bytes_view data, bool with_status);
    void send_scsi_response(
        const task& which, const scsi_answer& answer, std::uint32_t expected_data_sn
    );
    void leave_late_writes();
    std::uint8_t perform(const task_management_request& request);
    std::uint32_t abort_tasks(const task_management_request& request);
    text_pairs answer_to(const text_pairs& text);
    void send_text(const text_request& request);

    bool is_late(task& which);
    bool must_wait_for_room(const task& which);
    std::uint32_t shown_command_sn() const;
    std::uint32_t window() const;
    std::uint32_t max_command_sn() const;
    template <class Pdu>
    void send(Pdu pdu, bytes_view data = {}, bool advances_status_sn = false);

    memory_target* target_;
    phase phase_ = phase::login;
    bool over_ = false;

    std::function<treatment(const raw_pdu&)> screen_;
    treatment how_; // the PDU that is being taken
    postponement postpone_;
    std::uint64_t commands_ = 0;
    pdu_cutter cutter_;
    digests digests_;
    gathered_output output_;

    negotiation keys_;
    std::string login_text_;
    std::string initiator_name_;
    std::string nexus_initiator_; // with the name of the target, when that is a further one
    nexus nexus_;
    chap_examiner chap_;
    bool declared_ = false;
    session_type type_ = session_type::normal;
    operational_parameters parameters_;

    std::uint32_t status_sn_;
    std::uint32_t expected_command_sn_ = 0;
    std::uint32_t highest_window_ = 0;
    bool numbers_known_ = false;
    bool had_command_ = false;
    std::uint32_t next_transfer_tag_ = 0x100;

    std::string text_answer_; // what is left of it
    task_map tasks_;
    std::deque<std::uint64_t> reads_waiting_; // for room, by number
};

} // namespace iscsi::test
