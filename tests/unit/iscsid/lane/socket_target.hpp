#pragma once

#include "tests/support/memory_target.hpp"
#include "tests/support/target_link.hpp"

#include <functional>
#include <list>
#include <mutex>
#include <thread>

namespace iscsid::lane::test {

// A memory_target that serves stream sockets on a thread of its own. It takes all that has come
// before it answers, so that answers travel together as the commands did.
class socket_target {
  public:
    explicit socket_target(
        iscsi::test::target_options options = {}, iscsi::test::disk_options disk = {}
    );
    ~socket_target();
    socket_target(const socket_target&) = delete;
    socket_target& operator=(const socket_target&) = delete;
    socket_target(socket_target&&) = delete;
    socket_target& operator=(socket_target&&) = delete;

    // The initiator's end of a new connection.
    int connect();

    // Closes all connections, as a dying network does.
    void drop_connections();

    // Does something with the target, or with all its connections, when the thread does not.
    void with(const std::function<void(iscsi::test::memory_target&)>& act);
    void each_link(const std::function<void(iscsi::test::target_link&)>& act);

  private:
    struct connection {
        connection(int descriptor, iscsi::test::memory_target& target)
            : socket(descriptor), link(target) {}

        int socket;
        iscsi::test::target_link link;
    };

    void run();
    bool serve(connection& which);
    static bool send_output(connection& which);
    void wake() const;

    std::mutex lock_;
    iscsi::test::memory_target target_;
    std::list<connection> connections_;
    std::vector<std::byte> input_ = std::vector<std::byte>(1U << 20U);
    bool running_ = true;
    int bell_;
    std::thread thread_;
};

} // namespace iscsid::lane::test
