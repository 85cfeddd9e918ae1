#pragma once

#include "libiscsi/core/session/connection.hpp"
#include "libiscsi/core/session/context.hpp"
#include "libiscsi/core/session/renegotiation.hpp"
#include "libiscsi/core/session/text_exchange.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace iscsi {

// The Text Requests of a session: SendTargets (RFC 7143 Appendix C), and negotiation in full
// feature phase (§6.2), which a target asks for by an Asynchronous Message (§11.9.1, event 4).
//
// One exchange at a time, for no second one may begin on a connection before the first has ended.
// Either begins it; on_response() carries it on and ends it: targets_found, or new parameters.
// forget() when the connection is gone.
class text_requests {
  public:
    explicit text_requests(session_context& context) : context_(context) {}

    // False: another exchange is under way.
    bool send_targets(connection& over, std::string_view value);

    // An exchange that is under way answers the target's wish too. One that was begun less than a
    // second ago is not repeated at once, however often the target asks: the wish waits until
    // deadline().
    void renegotiate(connection& over, instant now);

    std::optional<instant> deadline() const { return wanted_at_; }

    void on_deadline(connection& over, instant now);

    // A fault ends the connection.
    result<void> on_response(const text_response& pdu, bytes_view data, connection& from);

    // The target has turned a Text Request down (§11.17). False: it was no negotiation, so nothing
    // else holds in its place.
    bool on_reject();

    // A Text Response is awaited.
    bool under_way() const { return exchange_.under_way(); }

    // Of these, the answer to SendTargets.
    bool awaits_targets() const {
        return under_way() && exchange_.purpose() == text_purpose::send_targets;
    }

    // Nothing more is begun.
    void stop() { wanted_at_.reset(); }

    void forget() {
        stop();
        exchange_.forget();
        renegotiated_at_.reset();
    }

  private:
    bool renegotiates() const;
    void begin(connection& over, text_purpose purpose, std::string text);
    void send(connection& over, text_request pdu, std::string text);
    result<void> take_renegotiation(const text_response& pdu, connection& from);
    result<void> end_renegotiation(const text_response& pdu, const renegotiation_answer& answer);
    result<void>
    reply(const text_response& pdu, const renegotiation_answer& answer, connection& over);
    void limit_segments(connection& over, std::uint32_t theirs);
    void tell_targets();

    session_context& context_;
    text_exchange exchange_;
    std::optional<instant> renegotiated_at_; // when the latest was begun
    std::optional<instant> wanted_at_;       // when the next may be
};

} // namespace iscsi
