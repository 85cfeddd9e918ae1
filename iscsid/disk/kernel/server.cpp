#include "iscsid/disk/kernel/server.hpp"

#include "iscsid/disk/kernel/fields.hpp"
#include "iscsid/disk/kernel/operations.hpp"
#include "iscsid/disk/kernel/waiting.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <utility>

namespace iscsid::disk {

namespace {

constexpr std::chrono::seconds end_limit{5}; // the kernel fails what waits for a dead daemon
constexpr std::size_t most_descriptors = 2;  // where the reply goes, and a socket

os::descriptor listen_to_children() {
    sigset_t child{};
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    ::pthread_sigmask(SIG_BLOCK, &child, nullptr);
    return os::descriptor(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
}

void hear_signals_again() {
    sigset_t none{};
    ::sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

// The descriptors that came with a packet, in order.
std::array<os::descriptor, most_descriptors> descriptors_of(msghdr& packet) {
    std::array<os::descriptor, most_descriptors> taken;
    std::size_t count = 0;
    for (cmsghdr* part = CMSG_FIRSTHDR(&packet); part != nullptr;
         part = CMSG_NXTHDR(&packet, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        const std::size_t held = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < held; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(part) + i * sizeof number, sizeof number);
            os::descriptor one(number);
            if (count < taken.size())
                taken.at(count++) = std::move(one);
        }
    }
    return taken;
}

// All but standard input, output and error, and two more (either may be -1).
void close_others(int kept, int other) {
    const auto [low, high] = std::minmax(kept, other);
    int next = STDERR_FILENO + 1;
    for (const int each : {low, high}) {
        if (each > next)
            ::close_range(static_cast<unsigned>(next), static_cast<unsigned>(each - 1), 0);
        next = std::max(next, each + 1);
    }
    ::close_range(static_cast<unsigned>(next), ~0U, 0);
}

} // namespace

helper_server::helper_server(os::descriptor daemon)
    : daemon_(std::move(daemon))
    , children_(listen_to_children())
    , buffer_(longest_message + 1) {} // one more shows a packet that is too long

helper_server::~helper_server() {
    for (const job& each : jobs_)
        ::kill(each.process, SIGKILL);
}

void helper_server::end_jobs() {
    for (job& each : jobs_)
        give_up(each);
    wait_until(end_limit, [this] {
        reap();
        return jobs_.empty();
    });
}

bool helper_server::run() {
    if (!daemon_ || !children_)
        return false;
    if (::send(daemon_.number(), greeting.data(), greeting.size(), MSG_NOSIGNAL) < 0)
        return false;
    for (;;) {
        const auto happened = wait();
        if (!happened)
            return false;
        if (!serve(*happened))
            return true;
    }
}

// The daemon, the children, then the readers of the jobs. Nothing: the kernel refuses to wait.
std::optional<std::vector<pollfd>> helper_server::wait() const {
    std::vector<pollfd> waits{{daemon_.number(), POLLIN, 0}, {children_.number(), POLLIN, 0}};
    for (const job& each : jobs_) // no event asked for: POLLERR says that the reader is gone
        waits.push_back({each.reply.number(), 0, 0});
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR)
        return std::nullopt;
    return waits;
}

// False: the daemon has ended.
bool helper_server::serve(const std::vector<pollfd>& happened) {
    for (std::size_t i = 0; i < jobs_.size(); ++i)
        if ((happened[i + 2].revents & POLLERR) != 0)
            give_up(jobs_[i]);
    if (happened[1].revents != 0)
        reap();
    return happened[0].revents == 0 || take_request();
}

bool helper_server::take_request() {
    iovec part{buffer_.data(), buffer_.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(most_descriptors * sizeof(int))> control{};
    msghdr packet{};
    packet.msg_iov = &part;
    packet.msg_iovlen = 1;
    packet.msg_control = control.data();
    packet.msg_controllen = control.size();
    const auto length = ::recvmsg(daemon_.number(), &packet, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (length < 0)
        return errno == EINTR || errno == EAGAIN;
    if (length == 0)
        return false;
    auto [reply, socket] = descriptors_of(packet);
    const std::string_view message(buffer_.data(), static_cast<std::size_t>(length));
    if (reply && message.size() <= longest_message)
        start({message, std::move(reply), std::move(socket)});
    return true;
}

// The process begins when the end of a pipe says that this one has let go of the socket: to the
// kernel it is closed then when that process has done with it, not some time later.
void helper_server::start(received request) {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return;
    const os::descriptor may_begin(ends[0]);
    os::descriptor go(ends[1]);
    const pid_t self = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
        go.close();
        perform_alone(std::move(request), may_begin.number(), self);
    }
    if (child > 0)
        jobs_.push_back({child, std::move(request.reply)});
    request.socket.close();
}

// Holds nothing but what it needs: above all not the replies of others, whose end would not be
// seen.
void helper_server::perform_alone(received request, int may_begin, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent)
        ::_exit(1);
    hear_signals_again();
    char nothing = 0;
    while (::read(may_begin, &nothing, 1) < 0 && errno == EINTR)
        ;
    close_others(request.reply.number(), request.socket.number());
    const auto asked = decode(request.message);
    const std::string answer = encode(perform(asked.value_or(fields()), request.socket));
    request.socket.close(); // before the daemon hears of it: only what the kernel has keeps it open
    static_cast<void>(::write(request.reply.number(), answer.data(), answer.size()) >= 0);
    ::_exit(0);
}

// It may take the kernel long to let it die: it is not asked about again.
void helper_server::give_up(job& which) {
    ::kill(which.process, SIGKILL);
    which.reply.close();
}

void helper_server::reap() {
    signalfd_siginfo ignored{};
    while (::read(children_.number(), &ignored, sizeof ignored) > 0)
        ;
    std::erase_if(jobs_, [](const job& each) {
        return ::waitpid(each.process, nullptr, WNOHANG) == each.process;
    });
}

} // namespace iscsid::disk
