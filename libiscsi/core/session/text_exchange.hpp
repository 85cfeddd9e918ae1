#pragma once

#include "libiscsi/core/pdu/pdu.hpp"

#include <optional>
#include <string>
#include <utility>

namespace iscsi {

// What a Text exchange is for.
enum class text_purpose : std::uint8_t { send_targets, renegotiation };

enum class text_turn : std::uint8_t {
    go_on, // the target has more to say: an empty request
    ours,  // it waits for what we have to say
    over,
};

// One Text negotiation, whose answer may come in many PDUs (RFC 7143 §11.10, §11.11).
// begin(), then on_response() and next() in turn until `over`; one exchange at a time per session.
class text_exchange {
  public:
    bool under_way() const { return tag_.has_value(); }

    text_purpose purpose() const { return purpose_; }

    text_request begin(std::uint32_t tag, text_purpose purpose);
    // After a lost connection: what has come of the answer is thrown away, and it is asked for
    // again.
    void forget();

    // Takes one response. Faults: session_errc::unknown_task, ::text_too_long.
    result<text_turn> on_response(const text_response& pdu, bytes_view data);

    // The request that follows a response which was not the last (§11.10.4).
    text_request next(const text_response& to) const;

    // What the target has said since the last call.
    std::string take_text() { return std::exchange(text_, {}); }

  private:
    result<void> check(const text_response& pdu, bytes_view data) const;

    std::optional<std::uint32_t> tag_;
    text_purpose purpose_ = text_purpose::send_targets;
    std::string text_;
    std::size_t rounds_ = 0;
};

} // namespace iscsi
