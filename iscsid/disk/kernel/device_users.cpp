#include "iscsid/disk/kernel/device_users.hpp"

#include "iscsid/disk/kernel/mount_table.hpp"
#include "iscsid/disk/kernel/system_fault.hpp"
#include "iscsid/os/descriptor.hpp"
#include "iscsid/os/entries.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

namespace iscsid::disk {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_devices = 256; // a cycle of holders would be a fault of the kernel

std::string contents_of(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string first_line_of(const fs::path& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// "7:3"; 0: there is none.
dev_t device_number_in(const std::string& text) {
    std::istringstream parts(text);
    unsigned major = 0;
    unsigned minor = 0;
    char colon = 0;
    if (!(parts >> major >> colon >> minor))
        return 0;
    return makedev(major, minor);
}

dev_t number_of(const std::string& node) {
    return device_number_in(first_line_of("/sys/class/block/" + node + "/dev"));
}

// The kernel does not enter a loop device as a holder of the device below it.
std::vector<std::string> loops_over(const std::string& node) {
    std::vector<std::string> found;
    for (const auto& entry : os::entries_of("/sys/block"))
        if (first_line_of(entry / "loop/backing_file") == "/dev/" + node)
            found.push_back(entry.filename());
    return found;
}

std::vector<std::string> directly_above(const std::string& node) {
    const fs::path folder = "/sys/class/block/" + node;
    std::vector<std::string> found = loops_over(node);
    for (const auto& entry : os::entries_of(folder / "holders"))
        found.push_back(entry.filename());
    std::error_code ignored;
    for (const auto& entry : os::entries_of(folder))
        if (fs::exists(entry / "partition", ignored))
            found.push_back(entry.filename());
    return found;
}

void add_with_users(
    const std::string& node, std::set<std::string>& seen, std::vector<block_device>& to
) {
    if (seen.size() >= most_devices || !seen.insert(node).second)
        return;
    for (const auto& each : directly_above(node))
        add_with_users(each, seen, to);
    to.push_back({node, number_of(node)});
}

bool is_partition(const std::string& node) {
    std::error_code ignored;
    return fs::exists("/sys/class/block/" + node + "/partition", ignored);
}

bool is_number(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

// The processes, our own first.
std::vector<fs::path> processes() {
    std::vector<fs::path> found{"/proc/self"};
    for (const auto& entry : os::entries_of("/proc"))
        if (is_number(entry.filename()))
            found.push_back(entry);
    return found;
}

struct place {
    std::string shown;    // where its users see it
    std::string path;     // the same through /proc, from anywhere
    dev_t device = 0;     // the one that it is on
    dev_t filesystem = 0; // what stat() of its files says; 0: anything, as with btrfs
};

dev_t source_of(const mount_line& mount) {
    struct stat about {};

    if (!mount.source.starts_with("/dev/") || ::stat(mount.source.c_str(), &about) != 0)
        return 0;
    return S_ISBLK(about.st_mode) ? about.st_rdev : 0;
}

bool is_one_of(const std::vector<block_device>& devices, dev_t number) {
    return number != 0 && std::ranges::any_of(devices, [number](const auto& each) {
               return each.number == number;
           });
}

void add_places(
    const fs::path& process, const std::vector<block_device>& on, std::vector<place>& to
) {
    for (const auto& each : mounts_in(contents_of(process / "mountinfo"))) {
        const auto number = device_number_in(each.device);
        const auto device = major(number) == 0 ? source_of(each) : number;
        if (is_one_of(on, device))
            to.push_back(
                {each.path,
                 (process / "root").string() + each.path,
                 device,
                 device == number ? number : 0}
            );
    }
}

// One process of each mount namespace shows what is mounted there.
std::vector<place> places_of(const std::vector<block_device>& devices) {
    std::vector<place> found;
    std::set<std::string> seen;
    std::error_code ignored;
    for (const auto& process : processes()) {
        const auto name = fs::read_symlink(process / "ns/mnt", ignored).string();
        if (!name.empty() && seen.insert(name).second)
            add_places(process, devices, found);
    }
    return found;
}

bool is_swap(const std::vector<block_device>& devices) {
    std::istringstream lines(contents_of("/proc/swaps"));
    for (std::string path; lines >> path; std::getline(lines, path))
        for (const auto& each : devices)
            if (path == "/dev/" + each.node)
                return true;
    return false;
}

// A process and what it has open of a number of files.
struct opener {
    std::string who;
    std::set<std::string> paths;
};

std::set<std::string> open_in(const fs::path& process, const std::set<std::string>& of) {
    std::set<std::string> found;
    std::error_code ignored;
    for (const auto& file : os::entries_of(process / "fd"))
        if (const auto path = fs::read_symlink(file, ignored).string(); of.contains(path))
            found.insert(path);
    return found;
}

// Not this process and its like, who only look.
std::vector<opener> openers_of(const std::vector<block_device>& devices) {
    std::set<std::string> paths;
    for (const auto& each : devices)
        paths.insert("/dev/" + each.node);
    std::vector<opener> found;
    for (const auto& process : processes()) {
        const auto name = first_line_of(process / "comm");
        if (name == "iscsid-disk" || !is_number(process.filename()))
            continue;
        if (auto open = open_in(process, paths); !open.empty())
            found.push_back(
                {"open in " + name + " (" + process.filename().string() + ")", std::move(open)}
            );
    }
    return found;
}

std::vector<std::string> words_of(
    const std::string& node,
    const std::vector<block_device>& above,
    const std::vector<place>& places,
    const std::vector<opener>& openers
) {
    std::vector<std::string> words;
    const auto add = [&words](std::string word) {
        if (std::ranges::find(words, word) == words.end())
            words.push_back(std::move(word));
    };
    for (const auto& each : places)
        if (is_one_of(above, each.device))
            add("mounted on " + each.shown);
    for (const auto& each : above)
        if (each.node != node && !is_partition(each.node))
            add("held by " + each.node);
    if (is_swap(above))
        add("swap");
    for (const auto& each : openers)
        if (std::ranges::any_of(above, [&each](const auto& device) {
                return each.paths.contains("/dev/" + device.node);
            }))
            add(each.who);
    return words;
}

std::string joined(const std::vector<std::string>& words) {
    std::string all;
    for (const auto& each : words)
        all += (all.empty() ? "" : ", ") + each;
    return all;
}

iscsi::fault flush_fault(const std::string& what) {
    return system_fault(disk_errc::flush_failed, what, "all that was written on the medium");
}

// Nothing when it cannot be reached, or something else covers it: its device is written, too.
iscsi::result<void> write_filesystem(const place& of) {
    constexpr int to_look = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;
    const os::descriptor root(::open(of.path.c_str(), to_look));

    struct stat about {};

    if (!root || ::fstat(root.number(), &about) != 0)
        return {};
    if (of.filesystem != 0 && about.st_dev != of.filesystem)
        return {};
    if (::syncfs(root.number()) != 0)
        return flush_fault("filesystem on " + of.shown);
    return {};
}

void keep_first(iscsi::result<void> of, iscsi::result<void>& in) {
    if (in.has_value() && of.has_error())
        in = std::move(of);
}

} // namespace

std::vector<block_device> devices_above(const std::string& node) {
    std::vector<block_device> found;
    std::set<std::string> seen;
    add_with_users(node, seen, found);
    return found;
}

// One walk through all processes for all nodes.
std::vector<std::string> users_of(const std::vector<std::string>& nodes) {
    std::vector<std::vector<block_device>> above;
    std::vector<block_device> all;
    for (const auto& node : nodes) {
        above.push_back(devices_above(node));
        std::ranges::copy(above.back(), std::back_inserter(all));
    }
    const auto places = places_of(all);
    const auto openers = openers_of(all);
    std::vector<std::string> users;
    for (std::size_t i = 0; i < nodes.size(); ++i)
        users.push_back(joined(words_of(nodes[i], above[i], places, openers)));
    return users;
}

// BLKFLSBUF writes the filesystem on the device, too, wherever it is mounted; but it hides errors,
// so what can be reached is written by name before. What a device held is in the cache of the next
// lower one then.
iscsi::result<void> flush_with_users(const std::string& node) {
    const auto devices = devices_above(node);
    iscsi::result<void> all;
    for (const auto& each : places_of(devices))
        keep_first(write_filesystem(each), all);
    for (const auto& each : devices)
        keep_first(flush_device(each.node), all);
    return all;
}

iscsi::result<void> flush_device(const std::string& node) {
    const std::string path = "/dev/" + node;
    const os::descriptor device(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!device)
        return flush_fault(path);
    ::ioctl(device.number(), BLKFLSBUF, 0);
    if (::fsync(device.number()) != 0)
        return flush_fault(path);
    return {};
}

} // namespace iscsid::disk
