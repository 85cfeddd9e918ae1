#include "iscsiadm/cli/lun.hpp"

#include <fmt/core.h>

#include <charconv>
#include <optional>
#include <string_view>

namespace iscsi::cli {

namespace {

constexpr std::uint64_t first_flat = 256; // what one byte cannot hold
constexpr std::uint64_t flat = 16384;     // the addressing method, and how many LUNs it has

// Digits and nothing else: no sign, no blank.
std::optional<std::uint64_t> number_of(std::string_view digits, int base) {
    std::uint64_t number = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, number, base);
    if (error != std::errc{} || stop != end)
        return std::nullopt;
    return number;
}

// Linux has the first of the four levels lowest; the way back is the same.
std::uint64_t levels_reversed(std::uint64_t from) {
    constexpr unsigned level = 16;
    constexpr std::uint64_t mask = 0xffff;
    std::uint64_t to = 0;
    for (unsigned shift = 0; shift < 4 * level; shift += level)
        to |= ((from >> shift) & mask) << (3 * level - shift);
    return to;
}

// Who reads "Lun: 16640" in a listing means LUN 256.
std::string nearest(std::uint64_t listed) {
    return listed < flat || listed >= 2 * flat
               ? std::string()
               : fmt::format(": did you mean --lun {}?", written_lun(listed));
}

} // namespace

parsed<std::uint64_t> parse_lun(const std::string& text) {
    constexpr std::string_view prefix = "0x";
    constexpr std::size_t digits = 16;
    const bool is_bytes = text.starts_with(prefix);
    if (is_bytes && text.size() == prefix.size() + digits)
        if (const auto bytes = number_of(std::string_view(text).substr(prefix.size()), 16))
            return levels_reversed(*bytes);
    const auto number = is_bytes ? std::nullopt : number_of(text, 10);
    if (number && *number < flat)
        return *number < first_flat ? *number : *number + flat;
    return refusal{{fmt::format(
        "Invalid LUN '{}'. It must be from 0 to {}, or 0x and 16 hexadecimal digits{}",
        text,
        flat - 1,
        number ? nearest(*number) : ""
    )}};
}

std::string written_lun(std::uint64_t number) {
    if (number < first_flat)
        return std::to_string(number);
    if (number >= flat + first_flat && number < 2 * flat)
        return std::to_string(number - flat);
    return fmt::format("0x{:016x}", levels_reversed(number));
}

} // namespace iscsi::cli
