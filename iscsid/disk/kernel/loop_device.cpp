#include "iscsid/disk/kernel/loop_device.hpp"

#include "iscsid/disk/kernel/system_fault.hpp"
#include "iscsid/disk/kernel/waiting.hpp"
#include "iscsid/os/descriptor.hpp"
#include "iscsid/os/entries.hpp"

#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

namespace iscsid::disk {

namespace {

// Between asking for a free device and binding it, others may take it.
constexpr int races_to_lose = 64;

constexpr std::chrono::seconds time_to_vanish{10};

std::string device_path(const std::string& node) {
    return "/dev/" + node;
}

std::string attribute_path(const std::string& node, std::string_view attribute) {
    return "/sys/block/" + node + "/loop/" + std::string(attribute);
}

std::string read_attribute(const std::string& node, std::string_view attribute) {
    std::ifstream file(attribute_path(node, attribute));
    std::string line;
    std::getline(file, line);
    return line;
}

loop_config config_of(const loop_settings& settings, const os::descriptor& file) {
    loop_config config{};
    config.fd = static_cast<std::uint32_t>(file.number());
    config.block_size = settings.block_size;
    config.info.lo_flags = LO_FLAGS_DIRECT_IO | LO_FLAGS_PARTSCAN;
    if (settings.read_only)
        config.info.lo_flags |= LO_FLAGS_READ_ONLY;
    const std::size_t length = std::min<std::size_t>(settings.file.size(), LO_NAME_SIZE - 1);
    std::copy_n(settings.file.begin(), length, config.info.lo_file_name);
    return config;
}

iscsi::result<std::string> bind_any(const os::descriptor& control, const loop_config& config) {
    for (int race = 0; race < races_to_lose; ++race) {
        const int number = ::ioctl(control.number(), LOOP_CTL_GET_FREE);
        if (number < 0)
            return system_fault(disk_errc::no_loop_device, "/dev/loop-control", "a free device");
        std::string node = "loop" + std::to_string(number);
        const os::descriptor device(::open(device_path(node).c_str(), O_RDWR | O_CLOEXEC));
        if (!device)
            return system_fault(disk_errc::no_loop_device, device_path(node), "a device node");
        if (::ioctl(device.number(), LOOP_CONFIGURE, &config) == 0)
            return node;
        if (errno != EBUSY)
            return system_fault(
                disk_errc::attach_failed, "LOOP_CONFIGURE of " + node, "Linux 5.8 or later"
            );
    }
    return system_fault(disk_errc::no_loop_device, "loop devices", "one that stays free", EBUSY);
}

enum class unbinding : std::uint8_t { done, in_use, refused };

// LOOP_CLR_FD takes effect at our close when nobody else has the device open. Otherwise it marks
// the device to vanish at the last close: that mark is taken back, except from a device whose file
// is dead (its status cannot be read): that one only gives errors.
unbinding clear(int device) {
    if (::ioctl(device, LOOP_CLR_FD) != 0 && errno != ENXIO)
        return errno == EBUSY ? unbinding::in_use : unbinding::refused;
    loop_info64 info{};
    if (::ioctl(device, LOOP_GET_STATUS64, &info) != 0)
        return errno == ENXIO ? unbinding::done : unbinding::in_use;
    info.lo_flags &= ~std::uint32_t{LO_FLAGS_AUTOCLEAR};
    return ::ioctl(device, LOOP_SET_STATUS64, &info) == 0 ? unbinding::in_use : unbinding::refused;
}

// O_EXCL fails when the disk or a partition is mounted, swap, or below another device.
os::descriptor open_alone(const std::string& node) {
    return os::descriptor(::open(device_path(node).c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
}

struct unbind_attempt {
    unbinding outcome = unbinding::refused;
    int error = 0;
    int flush_error = 0;
};

// Anybody may unbind a device, and somebody else have it since: then there is nothing to do.
unbind_attempt try_unbind(const std::string& node, const std::string& backing_file, bool flush) {
    if (backing_file_of(node) != backing_file)
        return {unbinding::done, 0, 0};
    const os::descriptor device = open_alone(node);
    if (!device)
        return {errno == EBUSY ? unbinding::in_use : unbinding::refused, errno, 0};
    const int flush_error = flush && ::fsync(device.number()) != 0 ? errno : 0;
    const unbinding outcome = clear(device.number());
    return {outcome, errno, flush_error};
}

// Others look at devices for a moment (udev, blkid): ask again before calling one busy.
unbind_attempt unbind_patiently(
    const std::string& node,
    const std::string& backing_file,
    bool flush,
    std::chrono::milliseconds patience
) {
    unbind_attempt last;
    wait_until(patience, [&] {
        last = try_unbind(node, backing_file, flush);
        return last.outcome != unbinding::in_use;
    });
    return last;
}

iscsi::result<void> vanished(const std::string& node, const std::string& backing_file) {
    const auto unbound = [&] { return backing_file_of(node) != backing_file; };
    if (!wait_until(time_to_vanish, unbound))
        return iscsi::fault{
            iscsi::to_error_code(disk_errc::attach_failed),
            node,
            "still bound",
            "gone after its last close"};
    if (backing_file_of(node).empty())
        delete_partitions(node);
    return {};
}

iscsi::result<void> outcome_of(const unbind_attempt& attempt, const std::string& node) {
    if (attempt.outcome == unbinding::in_use)
        return iscsi::fault{
            iscsi::to_error_code(disk_errc::busy),
            device_path(node),
            "in use",
            "unmounted and closed"};
    if (attempt.outcome == unbinding::refused)
        return system_fault(
            disk_errc::attach_failed, "LOOP_CLR_FD of " + node, "success", attempt.error
        );
    return {};
}

iscsi::result<void> verify(const std::string& node, const loop_settings& settings) {
    if (const std::string direct = read_attribute(node, "dio"); direct != "1")
        return not_as_wanted("direct I/O of " + node, direct, "1");
    const os::descriptor device(::open(device_path(node).c_str(), O_RDONLY | O_CLOEXEC));
    std::uint64_t size = 0;
    if (!device || ::ioctl(device.number(), BLKGETSIZE64, &size) != 0)
        return system_fault(disk_errc::attach_failed, "size of " + node, "an answer");
    if (size != settings.size)
        return not_as_wanted(
            "size of " + node, std::to_string(size), std::to_string(settings.size)
        );
    return {};
}

// For direct I/O; waits for the server's answers to INIT and OPEN.
iscsi::result<os::descriptor> open_file(const std::string& path, bool read_only) {
    const int access = read_only ? O_RDONLY : O_RDWR;
    os::descriptor file(::open(path.c_str(), access | O_DIRECT | O_NOFOLLOW | O_CLOEXEC));
    if (!file)
        return system_fault(disk_errc::attach_failed, path, "a file that opens for direct I/O");

    // Loop takes the size that FUSE knows, which older kernels (6.12) only ask for here.
    struct stat attributes {};

    if (::fstat(file.number(), &attributes) != 0)
        return system_fault(disk_errc::attach_failed, path, "the attributes of the file");
    return file;
}

} // namespace

iscsi::result<std::string> bind_loop(const loop_settings& settings) {
    const auto file = open_file(settings.file, settings.read_only);
    if (!file)
        return file.error();
    const os::descriptor control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
    if (!control)
        return system_fault(disk_errc::no_loop_device, "/dev/loop-control", "a device to open");
    auto node = bind_any(control, config_of(settings, *file));
    if (!node)
        return node;
    if (const auto verified = verify(*node, settings); !verified) {
        release_loop(*node, backing_file_of(*node));
        return verified.error();
    }
    return node;
}

iscsi::result<void> unbind_loop(
    const std::string& node,
    const std::string& backing_file,
    bool flush,
    std::chrono::milliseconds patience
) {
    const unbind_attempt attempt = unbind_patiently(node, backing_file, flush, patience);
    if (auto unbound = outcome_of(attempt, node); !unbound)
        return unbound;
    if (auto gone = vanished(node, backing_file); !gone)
        return gone;
    if (attempt.flush_error == 0)
        return {};
    return system_fault(
        disk_errc::flush_failed,
        "flush of " + node,
        "written data on the medium",
        attempt.flush_error
    );
}

void release_loop(const std::string& node, const std::string& backing_file) {
    if (backing_file_of(node) != backing_file)
        return;
    const os::descriptor device(::open(device_path(node).c_str(), O_RDONLY | O_CLOEXEC));
    ::ioctl(device.number(), LOOP_CLR_FD);
}

iscsi::result<void> resize_loop(const std::string& node, const std::string& file, bool read_only) {
    if (const auto asked = open_file(file, read_only); !asked)
        return asked.error();
    const os::descriptor device(::open(device_path(node).c_str(), O_RDWR | O_CLOEXEC));
    if (!device || ::ioctl(device.number(), LOOP_SET_CAPACITY) != 0)
        return system_fault(disk_errc::cannot_resize, "LOOP_SET_CAPACITY of " + node, "success");
    return {};
}

std::string backing_file_of(const std::string& node) {
    return read_attribute(node, "backing_file");
}

std::vector<std::string> loop_nodes() {
    std::vector<std::string> nodes;
    for (const auto& entry : os::entries_of("/sys/block"))
        if (std::string name = entry.filename(); name.starts_with("loop"))
            nodes.push_back(std::move(name));
    return nodes;
}

void delete_partitions(const std::string& node) {
    const os::descriptor device(::open(device_path(node).c_str(), O_RDONLY | O_CLOEXEC));
    for (const auto& entry : os::entries_of("/sys/block/" + node)) {
        std::ifstream number_file(entry / "partition");
        blkpg_partition partition{};
        if (!(number_file >> partition.pno))
            continue;
        blkpg_ioctl_arg argument{};
        argument.op = BLKPG_DEL_PARTITION;
        argument.datalen = sizeof partition;
        argument.data = &partition;
        ::ioctl(device.number(), BLKPG, &argument);
    }
}

} // namespace iscsid::disk
