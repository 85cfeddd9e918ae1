#include "iscsid/os/hex.hpp"

#include <string_view>

namespace iscsid::os {

std::string hex_of(std::span<const std::byte> bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(2 * bytes.size());
    for (const std::byte each : bytes) {
        const auto value = std::to_integer<unsigned>(each);
        text += digits[value >> 4U];
        text += digits[value & 0xfU];
    }
    return text;
}

} // namespace iscsid::os
