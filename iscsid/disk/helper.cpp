#include "iscsid/disk/helper.hpp"

#include "iscsid/disk/kernel/server.hpp"
#include "iscsid/disk/kernel/system_fault.hpp"
#include "iscsid/disk/kernel/waiting.hpp"

#include <climits>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

namespace iscsid::disk {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto start_limit = 10s;
constexpr auto end_limit = 2s;
constexpr auto send_limit = 5s;
// After `when_over`: what ends then has waited for something else besides.
constexpr auto last_limit = 10s;
constexpr int socket_of_helper = STDERR_FILENO + 1;

iscsi::fault helper_fault(std::string field, std::string expected, int error = errno) {
    return system_fault(disk_errc::helper_failed, std::move(field), std::move(expected), error);
}

bool wait_for(const os::descriptor& what, milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (;;) {
        const auto left =
            std::chrono::duration_cast<milliseconds>(end - std::chrono::steady_clock::now());
        pollfd wait{what.number(), POLLIN, 0};
        const auto time = std::max(left, milliseconds(0)).count();
        const int ready = ::poll(&wait, 1, static_cast<int>(std::min<std::int64_t>(time, INT_MAX)));
        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

// The socket first: it may have one of the other numbers here.
void add_descriptors(
    posix_spawn_file_actions_t& to, const os::descriptor& socket, helper_words where
) {
    constexpr const char* null = "/dev/null";
    ::posix_spawn_file_actions_adddup2(&to, socket.number(), socket_of_helper);
    ::posix_spawn_file_actions_addopen(&to, STDIN_FILENO, null, O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&to, STDOUT_FILENO, null, O_WRONLY, 0);
    if (where == helper_words::to_nobody)
        ::posix_spawn_file_actions_addopen(&to, STDERR_FILENO, null, O_WRONLY, 0);
}

// In a process group of its own, so that no terminal reaches it, and with no signal blocked.
iscsi::result<pid_t> spawn(
    const os::descriptor& program,
    const os::descriptor& socket,
    helper_words where,
    std::string disks_folder
) {
    const std::string path = "/proc/self/fd/" + std::to_string(program.number());
    // Whoever spares a daemon by the first letter of its name is to spare this one, too.
    std::string name = *program_invocation_name == '@' ? "@" : "";
    name += "iscsid-disk-helper";
    std::array<char*, 3> arguments{name.data(), nullptr, nullptr};
    if (!disks_folder.empty())
        arguments[1] = disks_folder.data();
    // Where the libraries are when they must not be asked of a disk (etc/boot).
    std::string libraries = "LD_LIBRARY_PATH=";
    const char* const folder = std::getenv("LD_LIBRARY_PATH"); // NOLINT(concurrency-mt-unsafe)
    std::array<char*, 2> environment{nullptr, nullptr};
    if (folder != nullptr)
        environment[0] = libraries.append(folder).data();
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
    sigset_t none{};
    ::sigemptyset(&none);
    ::posix_spawn_file_actions_init(&actions);
    add_descriptors(actions, socket, where);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    pid_t child = 0;
    const int error = ::posix_spawn(
        &child, path.c_str(), &actions, &attributes, arguments.data(), environment.data()
    );
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0)
        return helper_fault("disk helper", "a program that starts", error);
    return child;
}

bool greets(const os::descriptor& server) {
    std::array<char, greeting.size() + 1> heard{};
    if (!wait_for(server, start_limit))
        return false;
    const auto length = ::recv(server.number(), heard.data(), heard.size(), MSG_DONTWAIT);
    return length > 0 &&
           std::string_view(heard.data(), static_cast<std::size_t>(length)) == greeting;
}

bool send_packet(int to, const std::string& message, int reply, int socket) {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
    iovec part{const_cast<char*>(message.data()), message.size()};
    msghdr packet{};
    packet.msg_iov = &part;
    packet.msg_iovlen = 1;
    packet.msg_control = control.data();
    packet.msg_controllen = socket < 0 ? CMSG_SPACE(sizeof(int)) : control.size();
    cmsghdr* const rights = CMSG_FIRSTHDR(&packet);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    const std::array<int, 2> sent{reply, socket};
    const std::size_t size = (socket < 0 ? 1 : 2) * sizeof(int);
    rights->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(rights), sent.data(), size);
    return ::sendmsg(to, &packet, MSG_NOSIGNAL) == static_cast<ssize_t>(message.size());
}

std::string name_of(const fields& request) {
    return request.front() + (request.size() > 1 ? " " + request[1] : std::string());
}

iscsi::fault no_answer(const fields& request, milliseconds limit) {
    return {
        iscsi::to_error_code(disk_errc::no_answer),
        name_of(request),
        "none",
        "one within " + std::to_string(limit.count()) + " ms"};
}

// One reply is one write of at most PIPE_BUF bytes, so one read has all of it.
iscsi::result<fields> read_reply(const os::descriptor& from, const fields& request) {
    std::array<char, longest_message> reply{};
    const auto length = ::read(from.number(), reply.data(), reply.size());
    if (length > 0)
        return results_of({reply.data(), static_cast<std::size_t>(length)});
    return iscsi::fault{
        iscsi::to_error_code(disk_errc::helper_failed), name_of(request), "ended", "a reply"};
}

} // namespace

iscsi::result<std::unique_ptr<helper>>
helper::start(const std::string& program, helper_words where, std::string disks_folder) {
    os::descriptor opened(::open(program.c_str(), O_PATH | O_CLOEXEC));
    if (!opened)
        return helper_fault(program, "the program that waits for disks");
    // Above the number that the socket gets in the new process.
    os::descriptor kept(::fcntl(opened.number(), F_DUPFD_CLOEXEC, socket_of_helper + 1));
    std::unique_ptr<helper> made(new helper(std::move(kept), where, std::move(disks_folder)));
    const std::scoped_lock lock(made->guard_);
    if (auto begun = made->begin(); !begun)
        return begun.error();
    return made;
}

helper::~helper() {
    end();
}

pid_t helper::process() const {
    const std::scoped_lock lock(guard_);
    return process_;
}

// With the lock held.
iscsi::result<void> helper::begin() {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return helper_fault("socketpair", "two ends");
    os::descriptor ours(ends[0]);
    os::descriptor theirs(ends[1]);
    constexpr timeval time{std::chrono::seconds(send_limit).count(), 0};
    ::setsockopt(ours.number(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    const auto child = spawn(program_, theirs, words_, disks_folder_);
    if (!child)
        return child.error();
    theirs.close(); // so that the end of the helper is seen
    server_ = std::move(ours);
    process_ = *child;
    if (greets(server_))
        return {};
    end();
    return iscsi::fault{
        iscsi::to_error_code(disk_errc::helper_failed),
        "disk helper",
        "no greeting",
        std::string(greeting) + " (restart iscsid after an upgrade)"};
}

// With the lock held, or by the only thread that has this object. A process that hangs is left to
// whoever inherits it.
void helper::end() {
    server_.close();
    if (process_ == 0)
        return;
    const auto ended = [this] { return ::waitpid(process_, nullptr, WNOHANG) != 0; };
    if (!wait_until(end_limit, ended)) {
        ::kill(process_, SIGKILL);
        wait_until(end_limit, ended);
    }
    process_ = 0;
}

iscsi::result<void> helper::send(const std::string& message, int reply, int socket) {
    const std::scoped_lock lock(guard_);
    if (server_ && send_packet(server_.number(), message, reply, socket))
        return {};
    end();
    if (auto begun = begin(); !begun)
        return begun;
    if (send_packet(server_.number(), message, reply, socket))
        return {};
    return helper_fault("disk helper", "a process that takes requests");
}

iscsi::result<os::descriptor> helper::begin_question(const fields& request, int socket) {
    const std::string message = encode(request);
    std::array<int, 2> ends{-1, -1};
    if (message.empty() || !reserve_.open_pipe(ends))
        return helper_fault(name_of(request), "a message and a pipe for its reply");
    os::descriptor from(ends[0]);
    const os::descriptor to(ends[1]); // not kept, so that the end of the helper is seen
    if (auto sent = send(message, to.number(), socket); !sent)
        return sent.error();
    return from;
}

helper::answer helper::ask(const fields& request, const limit& time, int socket) {
    auto told = ask_once(request, time, socket);
    reserve_.refill(); // its pipe is closed
    return told;
}

helper::answer helper::ask_once(const fields& request, const limit& time, int socket) {
    const auto begun = begin_question(request, socket);
    if (!begun)
        return {begun.error()};
    const os::descriptor& from = *begun;
    if (wait_for(from, time.time))
        return {read_reply(from, request)};
    if (time.when_over)
        time.when_over();
    if (time.when_over && wait_for(from, last_limit))
        return {read_reply(from, request), true};
    return {no_answer(request, time.time), true};
}

iscsi::result<void> helper::order(const fields& request, const limit& time, int socket) {
    const auto answered = ask(request, time, socket);
    if (!answered.results)
        return answered.results.error();
    return {};
}

iscsi::result<os::descriptor> helper::begin_order(const fields& request) {
    return begin_question(request, -1);
}

iscsi::result<void> helper::end_order(const os::descriptor& from, const fields& request) {
    const auto reply = read_reply(from, request);
    if (!reply)
        return reply.error();
    return {};
}

iscsi::result<std::string> find_helper() {
    namespace fs = std::filesystem;
    std::error_code error;
    const fs::path own_folder = fs::read_symlink("/proc/self/exe", error).parent_path();
    for (const fs::path& folder : {own_folder, own_folder / ISCSID_HELPER_FOLDER}) {
        const fs::path program = folder / "iscsid-disk-helper";
        if (::access(program.c_str(), X_OK) == 0)
            return program.lexically_normal().string();
    }
    return helper_fault(
        (own_folder / ISCSID_HELPER_FOLDER).lexically_normal().string(),
        "the program iscsid-disk-helper"
    );
}

} // namespace iscsid::disk
