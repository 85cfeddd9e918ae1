#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

// The few things that every text of this room needs.
namespace iscsi::admin {

// What isspace(3) knows in the C locale. The locale of the user must not decide how a file is read.
constexpr bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// ASCII only: bytes from 0x80 are left alone, they may be UTF-8.
constexpr bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
}

// Without the blanks at either end.
constexpr std::string_view trim(std::string_view text) {
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

// Decimal, and to the end: "10s" is none, and neither is a number that does not fit.
template <class Integer>
std::optional<Integer> to_number(std::string_view text) {
    Integer value{};
    const auto* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end)
        return std::nullopt;
    return value;
}

// "a,b" cut at ',' is "a" and "b"; an empty text is one empty part.
// The parts point into `text` and end with it.
inline std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos)
            return parts;
        text.remove_prefix(end + 1);
    }
}

} // namespace iscsi::admin
