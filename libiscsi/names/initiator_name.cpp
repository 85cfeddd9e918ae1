#include "libiscsi/names/initiator_name.hpp"

#include <charconv>

namespace iscsi {

// Without leading zeros two names could in principle be the same; it is kept because names of this
// form are everywhere, and six random bytes leave enough.
std::string make_initiator_name(std::string_view prefix, const name_entropy& random) {
    std::string name(prefix);
    name += ':';
    for (const std::uint8_t byte : random) {
        std::array<char, 2> digits{};
        constexpr int hexadecimal = 16;
        const auto [end, error] =
            std::to_chars(digits.data(), digits.data() + digits.size(), byte, hexadecimal);
        static_cast<void>(error); // two digits hold any byte
        name.append(digits.data(), end);
    }
    return name;
}

} // namespace iscsi
