#pragma once

#include "libiscsi/base/text.hpp"
#include "libiscsi/core/session/session.hpp"

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace iscsi::test {

using buffer = std::vector<std::byte>;

// 0, 1, 2, … so that misplaced data shows.
buffer pattern(std::size_t size, unsigned first = 0);

// A PDU that the session has sent.
struct sent_pdu {
    initiator_pdu pdu;
    buffer data;
};

// The far end of a session: encodes what a target says, decodes what it hears, keeps the clock.
class peer {
  public:
    explicit peer(session_config config);

    // ---- the link ----
    std::size_t send_limit = SIZE_MAX;    // bytes that one send takes
    std::size_t receive_limit = SIZE_MAX; // bytes that one receive brings

    // Everything that the session has to send, PDU by PDU.
    std::vector<sent_pdu> hear();

    // The next one; the test ends when it is of another kind.
    template <class Pdu>
    Pdu hear_one(buffer* data = nullptr);

    bool silent();

    // Says a PDU with its next StatSN where it has one, and the window.
    template <class Pdu>
    result<void> say(Pdu pdu, const buffer& data = {}) {
        return say_as_is(numbered(pdu), data);
    }

    result<void> say_as_is(const target_pdu& pdu, const buffer& data = {});
    result<void> deliver(const buffer& bytes);
    buffer encoded(const target_pdu& pdu, const buffer& data) const;

    template <class Pdu>
    Pdu numbered(Pdu pdu) {
        pdu.status_sn = advances(pdu) ? status_sn++ : status_sn;
        pdu.expected_command_sn = expected_command_sn;
        pdu.max_command_sn = expected_command_sn + window - 1;
        return pdu;
    }

    // ---- the phases ----
    void connect(); // start, or after a pause: want_transport has come, transport_up is told
    void log_in();  // answers Login Requests until logged_in

    void start_session() {
        session_under_test.start(now);
        connect();
        log_in();
    }

    void lose_transport();
    void pass(duration time); // and lets deadlines fire

    // ---- events ----
    std::vector<event> events();
    template <class Event>
    Event expect_event();
    bool no_event();

    // ---- settings of the target ----
    std::map<std::string, std::string> keys; // its answers in operational negotiation
    std::uint32_t status_sn = 100;
    std::uint32_t expected_command_sn = 0; // follows the commands that were heard
    std::uint32_t window = 64;
    bool header_digest = false;
    bool data_digest = false;

    instant now{std::chrono::hours(1)};
    session session_under_test;

  private:
    template <class Pdu>
    static bool advances(const Pdu& /*unused*/) {
        return true;
    }

    static bool advances(const nop_in& pdu) { return pdu.initiator_task_tag != reserved_tag; }

    static bool advances(const data_in& pdu) { return pdu.has_status; }

    static bool advances(const r2t& /*unused*/) { return false; }

    void collect();
    bool cut_one();
    void answer_login(const sent_pdu& request);
    std::string login_text(const login_request& request, const buffer& data);

    buffer stream_;
    std::deque<sent_pdu> heard_;
    std::deque<event> events_;
    bool logging_in_ = false;
    bool negotiated_header_digest_ = false;
    bool negotiated_data_digest_ = false;
};

session_config plain_config();
session_config config_that_waits(duration replacement); // replacement_timeout; 0 and less as there
command read_command(mutable_bytes to, std::uint64_t cookie = 1);
command write_command(bytes_view from, std::uint64_t cookie = 1);

} // namespace iscsi::test

#include "tests/unit/core/session/peer_templates.hpp"
