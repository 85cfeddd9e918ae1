#pragma once

#include "libiscsi/base/text.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace iscsi::test {

// Whom a target lets in by CHAP (RFC 7143 §12.1.3), and how it proves itself.
struct chap_options {
    std::string user; // of the initiator; empty: no CHAP
    std::string secret;
    std::string own_name; // of the target, for mutual CHAP; empty: it cannot prove itself
    std::string own_secret;
    std::vector<std::uint8_t> algorithms{5, 6, 7, 8}; // CHAP_A: MD5, SHA1, SHA256, SHA3-256
    bool in_sessions = true;
    bool in_discovery = true;
    bool looks_at_first_only = false; // refuses a list whose first algorithm it does not know
};

// "MD5", "SHA1", "SHA256", "SHA3-256".
std::optional<std::uint8_t> chap_number_of(const std::string& name);

// The target's side of CHAP in one login, written from the standard and not from this project's
// initiator. hear() takes the keys of each request of the security stage in their turn.
class chap_examiner {
  public:
    using status = std::pair<std::uint8_t, std::uint8_t>; // class and detail, §11.13.5

    explicit chap_examiner(const chap_options& options) : options_(&options) {}

    struct reply {
        text_pairs answers;
        std::optional<status> refusal;
    };

    reply hear(const text_pairs& text);

    // The initiator has proved itself.
    bool is_satisfied() const { return turn_ == turn::over; }

  private:
    enum class turn : std::uint8_t { method, algorithm, proof, over };

    reply choose_method(const text_pairs& text);
    reply choose_algorithm(const text_pairs& text);
    reply check_proof(const text_pairs& text);
    reply prove(const text_pairs& text);

    const chap_options* options_;
    turn turn_ = turn::method;
    std::uint8_t algorithm_ = 0;
    std::uint8_t identifier_ = 0;
    std::vector<std::byte> challenge_;
};

} // namespace iscsi::test
