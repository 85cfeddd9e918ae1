#pragma once

#include "libiscsi/base/text.hpp"
#include "libiscsi/core/login/chap.hpp"
#include "libiscsi/core/parameters.hpp"

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The authentication keys of one Login Response (RFC 7143 §12.1.3), read strictly. Every fault is
// login_errc::chap_failed and names the key; no fault holds a secret or a response.
namespace iscsi {

// CHAP_A, CHAP_I and CHAP_C: what the target asks of us.
struct chap_question {
    chap_algorithm algorithm = chap_algorithm::md5;
    std::uint8_t identifier = 0;
    std::vector<std::byte> challenge;
};

// CHAP_N and CHAP_R: who the target says it is, and its answer to our challenge.
struct chap_proof {
    std::string name;
    std::vector<std::byte> response;
};

inline constexpr std::array<std::string_view, 1> method_key{"AuthMethod"};
inline constexpr std::array<std::string_view, 3> question_keys{"CHAP_A", "CHAP_I", "CHAP_C"};
inline constexpr std::array<std::string_view, 2> proof_keys{"CHAP_N", "CHAP_R"};

// Each of the keys that are due comes once, and no other key of authentication comes at all.
result<void> expect_keys(const text_pairs& text, std::span<const std::string_view> due);

// Both need expect_keys() to have passed.
result<chap_question>
read_chap_question(const text_pairs& text, const std::vector<std::string>& offered_algorithms);
result<chap_proof> read_chap_proof(const text_pairs& text);

// The value of CHAP_A: the numbers of the named algorithms, in their order.
std::string format_chap_algorithms(const std::vector<std::string>& names);

fault chap_fault(std::string_view key, std::string_view got, std::string expected);

} // namespace iscsi
