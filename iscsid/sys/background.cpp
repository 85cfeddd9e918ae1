#include "iscsid/sys/background.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace iscsid::sys {

namespace {

iscsi::fault system_fault(const char* call) {
    return {{errno, boost::system::system_category()}, call, {}, {}};
}

// In the process that was started: ends with it.
// One byte is "ready"; the end of the pipe is the end of the daemon, whose exit code becomes ours.
[[noreturn]] void wait_for_daemon(int from_child, pid_t child) {
    char word = 0;
    ssize_t n = -1;
    do
        n = ::read(from_child, &word, 1);
    while (n < 0 && errno == EINTR);
    if (n == 1)
        ::_exit(0);
    int status = 0;
    const bool waited = ::waitpid(child, &status, 0) == child;
    ::_exit(waited && WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1);
}

} // namespace

void open_standard_descriptors() {
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(standard, F_GETFD) < 0) // the lowest number that is free is this one
            static_cast<void>(::open("/dev/null", O_RDWR));
}

iscsi::result<background> background::enter() {
    ::close_range(STDERR_FILENO + 1, ~0U, 0); // sockets of systemd are not for a process that forks
    std::array<int, 2> pipe{-1, -1};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0)
        return system_fault("pipe");
    const pid_t child = ::fork();
    if (child < 0)
        return system_fault("fork");
    if (child > 0) {
        ::close(pipe[1]);
        wait_for_daemon(pipe[0], child);
    }
    ::close(pipe[0]);
    background entered(pipe[1]);
    if (::setsid() < 0 || ::chdir("/") != 0)
        return system_fault("setsid");
    return entered;
}

// From here on nothing is written to the terminal that started us: it may be gone.
void background::ready() {
    if (const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC); null >= 0) {
        for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
            ::dup2(null, standard);
        ::close(null);
    }
    static_cast<void>(::write(to_parent_, "", 1) == 1);
    ::close(std::exchange(to_parent_, -1));
}

background::~background() {
    if (to_parent_ >= 0)
        ::close(to_parent_);
}

background::background(background&& other) noexcept
    : to_parent_(std::exchange(other.to_parent_, -1)) {}

} // namespace iscsid::sys
