#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace scsi::test {

// A type of its own, so that `+` is found by argument-dependent lookup.
struct bytes : std::vector<std::byte> {
    using std::vector<std::byte>::vector;
};

inline bytes bytes_of(std::initializer_list<unsigned> values) {
    bytes made;
    for (const unsigned value : values)
        made.push_back(static_cast<std::byte>(value));
    return made;
}

inline bytes text_bytes(std::string_view text) {
    bytes made;
    for (const char c : text)
        made.push_back(static_cast<std::byte>(c));
    return made;
}

inline bytes operator+(bytes first, const bytes& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

inline bytes zeros(std::size_t count) {
    return bytes(count);
}

template <std::size_t N>
std::array<std::byte, N> padded(std::initializer_list<unsigned> values) {
    std::array<std::byte, N> made{};
    std::size_t at = 0;
    for (const unsigned value : values)
        made.at(at++) = static_cast<std::byte>(value);
    return made;
}

// Calls `read` with every beginning of `whole`: nothing may crash or read past the end (each copy
// is allocated at its exact size, so that AddressSanitizer sees it).
template <class Reader>
void read_every_beginning(const bytes& whole, Reader read) {
    for (std::size_t length = 0; length <= whole.size(); ++length)
        static_cast<void>(read(bytes(whole.begin(), whole.begin() + std::ptrdiff_t(length))));
}

} // namespace scsi::test
