#pragma once

#include <string_view>

namespace iscsid::compat {

enum class compat_errc {
    no_sysfs = 1,     // a folder that every sysfs has is missing
    no_fuse,          // /dev/fuse cannot be opened
    mount_failed,     // for lack of rights, mostly
    taken_by_another, // another iscsid shows its sessions there
    not_ours,         // the kernel has something of that name
    write_failed,     // in our own memory filesystem
};

const char* category_name(compat_errc);
std::string_view message_of(compat_errc);

} // namespace iscsid::compat
