#include "iscsid/sys/privileges.hpp"

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <string_view>

namespace iscsid::sys {

namespace {

using privileges = std::vector<missing_privilege>;

// All of them where /proc does not say.
std::uint64_t effective_capabilities() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
        if (word == "CapEff:" && status >> word)
            return std::stoull(word, nullptr, 16);
    return ~std::uint64_t{0};
}

struct needed_capability {
    unsigned number;
    std::string_view words;
    bool is_told_later;
};

constexpr std::array needed_capabilities{
    needed_capability{
        CAP_SYS_ADMIN,
        "no CAP_SYS_ADMIN: ublk, nbd and fuse can make no disks (iscsid.disk.driver = export needs "
        "none)",
        false},
    needed_capability{
        CAP_SYS_PTRACE,
        "no CAP_SYS_PTRACE: users of a disk in other containers, and of other users, are neither "
        "named nor flushed one by one",
        false},
    needed_capability{
        CAP_SYS_RESOURCE,
        "no CAP_SYS_RESOURCE: PR_SET_IO_FLUSHER and a lower oom_score_adj are refused",
        true},
};

void add_capabilities(privileges& to) {
    const auto has = effective_capabilities();
    for (const auto& each : needed_capabilities)
        if ((has >> each.number & 1U) == 0)
            to.push_back({std::string(each.words), each.is_told_later});
}

void add_locked_memory(privileges& to) {
    constexpr rlim_t enough = rlim_t{256} << 20U; // of all sessions together
    rlimit limit{};
    const bool may_all = (effective_capabilities() >> CAP_IPC_LOCK & 1U) != 0;
    if (may_all || ::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur >= enough)
        return;
    to.push_back(
        {"only " + std::to_string(limit.rlim_cur >> 10U) +
             " KiB of memory may be locked (RLIMIT_MEMLOCK, 256 MiB are enough): the daemon may be "
             "swapped out",
         true}
    );
}

struct needed_device {
    const char* path;
    std::string_view words;
};

// ublk and nbd are modules, which are loaded when they are asked for.
constexpr std::array needed_devices{
    needed_device{"/dev/fuse", "no /dev/fuse to read and write: fuse can make no disks"},
    needed_device{
        "/dev/loop-control", "no /dev/loop-control to read and write: fuse can make no disks"},
};

void add_devices(privileges& to) {
    for (const auto& each : needed_devices)
        if (::access(each.path, R_OK | W_OK) != 0)
            to.push_back({std::string(each.words), true});
}

void add_sysfs(privileges& to) {
    struct statvfs about {};

    if (::statvfs("/sys/devices/virtual/block", &about) == 0 && (about.f_flag & ST_RDONLY) != 0)
        to.push_back(
            {"/sys is read-only: queues of disks stay as the kernel sets them, and udev is not "
             "asked for their links",
             false}
        );
}

} // namespace

privileges missing_privileges() {
    privileges missing;
    add_capabilities(missing);
    add_locked_memory(missing);
    add_devices(missing);
    add_sysfs(missing);
    return missing;
}

} // namespace iscsid::sys
