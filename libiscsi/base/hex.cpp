#include "libiscsi/base/hex.hpp"

#include <string_view>

namespace iscsi {
namespace {

char digit_of(std::uint64_t value) {
    return std::string_view("0123456789abcdef")[value & 0xfU];
}

} // namespace

std::string hex_of(bytes_view bytes) {
    std::string text;
    text.reserve(2 * bytes.size());
    for (const std::byte each : bytes) {
        const auto value = std::to_integer<unsigned>(each);
        text += digit_of(value >> 4U);
        text += digit_of(value);
    }
    return text;
}

std::string hex_of(std::uint64_t number, unsigned digits) {
    std::string text;
    for (unsigned shift = 4 * digits; shift > 0; shift -= 4)
        text += digit_of(number >> (shift - 4));
    return text;
}

} // namespace iscsi
