#include "iscsid/disk/fuse_mount.hpp"

#include "iscsid/disk/kernel/mount_table.hpp"
#include "iscsid/disk/kernel/operations.hpp"
#include "iscsid/disk/kernel/system_fault.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <filesystem>

namespace iscsid::disk {

namespace {

namespace fs = std::filesystem;

constexpr int names_to_try = 1000;
constexpr std::chrono::seconds time_to_unmount{10};

iscsi::result<void> make_folder(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (!error)
        fs::permissions(folder, fs::perms::owner_all, error);
    if (error)
        return system_fault(
            disk_errc::mount_failed, folder.string(), "a folder of mode 0700", error.value()
        );
    return {};
}

iscsi::result<std::string> make_mount_point(const mount_settings& settings) {
    if (auto made = make_folder(settings.folder); !made)
        return made.error();
    const std::string base = settings.folder + "/" + settings.name;
    for (int number = 0; number < names_to_try; ++number) {
        std::string path = number == 0 ? base : base + "." + std::to_string(number);
        constexpr int only_new = O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC;
        const os::descriptor file(::open(path.c_str(), only_new, S_IRUSR | S_IWUSR));
        if (file)
            return path;
        if (errno != EEXIST)
            break;
    }
    return system_fault(disk_errc::mount_failed, base, "a new file to mount on");
}

std::string options_of(const mount_settings& settings) {
    return "fd=" + std::to_string(settings.device) + ",rootmode=100000" +
           ",user_id=" + std::to_string(::geteuid()) + ",group_id=" + std::to_string(::getegid()) +
           ",max_read=" + std::to_string(settings.largest_read);
}

} // namespace

iscsi::result<os::descriptor> open_fuse() {
    os::descriptor device(::open("/dev/fuse", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!device)
        return system_fault(disk_errc::no_driver, "/dev/fuse", "a device to open");
    return device;
}

iscsi::result<fuse_mount> fuse_mount::make(helper& waiter, const mount_settings& settings) {
    auto path = make_mount_point(settings);
    if (!path)
        return path.error();
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME;
    if (settings.read_only)
        flags |= MS_RDONLY;
    const std::string options = options_of(settings);
    if (::mount(settings.source.c_str(), path->c_str(), mount_type, flags, options.c_str()) != 0) {
        const int error = errno;
        ::unlink(path->c_str());
        return system_fault(
            disk_errc::mount_failed,
            "mount of " + *path,
            "CAP_SYS_ADMIN and FUSE in the kernel",
            error
        );
    }
    return fuse_mount(waiter, std::move(*path));
}

fuse_mount::fuse_mount(helper& waiter, std::string path)
    : waiter_(&waiter), path_(std::move(path)) {}

fuse_mount::fuse_mount(fuse_mount&& other) noexcept
    : waiter_(other.waiter_), path_(std::exchange(other.path_, {})) {}

fuse_mount::~fuse_mount() {
    if (!path_.empty())
        static_cast<void>(waiter_->order({operation::unmount, path_}, {time_to_unmount}));
}

// By force, before anything else: the kernel ends the connection before it takes a lock, and
// refuses the rest while loop has the file open.
void fuse_mount::abort(const std::string& path) {
    ::umount2(path.c_str(), MNT_FORCE | UMOUNT_NOFOLLOW);
}

} // namespace iscsid::disk
