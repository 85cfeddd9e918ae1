#pragma once

#include "libiscsi/admin/varlink.hpp"
#include "libiscsi/base/result.hpp"

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

namespace iscsi::cli {

// A stream socket to iscsid that never waits beyond a deadline. Faults: client_errc.
class connection {
  public:
    using clock = std::chrono::steady_clock;

    // Faults: not_running (`got` is the errno as a number, open-iscsi prints it), access_denied,
    // timed_out.
    static result<connection> open(const std::filesystem::path& socket, clock::time_point deadline);

    connection(connection&& other) noexcept;
    connection(const connection&) = delete;
    connection& operator=(connection&&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection();

    // All of the bytes, or a fault after which the connection is of no more use.
    result<void> send(std::string_view bytes, clock::time_point deadline);

    // The next message, without its NUL.
    // What arrives behind it stays for the next call. Faults: cut, timed_out, malformed when it
    // grows beyond longest_message.
    result<std::string> receive(clock::time_point deadline);

    // Who listens. Of a socket of systemd that is systemd until iscsid has started; 0 when the
    // kernel does not say, as between containers.
    pid_t peer_process() const;

  private:
    explicit connection(int descriptor) : descriptor_(descriptor) {}

    // `events` in poll(2)'s words.
    result<void> wait_for(short events, clock::time_point deadline) const;
    result<void> read_more();

    int descriptor_ = -1;
    admin::varlink_splitter splitter_;
};

} // namespace iscsi::cli
