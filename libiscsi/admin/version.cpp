#include "libiscsi/admin/version.hpp"

namespace iscsi::admin {

constinit const std::string_view own_version = ISCSI_USERLAND_VERSION;

} // namespace iscsi::admin
