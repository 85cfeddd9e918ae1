#include "iscsid/metrics/socket.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace iscsid::metrics {

std::optional<ipc::listener>
open_socket(const iscsi::admin::config& config, const std::filesystem::path& runtime) {
    const auto wanted = config.daemon_value("iscsid.metrics_socket");
    if (wanted.empty())
        return std::nullopt;
    const auto path = runtime / wanted; // an absolute one replaces it
    auto opened = ipc::listener::open_own(path, config.daemon_value("iscsid.ipc_group"));
    if (opened.has_error()) {
        spdlog::warn("no metrics: {}", opened.error().text());
        return std::nullopt;
    }
    spdlog::debug("metrics: http at {}", path.string());
    return *std::move(opened);
}

} // namespace iscsid::metrics
