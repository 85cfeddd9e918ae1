#include "iscsiadm/cli/nearest.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace iscsi::cli {

namespace {

// Damerau and Levenshtein: each row is made of the two before it.
std::size_t distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> before_last, last(to.size() + 1), row(to.size() + 1);
    std::iota(last.begin(), last.end(), 0U);
    for (std::size_t i = 1; i <= from.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= to.size(); ++j) {
            const std::size_t other = from[i - 1] == to[j - 1] ? 0 : 1;
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + other});
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                row[j] = std::min(row[j], before_last[j - 2] + 1);
        }
        before_last = last;
        last = row;
    }
    return last.back();
}

} // namespace

std::optional<std::string_view>
nearest_word(std::string_view word, std::span<const std::string_view> known) {
    if (word.empty())
        return std::nullopt;
    constexpr std::size_t most = 2;
    std::optional<std::string_view> nearest;
    std::size_t smallest = std::min(most, (word.size() - word.size() / 2) - 1) + 1;
    for (const std::string_view candidate : known) {
        const std::size_t length_differs = candidate.size() > word.size()
                                               ? candidate.size() - word.size()
                                               : word.size() - candidate.size();
        if (length_differs >= smallest)
            continue;
        const std::size_t differs = distance(word, candidate);
        if (differs < smallest) {
            smallest = differs;
            nearest = candidate;
        }
    }
    return nearest;
}

std::optional<std::string_view>
nearest_name(std::string_view beginning, std::span<const std::string_view> known) {
    if (const auto whole = nearest_word(beginning, known))
        return whole;
    // Of as many letters, and of one more or less, for one may be missing or too many.
    std::vector<std::string_view> beginnings, names;
    for (const std::string_view name : known)
        for (std::size_t size = beginning.size() + 1; size + 1 >= beginning.size() && size > 1;
             --size)
            if (size < name.size()) {
                beginnings.push_back(name.substr(0, size));
                names.push_back(name);
            }
    const auto nearest = nearest_word(beginning, beginnings);
    if (!nearest)
        return std::nullopt;
    const auto found = std::ranges::find(beginnings, *nearest);
    return names[static_cast<std::size_t>(found - beginnings.begin())];
}

std::optional<std::string> did_you_mean(
    std::string_view option, std::string_view word, std::span<const std::string_view> known
) {
    const auto nearest = nearest_word(word, known);
    return nearest ? std::optional(fmt::format("did you mean {} {}?", option, *nearest))
                   : std::nullopt;
}

} // namespace iscsi::cli
