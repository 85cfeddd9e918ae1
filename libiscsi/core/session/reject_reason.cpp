#include "libiscsi/core/session/reject_reason.hpp"

#include "libiscsi/base/hex.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace iscsi {
namespace {

struct reject_reason {
    std::uint8_t number;
    std::string_view words;
    bool passes;
};

// §11.17.1, whose column "Can the Original PDU Be Re-sent?" is `passes`. Only "waiting for logout"
// has a No there, for it stays true of that connection.
constexpr std::array reasons{
    reject_reason{0x02, "data digest error", true},
    reject_reason{0x03, "SNACK reject", true},
    reject_reason{0x04, "protocol error", false},
    reject_reason{0x05, "command not supported", false},
    reject_reason{0x06, "too many immediate commands", true},
    reject_reason{0x07, "task in progress", false},
    reject_reason{0x08, "invalid data ACK", false},
    reject_reason{0x09, "invalid PDU field", false},
    reject_reason{0x0a, "out of resources for a long operation", true},
    reject_reason{0x0c, "waiting for logout", true},
};

const reject_reason* find(std::uint8_t number) {
    const auto* const found = std::ranges::find(reasons, number, &reject_reason::number);
    return found == reasons.end() ? nullptr : found;
}

} // namespace

std::string describe_reject(std::uint8_t reason) {
    const auto* const known = find(reason);
    return "0x" + hex_of(reason, 2) + " (" +
           std::string(known == nullptr ? "reserved" : known->words) + ")";
}

bool may_be_sent_again(std::uint8_t reason) {
    const auto* const known = find(reason);
    return known != nullptr && known->passes;
}

} // namespace iscsi
