#pragma once

#include "libiscsi/admin/varlink.hpp"

#include <atomic>
#include <filesystem>
#include <functional>
#include <string_view>
#include <thread>

namespace iscsi::cli {

// One caller of the fake daemon.
class caller {
  public:
    explicit caller(int descriptor) : descriptor_(descriptor) {}

    // The next call; an empty method when the caller has hung up.
    admin::varlink_call read_call() const;

    void send(std::string_view bytes) const;
    void reply(const boost::json::object& parameters, bool continues = false) const;

    // Until the caller hangs up; at most half a minute.
    void wait_for_hang_up() const;

  private:
    int descriptor_;
};

// A daemon whose answers a test writes down: listens on a Unix socket and gives each caller to
// `serve`, on a thread of its own. The connection ends when `serve` returns.
class fake_iscsid {
  public:
    fake_iscsid(const std::filesystem::path& socket, std::function<void(const caller&)> serve);
    fake_iscsid(const fake_iscsid&) = delete;
    fake_iscsid& operator=(const fake_iscsid&) = delete;
    ~fake_iscsid();

  private:
    void run();

    std::function<void(const caller&)> serve_;
    int listener_;
    std::atomic<bool> ending_ = false;
    std::thread thread_;
};

} // namespace iscsi::cli
