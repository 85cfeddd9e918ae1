#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace iscsid::os {

// What replace_file() names its file until it is whole; one of an interrupted call stays, and
// whoever owns the folder removes it at his start.
inline constexpr std::string_view staged_prefix = ".new-";

// Gives the file this text (mode 0600), whole and synced with its folder, or leaves it as it was.
// Calls for different texts of one file at the same time are fine: one of them wins. 0, or errno;
// when only the folder could not be synced the new text is there.
int replace_file(const std::filesystem::path& path, std::string_view text);

struct file_text {
    int error = 0;          // errno; 0: `text` holds
    bool is_regular = true; // false: there is something else in its place
    std::string text;       // at most `longest` + 1 bytes: longer files are cut there
};

// Reads a regular file without following a link or waiting for a FIFO.
file_text read_file(const std::filesystem::path& path, std::size_t longest);

} // namespace iscsid::os
