#include "iscsiadm/modes/session_name.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>

namespace iscsi::cli {

namespace {

// Session numbers start at 1; 0 names none.
std::optional<std::uint32_t> positive_number(std::string_view text) {
    std::uint32_t number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || stop != end || number == 0)
        return std::nullopt;
    return number;
}

// Links are followed (/dev/disk/by-path/… is one); a path that does not exist stays as it is.
std::filesystem::path real_path(const std::string& which) {
    std::error_code ignored;
    return std::filesystem::weakly_canonical(which, ignored);
}

// The number of a "session5" anywhere in the path.
std::optional<std::uint32_t> session_folder(const std::filesystem::path& path) {
    constexpr std::string_view prefix = "session";
    for (const std::filesystem::path& part : path) {
        const std::string name = part.string();
        if (!name.starts_with(prefix))
            continue;
        if (const auto sid = positive_number(std::string_view(name).substr(prefix.size())))
            return sid;
    }
    return std::nullopt;
}

// A bare number first: a file named "5" in the current folder is not meant.
std::optional<std::uint32_t> sid_of(const std::string& which) {
    const auto number = positive_number(which);
    return number ? number : session_folder(real_path(which));
}

// By the last part of the path: the daemon names disks as the kernel does, "ublkb0".
bool has_disk(const admin::session_info& session, const std::string& name) {
    return !name.empty() &&
           std::ranges::find(session.luns, name, &admin::attached_lun::disk) != session.luns.end();
}

} // namespace

bool names_session(const std::string& which) {
    std::error_code ignored;
    return sid_of(which).has_value() ||
           (which.find('/') != std::string::npos && std::filesystem::exists(which, ignored));
}

std::optional<admin::session_info>
find_session(const std::string& which, const std::vector<admin::session_info>& sessions) {
    const auto sid = sid_of(which);
    const std::string disk = sid ? "" : real_path(which).filename().string();
    const auto found = std::ranges::find_if(sessions, [&](const admin::session_info& session) {
        return sid ? session.sid == *sid : has_disk(session, disk);
    });
    return found == sessions.end() ? std::nullopt : std::optional(*found);
}

} // namespace iscsi::cli
