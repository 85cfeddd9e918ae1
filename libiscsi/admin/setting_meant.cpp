#include "libiscsi/admin/setting_meant.hpp"

#include "libiscsi/admin/words.hpp"
#include "libiscsi/names/characters.hpp"

#include <algorithm>
#include <charconv>

namespace iscsi::admin {

namespace {

// "#" may be part of a secret or a name; no other type of value holds one.
std::string_view without_comment(std::string_view text) {
    return trim(text.substr(0, text.find('#')));
}

std::optional<std::string_view> known_word(const setting& row, std::string_view text) {
    for (const auto choice : split(row.choices, '|'))
        if (same_but_for_case(choice, text))
            return choice;
    return std::nullopt;
}

// Digits and nothing else: "10s" may be seconds and may be a slip.
std::optional<std::string> number_in_range(const setting& row, std::string_view text) {
    std::int64_t value = 0;
    const auto* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (stop != end || error == std::errc::invalid_argument)
        return std::nullopt;
    if (error == std::errc::result_out_of_range)
        value = text.front() == '-' ? row.low : row.high;
    return std::to_string(std::clamp(value, row.low, row.high));
}

// Of the words that are left none is stronger or weaker than written; only fewer are offered.
std::optional<std::string> known_words(const setting& row, std::string_view text) {
    std::string list;
    for (const auto part : split(text, ',')) {
        const auto word = known_word(row, trim(part));
        auto longer = list + (list.empty() ? "" : ",") + std::string(word.value_or(""));
        if (check_value(row, longer)) // neither unknown nor repeated
            list = std::move(longer);
    }
    return list.empty() ? std::nullopt : std::optional(std::move(list));
}

} // namespace

std::optional<std::string> value_meant(const setting& row, std::string_view text) {
    const auto value = without_comment(text);
    switch (row.type) {
    case setting_type::text:
        return std::nullopt;
    case setting_type::integer:
        return number_in_range(row, value);
    case setting_type::boolean:
    case setting_type::choice:
        if (const auto word = known_word(row, value))
            return std::string(*word);
        return std::nullopt;
    case setting_type::list:
        return known_words(row, value);
    }
    return std::nullopt;
}

} // namespace iscsi::admin
