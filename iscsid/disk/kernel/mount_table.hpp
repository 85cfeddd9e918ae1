#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace iscsid::disk {

// The filesystem type of our mounts.
inline constexpr const char* mount_type = "fuse.iscsid";

// A line of a mountinfo file (proc_pid_mountinfo(5)).
struct mount_line {
    std::string device; // "8:1"; major 0: a filesystem that is not one block device's alone
    std::string path;
    std::string type;
    std::string source;    // mostly a node under /dev
    std::string options{}; // of the filesystem: "rw,user_id=0,max_read=262144"
};

// All of a mountinfo file; lines that are damaged are left out.
std::vector<mount_line> mounts_in(std::string_view mountinfo);

struct fuse_mount_point {
    std::string path;
    std::uint32_t connection = 0; // minor number of the mount's device: the name under fusectl
    std::string source{};
    std::string options{};

    friend bool operator==(const fuse_mount_point&, const fuse_mount_point&) = default;
};

// What a mount shows as its source when its /dev/fuse is kept for the next daemon under that
// number, and the reverse: nothing when it ends with its daemon.
std::string kept_source(const std::string& source, std::uint64_t nonce);
std::optional<std::uint64_t> kept_nonce(std::string_view source);

// The longest read that a mount was told to make, in bytes; 0: it does not say.
std::uint32_t largest_read(const fuse_mount_point& mount);

// Our mounts in a mountinfo file whose path begins with a folder, the
// newest first. Lines that are damaged are skipped.
std::vector<fuse_mount_point> mounts_below(std::string_view mountinfo, const std::string& folder);

// The same, of this process as it is now.
std::vector<fuse_mount_point> mounts_below(const std::string& folder);

// The newest of our mounts on exactly that path.
std::optional<fuse_mount_point> mount_on(const std::string& path);

} // namespace iscsid::disk
