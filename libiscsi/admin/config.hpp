#pragma once

#include "libiscsi/admin/record.hpp"
#include "libiscsi/admin/record_file.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace iscsi::admin {

// Where things are. Environment: ISCSI_CONFIG_DIR (/etc/iscsi), ISCSI_DATABASE_DIR
// (/var/lib/iscsi), ISCSID_RUNTIME_DIR (/run/iscsid), ISCSID_SOCKET (<runtime>/iscsid.sock).
// One set of places for both programs: iscsiadm and iscsid that disagree about them would not see
// each other's records. An empty variable counts as not set.
struct locations {
    std::filesystem::path config_folder = "/etc/iscsi";
    std::filesystem::path database = "/var/lib/iscsi";     // the one in use, see database_in_use()
    std::filesystem::path own_database = "/var/lib/iscsi"; // where imported records go
    std::filesystem::path runtime = "/run/iscsid";
    std::filesystem::path socket = "/run/iscsid/iscsid.sock";

    std::filesystem::path config_file() const { return config_folder / "iscsid.conf"; }

    std::filesystem::path initiator_name_file() const {
        return config_folder / "initiatorname.iscsi";
    }

    // What iscsistart makes for the daemon that it starts in an initramfs: the records of its
    // sessions (a database), settings, the initiator name. It is in the runtime folder, so that the
    // daemon of the real system finds it without any disk.
    std::filesystem::path boot_folder() const { return runtime / "boot"; }

    // Locked by that daemon as long as it lives.
    std::filesystem::path boot_pid_file() const { return boot_folder() / "iscsid.pid"; }

    // Its socket: the usual path is that of the real system's.
    std::filesystem::path boot_socket() const { return boot_folder() / "iscsid.sock"; }
};

// Debian's open-iscsi keeps its records in the configuration folder. As long as `own` has none and
// that folder has, it is that folder: the layout is the same. Links from there to `own` are none.
std::filesystem::path
database_in_use(const std::filesystem::path& own, const std::filesystem::path& config_folder);

// Reads the environment once. A database that is named there is used as it is.
// Only ISCSID_SOCKET moves the socket alone; else it is in the runtime folder.
locations locations_from_environment();

// iscsid.conf: the template of new records, and the daemon's own keys.
// It is a value: the daemon reads the file again at SIGHUP and swaps the whole, so no reader sees
// half of a change. The last line of a key wins, as in open-iscsi.
class config {
  public:
    // Reads what can be read: no flaw of the file keeps a daemon from its disks or a user from a
    // discovery. A missing file is an empty one; unknown keys are ignored, as open-iscsi does, and
    // listed; for everything else that is not right there is a warning that says what is used.
    static config load(const std::filesystem::path& file);

    // One a flaw: file, line, key, value, what was expected, what is used instead.
    const std::vector<std::string>& warnings() const { return warnings_; }

    // A record with the compiled defaults and what the file says; the keys that select it are still
    // empty.
    record new_node() const;
    record new_send_targets() const;
    record new_isns() const;

    // The value of an iscsid.* key, or its fallback.
    std::string daemon_value(setting_key key) const;

    // The same of an integer, within its range.
    std::int64_t daemon_integer(integer_key key) const;

    // Lines whose key means nothing in this file, in its order. The daemon says nothing of them, as
    // open-iscsi does not; whoever has the file checked wants to know: a mistyped key has no other
    // sign. Their values may be secrets.
    const std::vector<setting_line>& unknown_lines() const { return unknown_; }

  private:
    void take(const setting_line& line, const std::string& file);

    key_values values_;
    std::vector<setting_line> unknown_;
    std::vector<std::string> warnings_;
};

// initiatorname.iscsi: InitiatorName= and InitiatorAlias= (fallback: the host name).
// Who we are to every target that no interface record tells something else. The name has passed
// check_iscsi_name; the alias is for people and goes into the login as it is (RFC 7143 §13.7).
struct initiator_identity {
    std::string name;
    std::string alias;
    std::vector<std::string> warnings = {}; // what was not right, but understood
    std::string isid_seed = {};             // not of this file: what else tells us from our clones
};

// Whether the file leaves the name to be made at the first start: GenerateName=yes, as the packages
// of Debian install it.
bool asks_for_a_name(const std::filesystem::path& file);

// Faults: file_errc::not_found, name_errc, with the line where there is one. The keys are taken in
// any letter case.
// A daemon without it still runs: records can be read and sessions listed, only logins and
// discovery are refused.
result<initiator_identity> load_initiator_identity(const std::filesystem::path& file);

} // namespace iscsi::admin
