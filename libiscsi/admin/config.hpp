#pragma once

#include "libiscsi/admin/record.hpp"
#include "libiscsi/admin/record_file.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace iscsi::admin {

// Where things are. Environment: ISCSI_CONFIG_DIR (/etc/iscsi), ISCSI_DATABASE_DIR
// (/var/lib/iscsi), ISCSID_RUNTIME_DIR (/run/iscsid), ISCSID_SOCKET (<runtime>/iscsid.sock).
struct locations {
    std::filesystem::path config_folder = "/etc/iscsi";
    std::filesystem::path database = "/var/lib/iscsi";
    std::filesystem::path runtime = "/run/iscsid";
    std::filesystem::path socket = "/run/iscsid/iscsid.sock";

    std::filesystem::path config_file() const { return config_folder / "iscsid.conf"; }

    std::filesystem::path initiator_name_file() const {
        return config_folder / "initiatorname.iscsi";
    }
};

// Reads the environment once.
locations locations_from_environment();

// iscsid.conf: the template of new records, and the daemon's own keys.
class config {
  public:
    // A missing file is an empty one. Faults: file_errc, setting_errc with file, line, key, value
    // and what was expected. Unknown keys are ignored, as open-iscsi does, and listed.
    static result<config> load(const std::filesystem::path& file);

    record new_node() const;
    record new_send_targets() const;

    // The value of an iscsid.* key, or its fallback.
    std::string daemon_value(std::string_view name) const;

    const std::vector<std::string>& unknown_keys() const { return unknown_; }

  private:
    key_values values_;
    std::vector<std::string> unknown_;
};

// initiatorname.iscsi: InitiatorName= and InitiatorAlias= (fallback: the host name).
struct initiator_identity {
    std::string name;
    std::string alias;
};

// Faults: file_errc::not_found, name_errc.
result<initiator_identity> load_initiator_identity(const std::filesystem::path& file);

} // namespace iscsi::admin
