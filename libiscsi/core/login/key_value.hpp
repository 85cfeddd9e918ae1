#pragma once

#include "libiscsi/core/login/key_table.hpp"
#include "libiscsi/core/login/login.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Values of login keys: their text forms (RFC 7143 §6.1) and the rules that make two into one.
namespace iscsi {

inline constexpr std::string_view reject_word = "Reject";
inline constexpr std::string_view irrelevant_word = "Irrelevant";
inline constexpr std::string_view not_understood_word = "NotUnderstood";
inline constexpr std::size_t longest_text_value = 255; // §6.1

// The target has no wish for this key, so the default of the standard stands in (§6.2).
bool leaves_default(std::string_view value);

// What comes of two wishes. It is idempotent: an outcome combined with one of the wishes that led
// to it gives itself, which is how an answer is checked.
std::uint32_t combine(key_rule rule, std::uint32_t ours, std::uint32_t theirs);

// Yes or No, or a decimal or hexadecimal number in the row's range.
// Faults: login_errc::value_out_of_range.
result<std::uint32_t> parse_value(const key_row& row, std::string_view text);

// The same whatever the range; nothing: it is none at all, or not Yes and not No.
std::optional<std::uint32_t> parse_any_number(const key_row& row, std::string_view text);

std::string format_value(const key_row& row, std::uint32_t number);

std::vector<std::string_view> split_list(std::string_view text);
std::string join_list(const std::vector<std::string_view>& words);

// What was got is made fit for a log line in both.
negotiation_warning key_warning(std::string_view key, std::string_view got, std::string used);
fault key_fault(login_errc code, std::string_view key, std::string_view got, std::string expected);

} // namespace iscsi
