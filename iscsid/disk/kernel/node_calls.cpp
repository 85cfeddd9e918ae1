#include "iscsid/disk/kernel/node_calls.hpp"

#include "iscsid/disk/kernel/system_fault.hpp"
#include "iscsid/disk/kernel/waiting.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <array>
#include <chrono>
#include <csignal>
#include <fstream>

namespace iscsid::disk {

namespace {

constexpr auto module_limit = std::chrono::seconds(10);
constexpr auto probe_limit = std::chrono::seconds(5);

std::string path_of(const std::string& node, const std::string& attribute) {
    return "/sys/block/" + node + "/" + attribute;
}

// udev locks what it probes and leaves alone what others have locked (its BLOCK_DEVICE_LOCKING):
// its reads end before the device does.
void keep_probes_away(const os::descriptor& device) {
    wait_until(probe_limit, [&device] {
        return ::flock(device.number(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
    });
}

// For reading, so that udev does not take the close for a change.
os::descriptor open_exclusively(const std::string& node) {
    const std::string path = "/dev/" + node;
    return os::descriptor(::open(path.c_str(), O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC));
}

} // namespace

bool write_attribute(
    const std::string& node, const std::string& attribute, const std::string& value
) {
    std::ofstream file(path_of(node, attribute));
    file << value << std::flush;
    return file.good();
}

bool is_held_by_others(const std::string& node) {
    const os::descriptor device = open_exclusively(node);
    return !device && errno == EBUSY;
}

iscsi::result<void>
flush_and_end(const std::string& node, const std::function<iscsi::result<void>()>& end) {
    os::descriptor held = open_exclusively(node);
    if (!held)
        return system_fault(disk_errc::busy, "/dev/" + node, "a device that nobody has mounted");
    keep_probes_away(held);
    iscsi::result<void> flushed;
    if (::fsync(held.number()) != 0)
        flushed = system_fault(disk_errc::flush_failed, "/dev/" + node, "everything on the medium");
    if (auto ended = end(); !ended)
        return ended;
    held.close(); // the last user: now the kernel removes it
    return flushed;
}

void scan_partitions(const std::string& node) {
    const os::descriptor device(::open(("/dev/" + node).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    );
    if (device)
        ::ioctl(device.number(), BLKRRPART); // busy or without partitions: as it was
}

iscsi::result<void> protect_node(const std::string& node, bool read_only) {
    const std::string expected = read_only ? "read-only" : "writable";
    const std::string path = "/dev/" + node;
    const os::descriptor device(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    const int value = read_only ? 1 : 0;
    if (!device || ::ioctl(device.number(), BLKROSET, &value) != 0)
        return system_fault(disk_errc::cannot_follow, node, expected);
    std::ifstream attribute(path_of(node, "ro")); // the driver has a flag of its own
    std::string shown;
    if (std::getline(attribute, shown) && shown == std::to_string(value))
        return {};
    return iscsi::fault{
        iscsi::to_error_code(disk_errc::cannot_follow), node, "made read-only", expected};
}

bool load_module(const std::string& name, const std::string& option) {
    std::array<std::string, 4> words{"modprobe", "-q", name, option};
    std::array<char*, 5> arguments{};
    for (std::size_t i = 0; i < (option.empty() ? 3 : words.size()); ++i)
        arguments.at(i) = words.at(i).data();
    std::array<char*, 2> environment{};
    std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    environment[0] = path.data();
    pid_t child = 0;
    if (::posix_spawn(
            &child, "/sbin/modprobe", nullptr, nullptr, arguments.data(), environment.data()
        ) != 0)
        return false;
    int status = 0;
    if (wait_until(module_limit, [&] { return ::waitpid(child, &status, WNOHANG) == child; }))
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    return false;
}

} // namespace iscsid::disk
