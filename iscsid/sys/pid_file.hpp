#pragma once

#include "libiscsi/base/result.hpp"

#include <filesystem>

namespace iscsid::sys {

// `taken` ends the start; without a file the daemon runs as well, so the caller decides about the
// other.
enum class pid_file_errc { taken = 1, cannot_write };

const char* category_name(pid_file_errc);
std::string_view message_of(pid_file_errc);

// The file that names the running daemon. It is locked as long as this object lives, so that a
// second daemon sees the first even when the file of a killed one was left behind.
class pid_file {
  public:
    // Faults: taken (got: what the file says), cannot_write.
    static iscsi::result<pid_file> take(const std::filesystem::path& path);

    ~pid_file();
    pid_file(pid_file&& other) noexcept;
    pid_file& operator=(pid_file&&) = delete;
    pid_file(const pid_file&) = delete;
    pid_file& operator=(const pid_file&) = delete;

  private:
    pid_file(std::filesystem::path path, int fd);

    std::filesystem::path path_;
    int fd_;
};

} // namespace iscsid::sys
