#pragma once

#include <cstdint>
#include <string>

namespace iscsi {

// "0x04 (protocol error)": the reason of a Reject with its words (RFC 7143 §11.17.1).
std::string describe_reject(std::uint8_t reason);

// What was rejected may be sent again, there or, when the target waits for a logout, over another
// connection. Of all other reasons it would be rejected again.
bool may_be_sent_again(std::uint8_t reject_reason);

} // namespace iscsi
