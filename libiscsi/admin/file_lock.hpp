#pragma once

#include "libiscsi/base/result.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

namespace iscsi::admin {

// How the wait for a lock stands.
struct lock_wait {
    std::filesystem::path file;
    std::string holder; // "process 4711 (iscsiadm)", or empty when that cannot be known
    std::chrono::seconds waited{};
    bool is_over = false; // it is ours, or the wait has failed
};

// Told of a wait each second from the first one on, and then of its end; never of a wait that is
// shorter.
using lock_listener = std::function<void(const lock_wait&)>;

// The exclusive right to change the record tree: an OFD lock on its lock file. It ends with its
// holder, so a killed process never blocks the next one; and it holds between threads, too.
// POSIX locks (F_SETLK) end with the first close of any descriptor of the file in the process, and
// hold for the whole process: an OFD lock does neither. It is advisory; only programs of this house
// and the tests take it.
class file_lock {
  public:
    // Creates the file when it is not there, and waits at most `patience`. It asks again and again
    // instead of sleeping in the kernel, so that it can give up. Moving it moves the right; a
    // moved-from lock holds nothing. Faults: file_errc::lock_failed, ::write_failed.
    static result<file_lock> take(
        const std::filesystem::path& file,
        std::chrono::milliseconds patience,
        const lock_listener& tell = {}
    );

    file_lock(file_lock&& other) noexcept;
    file_lock& operator=(file_lock&&) = delete;
    ~file_lock();

  private:
    explicit file_lock(int file) : file_(file) {}

    int file_;
};

} // namespace iscsi::admin
