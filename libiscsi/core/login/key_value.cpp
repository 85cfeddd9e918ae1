#include "libiscsi/core/login/key_value.hpp"

#include "libiscsi/base/shown.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace iscsi {
namespace {

bool is_boolean(key_rule rule) {
    return rule == key_rule::both_yes || rule == key_rule::either_yes;
}

std::optional<std::uint32_t> parse_boolean(std::string_view text) {
    if (text == "Yes")
        return 1;
    if (text == "No")
        return 0;
    return std::nullopt;
}

bool is_hexadecimal(std::string_view text) {
    return text.starts_with("0x") || text.starts_with("0X");
}

std::optional<std::uint32_t> parse_number(std::string_view text) {
    const bool hexadecimal = is_hexadecimal(text);
    const std::string_view digits = text.substr(hexadecimal ? 2 : 0);
    const char* const end = digits.data() + digits.size();
    std::uint32_t value = 0;
    const auto [stopped, error] = std::from_chars(digits.data(), end, value, hexadecimal ? 16 : 10);
    if (error != std::errc() || stopped != end)
        return std::nullopt;
    return value;
}

std::string range_of(const key_row& row) {
    if (is_boolean(row.rule))
        return "Yes or No";
    return std::to_string(row.low) + " to " + std::to_string(row.high);
}

} // namespace

bool leaves_default(std::string_view value) {
    return value == irrelevant_word || value == not_understood_word;
}

std::uint32_t combine(key_rule rule, std::uint32_t ours, std::uint32_t theirs) {
    switch (rule) {
    case key_rule::smaller:
    case key_rule::both_yes:
        return std::min(ours, theirs);
    case key_rule::bigger:
    case key_rule::either_yes:
        return std::max(ours, theirs);
    case key_rule::declare_number:
    case key_rule::declare_text:
    case key_rule::one_of_list:
    case key_rule::obsolete:
    case key_rule::authentication:
        break;
    }
    return theirs;
}

std::optional<std::uint32_t> parse_any_number(const key_row& row, std::string_view text) {
    return is_boolean(row.rule) ? parse_boolean(text) : parse_number(text);
}

result<std::uint32_t> parse_value(const key_row& row, std::string_view text) {
    const auto value = parse_any_number(row, text);
    if (!value || *value < row.low || *value > row.high)
        return key_fault(login_errc::value_out_of_range, row.name, text, range_of(row));
    return *value;
}

std::string format_value(const key_row& row, std::uint32_t number) {
    if (is_boolean(row.rule))
        return number != 0 ? "Yes" : "No";
    return std::to_string(number);
}

std::vector<std::string_view> split_list(std::string_view text) {
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        words.push_back(text.substr(0, comma));
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return words;
}

std::string join_list(const std::vector<std::string_view>& words) {
    std::string text;
    for (const auto word : words) {
        if (!text.empty())
            text += ',';
        text += word;
    }
    return text;
}

negotiation_warning key_warning(std::string_view key, std::string_view got, std::string used) {
    return {std::string(key), shown(got), std::move(used)};
}

fault key_fault(login_errc code, std::string_view key, std::string_view got, std::string expected) {
    return {to_error_code(code), shown(key), shown(got), std::move(expected)};
}

} // namespace iscsi
