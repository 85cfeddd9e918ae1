// What another program on the machine may do with block devices, for tests.
//   block-tool remove-ublk N | add-ublk NONCE | nonce-of-ublk N | hold-nbd N
// add-ublk makes a device that nobody serves and prints its number; hold-nbd connects one until it
// is killed, and serves nothing.
#include "iscsid/disk/kernel/nbd_netlink.hpp"
#include "iscsid/disk/kernel/ublk_command.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>

namespace {

using namespace iscsid::disk;
using namespace std::chrono_literals;

ublk_command about(ublk::control what, std::uint32_t device, ublk::device_info info = {}) {
    ublk_command command;
    command.opcode = ublk::encoded(what);
    command.what.device = device;
    command.what.queue = ublk::all_queues;
    command.limit = 20s;
    if (what == ublk::add_dev || what == ublk::get_dev_info) {
        command.payload.assign(sizeof info, '\0');
        std::memcpy(command.payload.data(), &info, sizeof info);
        command.what.length = sizeof info;
    }
    return command;
}

ublk::device_info perform(ublk_command command) {
    const auto result = run(command);
    if (!result || *result < 0) {
        std::cerr << (result ? std::strerror(-*result) : result.error().text()) << '\n';
        std::exit(1); // NOLINT(concurrency-mt-unsafe)
    }
    ublk::device_info info;
    if (command.payload.size() == sizeof info)
        std::memcpy(&info, command.payload.data(), sizeof info);
    return info;
}

ublk::device_info device_with(std::uint64_t nonce) {
    constexpr std::uint32_t largest_io = 65536;
    ublk::device_info wanted;
    wanted.queues = 1;
    wanted.queue_depth = 1;
    wanted.largest_io = largest_io;
    wanted.device = ublk::any_device;
    wanted.flags = ublk::feature_ioctl_encode;
    wanted.server_flags = nonce;
    return wanted;
}

void hold_nbd(std::uint32_t index) {
    sigset_t ends_it;
    ::sigemptyset(&ends_it);
    ::sigaddset(&ends_it, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &ends_it, nullptr); // NOLINT(concurrency-mt-unsafe): the only thread
    std::array<int, 2> ends{-1, -1};
    nbd_settings settings;
    settings.index = index;
    settings.size = std::uint64_t{8} << 20U;
    settings.block_size = 512;
    settings.backend = "of a stranger";
    const bool is_made = ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0;
    settings.socket = ends[0];
    auto kernel = nbd_netlink::open();
    const auto done = kernel ? kernel->connect(settings) : iscsi::result<void>(kernel.error());
    if (!is_made || !done) {
        std::cerr << (done ? "no sockets" : done.error().text()) << '\n';
        std::exit(1); // NOLINT(concurrency-mt-unsafe)
    }
    std::cout << "connected" << std::endl;
    int signal = 0;
    ::sigwait(&ends_it, &signal);
    static_cast<void>(kernel->disconnect(index));
}

} // namespace

int main(int count, char** words) {
    constexpr int needed = 3;
    const std::string verb = count == needed ? words[1] : "";
    if (verb.empty()) {
        std::cerr
            << "usage: block-tool remove-ublk N | add-ublk NONCE | nonce-of-ublk N | hold-nbd N\n";
        return 2;
    }
    const auto number = std::stoull(words[2]);
    const auto device = static_cast<std::uint32_t>(number);
    if (verb == "remove-ublk")
        perform(about(ublk::del_dev, device));
    else if (verb == "add-ublk")
        std::cout << perform(about(ublk::add_dev, ublk::any_device, device_with(number))).device
                  << '\n';
    else if (verb == "nonce-of-ublk")
        std::cout << perform(about(ublk::get_dev_info, device)).server_flags << '\n';
    else if (verb == "hold-nbd")
        hold_nbd(device);
    return 0;
}
