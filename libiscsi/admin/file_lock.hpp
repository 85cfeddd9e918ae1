#pragma once

#include "libiscsi/base/result.hpp"

#include <chrono>
#include <filesystem>

namespace iscsi::admin {

// The exclusive right to change the record tree: an OFD lock on its lock file. It ends with its
// holder, so a killed process never blocks the next one; and it holds between threads, too.
// POSIX locks (F_SETLK) end with the first close of any descriptor of the file in the process, and
// hold for the whole process: an OFD lock does neither. It is advisory; only programs of this house
// and the tests take it.
class file_lock {
  public:
    // Waits at most `patience`. Faults: file_errc::lock_failed, ::write_failed.
    static result<file_lock>
    // Creates the file when it is not there. It asks every 2 ms instead of sleeping in the kernel,
    // so that it can give up. Moving it moves the right; a moved-from lock holds nothing.
    take(const std::filesystem::path& file, std::chrono::milliseconds patience);

    file_lock(file_lock&& other) noexcept;
    file_lock& operator=(file_lock&&) = delete;
    ~file_lock();

  private:
    explicit file_lock(int file) : file_(file) {}

    int file_;
};

} // namespace iscsi::admin
