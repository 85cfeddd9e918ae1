#pragma once

#include "iscsid/ipc/listener.hpp"

#include "libiscsi/admin/config.hpp"

#include <filesystem>
#include <optional>

namespace iscsid::metrics {

// As iscsid.metrics_socket says; a relative path is below `runtime`. Nothing: nowhere, or it cannot
// be had, which is a warning in the log and keeps the daemon from nothing.
std::optional<ipc::listener>
open_socket(const iscsi::admin::config& config, const std::filesystem::path& runtime);

} // namespace iscsid::metrics
