#pragma once

#include "libiscsi/core/pdu/pdu.hpp"

#include <optional>
#include <string>

namespace iscsi {

// One Text negotiation, whose answer may come in many PDUs (RFC 7143 §11.10, §11.11).
class text_exchange {
  public:
    bool under_way() const { return tag_.has_value(); }

    text_request begin(std::uint32_t tag);
    void forget();

    // Takes one response; the next request to send when the answer goes on, nothing when text() is
    // whole. Faults: session_errc::unknown_task, ::text_too_long.
    result<std::optional<text_request>> on_response(const text_response& pdu, bytes_view data);

    // The whole answer; ends the exchange.
    std::string take_text();

  private:
    result<void> check(const text_response& pdu, bytes_view data) const;

    std::optional<std::uint32_t> tag_;
    std::string text_;
    std::size_t rounds_ = 0;
};

} // namespace iscsi
