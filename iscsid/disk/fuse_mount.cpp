#include "iscsid/disk/fuse_mount.hpp"

#include "iscsid/disk/kernel/system_fault.hpp"
#include "iscsid/disk/kernel/waiting.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <filesystem>

namespace iscsid::disk {

namespace {

namespace fs = std::filesystem;

constexpr int names_to_try = 1000;
constexpr std::chrono::seconds time_to_unmount{2};

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

iscsi::result<fuse_mount> fuse_mount::make(const mount_settings& settings) {
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
    return fuse_mount(std::move(*path), settings.read_only);
}

fuse_mount::fuse_mount(std::string path, bool read_only)
    : path_(std::move(path)), read_only_(read_only) {}

fuse_mount::fuse_mount(fuse_mount&& other) noexcept
    : path_(std::exchange(other.path_, {})), read_only_(other.read_only_) {}

fuse_mount::~fuse_mount() {
    if (!path_.empty())
        unmount(path_);
}

iscsi::result<os::descriptor> fuse_mount::open() const {
    const int access = read_only_ ? O_RDONLY : O_RDWR;
    os::descriptor file(::open(path_.c_str(), access | O_DIRECT | O_NOFOLLOW | O_CLOEXEC));
    if (!file)
        return system_fault(disk_errc::attach_failed, path_, "a file that opens for direct I/O");

    // Loop takes the size that FUSE knows, which older kernels (6.12) only ask for here.
    struct stat attributes {};

    if (::fstat(file.number(), &attributes) != 0)
        return system_fault(disk_errc::attach_failed, path_, "the attributes of the file");
    return file;
}

void fuse_mount::abort() const {
    ::umount2(path_.c_str(), MNT_FORCE | UMOUNT_NOFOLLOW);
}

// The loop driver may drop its reference a moment after it is unbound: then EBUSY is not final.
void unmount(const std::string& path) {
    const auto unmounted = [&path] {
        return ::umount2(path.c_str(), UMOUNT_NOFOLLOW) == 0 || errno != EBUSY;
    };
    if (!wait_until(time_to_unmount, unmounted)) {
        ::umount2(path.c_str(), MNT_FORCE | UMOUNT_NOFOLLOW);
        ::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
    }
    ::unlink(path.c_str());
}

} // namespace iscsid::disk
