#pragma once

#include "iscsid/session/bounded_read.hpp"

#include "libiscsi/admin/record.hpp"
#include "libiscsi/core/parameters.hpp"

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

// CHAP secrets that are kept in files, outside of the records that name these.
namespace iscsid::session {

enum class secret_errc {
    two_sources = 1, // in the record and in a file
    no_credentials,
    bad_name,
    unreadable,
    not_a_file,
    foreign_owner,
    open_to_others,
    too_long,
    empty,
    control_character,
    hangs
};

const char* category_name(secret_errc);
std::string_view message_of(secret_errc);

// As long as a secret in a record may be, in bytes.
inline constexpr std::size_t longest_secret = 255;

struct secret_places {
    // Where systemd has put the credentials of this service; empty: it has none.
    std::filesystem::path credentials;
    uid_t user = 0;                      // whose files are trusted beside root's
    std::shared_ptr<bounded_read> reads; // shared by all who read there
};

// How long a filesystem may hang before its file is given up.
inline constexpr std::chrono::milliseconds patience_with_secrets{2000};

// By the environment ($CREDENTIALS_DIRECTORY) and the user of this process.
secret_places usual_secret_places(std::shared_ptr<bounded_read> reads);

// The secret that `where` names: the path of a file with a slash in front, or the name of a
// credential. A file belongs to root or to the daemon's user, and nobody else may read it; a
// credential is guarded by systemd. Links are followed, and what they lead to is checked. One
// newline at the end is not part of the secret. A file that hangs is given up, and then fails at
// once until its filesystem answers. Faults: secret_errc, never with a part of it.
iscsi::result<std::string> read_secret(const std::string& where, const secret_places& from);

// Adds to `to` the secrets that a node or send_targets record keeps in files. After a fault `to` is
// such that no login gets through with it: neither without CHAP nor with half of it.
iscsi::result<void> read_secret_files(
    const iscsi::admin::record& of, const secret_places& from, iscsi::auth_config& to
);

} // namespace iscsid::session
