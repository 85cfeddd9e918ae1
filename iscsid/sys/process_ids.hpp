#pragma once

#include "libiscsi/base/result.hpp"

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string_view>

namespace iscsid::sys {

enum class process_ids_errc { refused = 1 };

const char* category_name(process_ids_errc);
std::string_view message_of(process_ids_errc);

// Whose the process is to be from a moment on; what is not set stays.
struct process_ids {
    std::optional<uid_t> user{};
    std::optional<gid_t> group{};

    explicit operator bool() const { return user || group; }
};

// Gives the folder to them: what is made there later is theirs.
iscsi::result<void> give_folder(const std::filesystem::path& folder, const process_ids& to);

// For good: supplementary groups first, which the old user had, then the group, then the user. The
// limit of locked memory goes before the right to lock without one: else every thread that starts
// later would be refused its stack. Fault: refused, with what the process is not allowed; it must
// end then.
iscsi::result<void> become(const process_ids& whose);

} // namespace iscsid::sys
