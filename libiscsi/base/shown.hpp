#pragma once

#include <string>
#include <string_view>

namespace iscsi {

// What came from the network, fit for a log line: printable ASCII, at most 80 characters.
// A terminal escape in the name of a target must not reach anybody's terminal.
inline std::string shown(std::string_view raw) {
    constexpr std::size_t longest = 80;
    std::string line;
    for (const char c : raw.substr(0, longest))
        line += c >= ' ' && c <= '~' ? c : '?';
    if (raw.size() > longest)
        line += "...";
    return line;
}

} // namespace iscsi
