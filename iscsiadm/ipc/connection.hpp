#pragma once

#include "libiscsi/admin/varlink.hpp"
#include "libiscsi/base/result.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

namespace iscsi::cli {

// A stream socket to iscsid that never waits beyond a deadline. Faults: client_errc.
class connection {
  public:
    using clock = std::chrono::steady_clock;

    static result<connection> open(const std::filesystem::path& socket, clock::time_point deadline);

    connection(connection&& other) noexcept;
    connection(const connection&) = delete;
    connection& operator=(connection&&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection();

    result<void> send(std::string_view bytes, clock::time_point deadline);

    // The next message, without its NUL.
    result<std::string> receive(clock::time_point deadline);

  private:
    explicit connection(int descriptor) : descriptor_(descriptor) {}

    result<void> wait_for(short events, clock::time_point deadline) const;
    result<void> read_more();

    int descriptor_ = -1;
    admin::varlink_splitter splitter_;
};

} // namespace iscsi::cli
