#pragma once

#include "libiscsi/admin/record_id.hpp"
#include "libiscsi/base/result.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

// The logins that are tried until they succeed, as a file in the runtime folder: a daemon that is
// upgraded or killed leaves them to the next one of this boot.
namespace iscsid::session {

struct kept_login {
    std::vector<iscsi::admin::node_id> portals; // one, but of a leading login
    bool is_leading = false;      // node.leading_login: any session of the target will do
    bool is_automatic = false;    // so said its record when it was asked for
    std::chrono::seconds since{}; // seconds_since_boot() when it was asked for
};

// Of this boot, with the time of a suspend. No change of the clock moves it.
std::chrono::seconds seconds_since_boot();

enum class kept_logins_errc { unreadable = 1, malformed, not_written };

const char* category_name(kept_logins_errc);
std::string_view message_of(kept_logins_errc);

// Those that were written during this boot; none when there is no file. Faults:
// kept_logins_errc::unreadable, ::malformed, with the path.
iscsi::result<std::vector<kept_login>>
load_kept_logins(const std::filesystem::path& file, const std::string& boot_id);

// The file is replaced whole, or removed when there are none. Fault: kept_logins_errc::not_written,
// with path and reason; what was there stays.
iscsi::result<void> store_kept_logins(
    const std::filesystem::path& file,
    const std::string& boot_id,
    const std::vector<kept_login>& logins
);

} // namespace iscsid::session
