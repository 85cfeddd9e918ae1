#pragma once

#include <filesystem>
#include <system_error>
#include <vector>

namespace iscsid::os {

// What stands in a folder whose entries come and go, as in /proc and /sys: as far as it can be
// read.
inline std::vector<std::filesystem::path> entries_of(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> all;
    std::error_code error;
    std::filesystem::directory_iterator at(folder, error);
    for (; !error && at != std::filesystem::directory_iterator(); at.increment(error))
        all.push_back(at->path());
    return all;
}

} // namespace iscsid::os
