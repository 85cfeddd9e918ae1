#include "iscsid/compat/errors.hpp"

namespace iscsid::compat {

const char* category_name(compat_errc /*unused*/) {
    return "sysfs tree";
}

std::string_view message_of(compat_errc what) {
    switch (what) {
    case compat_errc::no_sysfs:
        return "no sysfs";
    case compat_errc::no_fuse:
        return "FUSE cannot be used";
    case compat_errc::mount_failed:
        return "cannot mount";
    case compat_errc::taken_by_another:
        return "another iscsid shows its sessions there";
    case compat_errc::not_ours:
        return "the kernel has something of that name";
    case compat_errc::write_failed:
        return "cannot write";
    }
    return "unknown";
}

} // namespace iscsid::compat
