#pragma once

#include "libiscsi/admin/config.hpp"

#include <filesystem>

namespace iscsid {

// Who this host is, from initiatorname.iscsi. A file that asks for a name (GenerateName=yes) gets
// one: made once, and on the disk before it is used, because targets will know the host by it.
// Faults: those of admin::load_initiator_identity(), and file_errc::write_failed.
iscsi::result<iscsi::admin::initiator_identity> initiator_identity(const std::filesystem::path& file
);

} // namespace iscsid
