#include "iscsid/device/udev_links.hpp"

#include "iscsid/device/registry.hpp"
#include "iscsid/device/udev_pointers.hpp"
#include "iscsid/os/entries.hpp"
#include "iscsid/os/files.hpp"
#include "iscsid/os/system_fault.hpp"

#include <libudev.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace iscsid::device {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// systemd-udevd listens here.
constexpr const char* udevd_socket = "/run/udev/control";
// Where the rules look; announcements elsewhere reach nobody.
constexpr const char* folder_of_rules = "/run/iscsid/udev";
constexpr const char* own_property = "ISCSI_USERLAND";
// Looked again at the latest then, should an event be lost.
constexpr auto longest_pause = 250ms;
// Should an event have come before the announcement, and nobody have asked for another one.
constexpr auto pause_before_trigger = 500ms;
// A device that is scanned for partitions twice in a row, as the kernel does with loop and nbd, has
// partitions with links, without, and with them again: no link is safe before all of these events
// are over. Those of other devices are in the same queue, and are not waited for without end.
constexpr auto patience_with_queue = 5s;
constexpr auto pause_for_queue = 10ms; // nobody tells of its end

bool udevd_runs() {
    return ::access(udevd_socket, F_OK) == 0;
}

// Events of block devices, after udevd has dealt with them.
// Without a connection to udev it still waits, and the caller looks itself after each pause.
class event_watch {
  public:
    event_watch() : library_(udev_new()) {
        if (library_)
            monitor_.reset(udev_monitor_new_from_netlink(library_.get(), "udev"));
        if (!monitor_)
            return;
        udev_monitor_filter_add_match_subsystem_devtype(monitor_.get(), "block", nullptr);
        udev_monitor_enable_receiving(monitor_.get());
    }

    udev* library() const { return library_.get(); }

    void wait(std::chrono::milliseconds limit) const {
        pollfd ready{monitor_ ? udev_monitor_get_fd(monitor_.get()) : -1, POLLIN, 0};
        if (::poll(&ready, 1, static_cast<int>(limit.count())) > 0)
            device_pointer(udev_monitor_receive_device(monitor_.get()));
    }

  private:
    udev_pointer library_;
    monitor_pointer monitor_;
};

// The device and its partitions, as directories of /sys.
// Partitions are folders of the disk's own folder and begin with its name.
std::vector<fs::path> directories_of(const std::string& node) {
    const fs::path whole = fs::path("/sys/block") / node;
    std::vector<fs::path> all{whole};
    for (const auto& each : os::entries_of(whole))
        if (each.filename().string().starts_with(node))
            all.push_back(each);
    return all;
}

// Initialized is not enough: an event of before the announcement has initialized it without our
// properties.
bool is_dealt_with(udev* library, const fs::path& directory) {
    std::error_code ignored;
    const auto real = fs::canonical(directory, ignored);
    const device_pointer device(udev_device_new_from_syspath(library, real.c_str()));
    return device && udev_device_get_is_initialized(device.get()) > 0 &&
           udev_device_get_property_value(device.get(), own_property) != nullptr;
}

// Whether udevd has dealt with all that it was told. Its own tools wait for this file.
bool is_idle() {
    return ::access("/run/udev/queue", F_OK) != 0;
}

bool all_dealt_with(udev* library, const std::string& node) {
    const auto all = directories_of(node);
    return std::all_of(all.begin(), all.end(), [&](const fs::path& each) {
        return is_dealt_with(library, each);
    });
}

// As `udevadm trigger` does; the rules run again with what is announced now.
void trigger(const std::string& node) {
    for (const auto& each : directories_of(node))
        std::ofstream(each / "uevent") << "change";
}

// "nbd1" for nbd1 and nbd1p2, but not for nbd10.
bool is_of(const std::string& link_target, const std::string& node) {
    return link_target == node || link_target.starts_with(node + "p");
}

bool is_linked(const std::string& node) {
    std::error_code ignored;
    for (const auto& each : os::entries_of("/dev/disk/by-path"))
        if (is_of(fs::read_symlink(each, ignored).filename().string(), node))
            return true;
    return false;
}

// Whether the rules are there at all: without them there is nothing to wait for.
bool has_rules() {
    for (const char* folder : {"/etc", "/run", "/lib", "/usr/lib"})
        if (::access(
                (std::string(folder) + "/udev/rules.d/59-iscsi-userland.rules").c_str(), F_OK
            ) == 0)
            return true;
    return false;
}

} // namespace

void udev_links::clear() const {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

iscsi::result<void>
udev_links::announce(const std::string& node, const disk_identity_words& identity) const {
    std::error_code error;
    fs::create_directories(folder_, error);
    const fs::path file = folder_ / node;
    const int failed = error ? error.value() : os::replace_file(file, udev_entry_of(identity));
    if (failed == 0)
        return {};
    retract(node);
    return os::system_fault(registry_errc::write_failed, file.string(), {}, failed);
}

void udev_links::look_again(const std::string& node) const {
    if (folder_ == folder_of_rules)
        trigger(node);
}

bool udev_links::wait_for_links(const std::string& node, std::chrono::milliseconds limit) const {
    if (folder_ != folder_of_rules || !udevd_runs() || !has_rules())
        return true;
    if (::access((folder_ / node).c_str(), F_OK) != 0)
        return true;
    const event_watch events;
    const auto begin = clock::now();
    bool triggered = false;
    for (;;) {
        const auto waited = clock::now() - begin;
        const bool are_there = all_dealt_with(events.library(), node);
        if (are_there && (is_idle() || waited > patience_with_queue))
            return true;
        if (waited > limit)
            return are_there;
        if (!are_there && waited > pause_before_trigger && !std::exchange(triggered, true))
            trigger(node);
        events.wait(are_there ? pause_for_queue : longest_pause);
    }
}

void udev_links::retract(const std::string& node) const {
    std::error_code ignored;
    fs::remove(folder_ / node, ignored);
}

void udev_links::retract_lost(const std::string& node, const disk_identity_words& identity) const {
    std::ifstream file(folder_ / node);
    const std::string told{std::istreambuf_iterator<char>(file), {}};
    if (told != udev_entry_of(identity))
        return;
    retract(node);
    trigger(node);
}

bool udev_links::wait_until_gone(const std::string& node, std::chrono::milliseconds limit) const {
    if (folder_ != folder_of_rules || !udevd_runs() || !has_rules())
        return true;
    const event_watch events;
    const auto end = clock::now() + limit;
    while (is_linked(node)) {
        if (clock::now() > end)
            return false;
        events.wait(longest_pause);
    }
    return true;
}

} // namespace iscsid::device
