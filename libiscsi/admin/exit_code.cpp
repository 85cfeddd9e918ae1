#include "libiscsi/admin/exit_code.hpp"

#include <array>
#include <cstddef>
#include <string_view>

namespace iscsi::admin {

namespace {

// Position = number. People search the web for these words: they stay as they are.
constexpr std::array<std::string_view, 34> texts{
    "",
    "unknown error",
    "session not found",
    "no available memory",
    "encountered connection failure",
    "encountered iSCSI login failure",
    "encountered iSCSI database failure",
    "invalid parameter",
    "connection timed out",
    "internal error",
    "encountered iSCSI logout failure",
    "iSCSI PDU timed out",
    "iSCSI driver not found. Please make sure it is loaded, and retry the operation",
    "daemon access denied",
    "iSCSI driver does not support requested capability.",
    "session exists",
    "Unknown request",
    "iSNS service not supported",
    "could not communicate to iscsid",
    "encountered non-retryable iSCSI login failure",
    "could not connect to iscsid",
    "no objects found",
    "sysfs lookup failure",
    "host not found",
    "iSCSI login failed due to authorization failure",
    "iSNS query failed",
    "iSNS registration failed",
    "operation not supported",
    "device or resource in use",
    "operation failed but retry may succeed",
    "unknown discovery type",
    "child process terminated",
    "target likely not connected",
    "iscsid request timed out",
};

} // namespace

std::string to_text(exit_code code) {
    const auto number = static_cast<int>(code);
    const auto index = static_cast<std::size_t>(number);
    if (number < 0 || index >= texts.size())
        return "invalid error code " + std::to_string(number);
    return std::string(texts[index]);
}

} // namespace iscsi::admin
