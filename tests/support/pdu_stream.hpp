#pragma once

#include "tests/support/gathered_output.hpp"

#include "libiscsi/core/parameters.hpp"
#include "libiscsi/core/pdu/pdu.hpp"

#include <optional>
#include <vector>

// Whole PDUs in and out of a byte stream, by copying: for test targets and scripts, which see the
// initiator's side from the other end.
namespace iscsi::test {

struct raw_pdu {
    basic_header header{};
    std::vector<std::byte> data;
};

struct digests {
    digest header = digest::none;
    digest data = digest::none;
};

class pdu_cutter {
  public:
    void use(digests which) { digests_ = which; }

    void feed(bytes_view bytes);

    // The next whole PDU. A wrong digest is a fault; the stream ends there.
    result<std::optional<raw_pdu>> next();

    std::size_t buffered() const { return buffer_.size() - begin_; }

  private:
    std::vector<std::byte> buffer_;
    std::size_t begin_ = 0; // what stands before it has been handed out
    digests digests_;
};

void append_pdu(std::vector<std::byte>& to, basic_header header, bytes_view data, digests which);

// The same; data that last are named.
void append_pdu(gathered_output& to, basic_header header, bytes_view data, digests which);

inline bytes_view bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

} // namespace iscsi::test
