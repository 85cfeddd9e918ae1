#pragma once

#include "libiscsi/admin/files.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace iscsi::admin {

// Texts of many files that come to the disk together, before any of them takes its place: one flush
// instead of one for each file. They wait in a folder of the tree's root whose name starts with a
// dot, which no reader looks at. What cannot be staged is not here, and is written the usual way.
//
//   add() for each → bring() → move() for each, when its turn comes → clear()
class staged_texts {
  public:
    staged_texts(file_system& files, const std::filesystem::path& root)
        : files_(&files), folder_(root / ".staged.many") {}

    // False: it is not staged, and neither is what comes after it.
    bool add(const std::filesystem::path& file, std::string_view text);
    // False: nothing is staged.
    bool bring();

    // To its place, when it is staged with this text. Else, or when that fails, false, and the
    // place is as it was.
    bool move(const std::filesystem::path& file, std::string_view text);

    // Also what a writer has left that died.
    result<void> clear();

  private:
    file_system* files_;
    std::filesystem::path folder_;
    std::map<std::filesystem::path, std::filesystem::path> places_; // where each file is staged
    std::size_t next_ = 0;                                          // the name of the next one
};

} // namespace iscsi::admin
