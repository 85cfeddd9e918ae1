#pragma once

#include "iscsid/os/descriptor.hpp"

#include <poll.h>
#include <sys/types.h>

#include <optional>
#include <string_view>
#include <vector>

namespace iscsid::disk {

// The first message of a helper, so that the daemon knows whom it has started.
inline constexpr std::string_view greeting = "iscsid disk helper 1";

// The helper's side of the socket to its daemon. Each request comes as one packet (SOCK_SEQPACKET)
// with a descriptor to write the reply to, and perhaps a socket that the operation needs. A process
// of its own performs it: one that hangs in the kernel holds up nothing else, and the one that
// serves never waits for the kernel itself.
//
// A process is killed when nobody waits for its reply any more, and all of them when the daemon is
// gone: what a call that hangs would go on to do must not happen to devices that the next daemon
// has taken over. A kill reaches it when the kernel lets the call end, before its next step.
class helper_server {
  public:
    explicit helper_server(os::descriptor daemon);
    ~helper_server();
    helper_server(const helper_server&) = delete;
    helper_server& operator=(const helper_server&) = delete;
    helper_server(helper_server&&) = delete;
    helper_server& operator=(helper_server&&) = delete;

    // After run(): ends what is under way for a daemon that is gone, and waits for that for some
    // seconds.
    void end_jobs();

    // Until the daemon hangs up. To be called by the only thread there is. False: the system lacks
    // what it takes.
    bool run();

  private:
    struct job {
        pid_t process = 0;
        os::descriptor reply; // kept to hear that nobody waits any more
    };

    struct received {
        std::string_view message;
        os::descriptor reply;
        os::descriptor socket;
    };

    std::optional<std::vector<pollfd>> wait() const;
    bool serve(const std::vector<pollfd>& happened);
    bool take_request(); // false: the daemon is gone
    void start(received request);
    [[noreturn]] static void perform_alone(received request, int may_begin, pid_t parent);
    static void give_up(job& which);
    void reap();

    os::descriptor daemon_;
    os::descriptor children_; // signalfd of SIGCHLD
    std::vector<job> jobs_;
    std::vector<char> buffer_;
};

} // namespace iscsid::disk
