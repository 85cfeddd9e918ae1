#include "iscsid/sys/process_ids.hpp"

#include "iscsid/os/system_fault.hpp"

#include <grp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

namespace iscsid::sys {

namespace {

iscsi::result<void> refused(const char* what, std::string expected) {
    return os::system_fault(process_ids_errc::refused, what, std::move(expected));
}

} // namespace

const char* category_name(process_ids_errc /*any*/) {
    return "process IDs";
}

std::string_view message_of(process_ids_errc /*only one*/) {
    return "cannot be changed";
}

iscsi::result<void> give_folder(const std::filesystem::path& folder, const process_ids& to) {
    const auto user = to.user.value_or(static_cast<uid_t>(-1));
    const auto group = to.group.value_or(static_cast<gid_t>(-1));
    if (!to || ::chown(folder.c_str(), user, group) == 0)
        return {};
    return os::system_fault(process_ids_errc::refused, folder.string(), "a folder to give away");
}

iscsi::result<void> become(const process_ids& whose) {
    if (!whose)
        return {};
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    static_cast<void>(::setrlimit(RLIMIT_MEMLOCK, &unlimited)); // without it nothing is locked
    if (::setgroups(0, nullptr) != 0)
        return refused("setgroups", "no supplementary groups");
    if (whose.group && ::setresgid(*whose.group, *whose.group, *whose.group) != 0)
        return refused("setresgid", "group " + std::to_string(*whose.group));
    if (whose.user && ::setresuid(*whose.user, *whose.user, *whose.user) != 0)
        return refused("setresuid", "user " + std::to_string(*whose.user));
    return {};
}

} // namespace iscsid::sys
