#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace iscsi::cli {

// The word of `known` that differs least from `word`, for "did you mean …": at most two letters
// that are missing, too many, others or exchanged, and fewer than half of its letters. Of several
// it is the first. The result points into `known`.
std::optional<std::string_view>
nearest_word(std::string_view word, std::span<const std::string_view> known);

} // namespace iscsi::cli
