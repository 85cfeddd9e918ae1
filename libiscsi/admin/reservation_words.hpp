#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

// The words for persistent reservations (SPC-4 §5.13) that users, the socket and documents have in
// common: verbs, types, keys.
namespace iscsi::admin {

enum class reserve_verb : std::uint8_t {
    read_keys,
    read_reservation,
    read_full_status,
    report_capabilities,
    register_key,
    register_ignore,
    unregister,
    reserve,
    release,
    preempt,
    preempt_abort,
    clear,
};

// What a verb is told beside its LUN. A key that is not there counts as 0.
enum class reserve_argument : std::uint8_t { none, may, must };

struct reserve_verb_row {
    std::string_view word; // "preempt-abort"
    reserve_verb verb{};
    reserve_argument key = reserve_argument::none;        // the one that is registered
    reserve_argument new_key = reserve_argument::none;    // to register
    reserve_argument victim_key = reserve_argument::none; // to take away from others
    reserve_argument type = reserve_argument::none;

    bool changes() const {
        return key != reserve_argument::none || new_key != reserve_argument::none;
    }
};

std::span<const reserve_verb_row> reserve_verbs();
const reserve_verb_row* find_reserve_verb(std::string_view word); // nullptr: there is none
const reserve_verb_row& row_of(reserve_verb verb);

// A type by the code that commands carry.
struct reservation_type_row {
    std::string_view word; // "write-exclusive"
    std::uint8_t code = 0;
};

std::span<const reservation_type_row> reservation_types();
std::optional<std::uint8_t> reservation_type_of(std::string_view word);
std::string reservation_type_word(std::uint8_t code); // "type 2" for one that has no word

// Decimal, or hexadecimal behind 0x; all of the text, and no more than 64 bits.
std::optional<std::uint64_t> read_reservation_key(std::string_view text);
std::string reservation_key_text(std::uint64_t key); // "0x1f"

} // namespace iscsi::admin
