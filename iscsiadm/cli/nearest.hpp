#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace iscsi::cli {

// The word of `known` that differs least from `word`, for "did you mean …": at most two letters
// that are missing, too many, others or exchanged, and fewer than half of its letters. Of several
// it is the first. The result points into `known`.
std::optional<std::string_view>
nearest_word(std::string_view word, std::span<const std::string_view> known);

// The same for a name that may be shortened, as long options are: where no whole name is near, the
// name whose beginning is. "taget" means "targetname".
std::optional<std::string_view>
nearest_name(std::string_view beginning, std::span<const std::string_view> known);

// "did you mean -o show?", for the last line of a refusal; nothing when no word is near.
std::optional<std::string> did_you_mean(
    std::string_view option, std::string_view word, std::span<const std::string_view> known
);

} // namespace iscsi::cli
