#pragma once

#include "libiscsi/base/result.hpp"

#include <string_view>

// Names of targets and initiators (RFC 7143 §4.2.7). No cryptography and no protocol is needed to
// check one, so that iscsiadm and the record tree need neither.
namespace iscsi {

// What is wrong with a name or an address. The text that was refused is in fault::got, fit for a
// terminal and a log line.
enum class name_errc {
    empty_name = 1,
    name_too_long,     // > 223 bytes, RFC 7143 §4.2.7.1
    bad_character,     // '/', ',', control characters, blanks: nothing that may reach a path
    unknown_name_type, // not iqn., eui. or naa.
    bad_portal,
    bad_port,
    bad_group_tag,
    address_without_target,
};

const char* category_name(name_errc);
std::string_view message_of(name_errc);

// The text of every fault of this room: what was refused, of which field, and what was expected.
fault name_fault(
    name_errc code, std::string_view field, std::string_view got, std::string_view expected
);

// Is this an iSCSI name that can safely stand in a path, in a record and on a line? Names from the
// network, from the command line and from files all pass through here before they are used.
// The type may have capitals ("IQN."). It is compared byte by byte afterwards: nothing is folded or
// normalized, for the target is told its name as it has said it.
// Faults: name_errc::empty_name, ::name_too_long, ::bad_character, ::unknown_name_type.
result<void> check_iscsi_name(std::string_view name);

} // namespace iscsi
