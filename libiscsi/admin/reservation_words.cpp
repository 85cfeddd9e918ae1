#include "libiscsi/admin/reservation_words.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace iscsi::admin {

namespace {

using enum reserve_argument;

constexpr std::array verbs = {
    reserve_verb_row{"read-keys", reserve_verb::read_keys},
    reserve_verb_row{"read-reservation", reserve_verb::read_reservation},
    reserve_verb_row{"read-full-status", reserve_verb::read_full_status},
    reserve_verb_row{"report-capabilities", reserve_verb::report_capabilities},
    reserve_verb_row{"register", reserve_verb::register_key, may, must},
    reserve_verb_row{"register-ignore", reserve_verb::register_ignore, none, must},
    reserve_verb_row{"unregister", reserve_verb::unregister, must},
    reserve_verb_row{"reserve", reserve_verb::reserve, must, none, none, must},
    reserve_verb_row{"release", reserve_verb::release, must, none, none, must},
    reserve_verb_row{"preempt", reserve_verb::preempt, must, none, must, must},
    reserve_verb_row{"preempt-abort", reserve_verb::preempt_abort, must, none, must, must},
    reserve_verb_row{"clear", reserve_verb::clear, must},
};

// SPC-4 §6.15.3.4.
constexpr std::array types = {
    reservation_type_row{"write-exclusive", 1},
    reservation_type_row{"exclusive-access", 3},
    reservation_type_row{"write-exclusive-registrants-only", 5},
    reservation_type_row{"exclusive-access-registrants-only", 6},
    reservation_type_row{"write-exclusive-all-registrants", 7},
    reservation_type_row{"exclusive-access-all-registrants", 8},
};

constexpr int hexadecimal = 16;
constexpr int decimal = 10;

} // namespace

std::span<const reserve_verb_row> reserve_verbs() {
    return verbs;
}

const reserve_verb_row* find_reserve_verb(std::string_view word) {
    const auto* const row = std::ranges::find(verbs, word, &reserve_verb_row::word);
    return row == verbs.end() ? nullptr : row;
}

const reserve_verb_row& row_of(reserve_verb verb) {
    return *std::ranges::find(verbs, verb, &reserve_verb_row::verb);
}

std::span<const reservation_type_row> reservation_types() {
    return types;
}

std::optional<std::uint8_t> reservation_type_of(std::string_view word) {
    const auto* const row = std::ranges::find(types, word, &reservation_type_row::word);
    return row == types.end() ? std::nullopt : std::optional(row->code);
}

std::string reservation_type_word(std::uint8_t code) {
    const auto* const row = std::ranges::find(types, code, &reservation_type_row::code);
    return row == types.end() ? "type " + std::to_string(code) : std::string(row->word);
}

std::optional<std::uint64_t> read_reservation_key(std::string_view text) {
    const bool is_hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    if (is_hexadecimal)
        text.remove_prefix(2);
    std::uint64_t key = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] =
        std::from_chars(text.data(), end, key, is_hexadecimal ? hexadecimal : decimal);
    if (error != std::errc{} || stop != end)
        return std::nullopt;
    return key;
}

std::string reservation_key_text(std::uint64_t key) {
    std::array<char, 16> digits{};
    const auto [stop, error] =
        std::to_chars(digits.data(), digits.data() + digits.size(), key, hexadecimal);
    return "0x" + std::string(digits.data(), stop);
}

} // namespace iscsi::admin
