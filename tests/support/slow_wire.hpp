#pragma once

#include "tests/support/memory_target.hpp"
#include "tests/support/session_world.hpp"
#include "tests/support/target_link.hpp"

#include <deque>
#include <functional>
#include <memory>

namespace iscsi::test {

struct wire_options {
    std::uint64_t bytes_per_second = 100 * 1024; // in each direction
    std::size_t socket_buffer = SIZE_MAX;        // what a send takes at once, as a kernel does
};

// A session and a memory_target with a wire that carries so many bytes a second, in virtual time.
// What the session sends waits in a socket buffer, what the target says in its own. Nothing
// happens but by step().
class slow_wire {
  public:
    slow_wire(session_world& world, memory_target& target, wire_options options)
        : world_(world), target_(target), options_(options) {}

    // Called with each new connection, before its login.
    std::function<void(target_link&)> on_connect;
    std::function<bool()> accepts_connection = [] { return true; };

    // That much time passes, and what the wire carries in it arrives.
    void step(duration tick);

    bool run_until(const std::function<bool()>& done, duration patience, duration tick);

    bool log_in();

    void cut();

    target_link* link() { return link_.get(); }

    unsigned connections() const { return connections_; }

  private:
    void serve_events();
    void fill_socket();
    void carry(std::size_t bytes);
    void deliver(std::size_t bytes);

    session_world& world_;
    memory_target& target_;
    wire_options options_;
    std::unique_ptr<target_link> link_;
    std::deque<std::byte> to_target_;
    std::deque<std::byte> to_session_;
    unsigned connections_ = 0;
};

} // namespace iscsi::test
