#pragma once

#include "libiscsi/admin/record.hpp"
#include "libiscsi/core/pdu/pdu.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace iscsid::session {

// The ISID of the `index`th session (from 0) between an initiator and a node. The same words give
// the same ISID for ever, so that a login after a crash reinstates the session (RFC 7143 §6.3.5)
// and reservations survive. Format "random" (T = 10b, §11.12.5) with 40 bits of a hash. `seed`:
// what tells one machine from another with the same name, whose sessions it would end otherwise;
// empty: nothing does, as before there were seeds.
iscsi::isid_field make_isid(
    std::string_view initiator,
    const iscsi::admin::node_id& node,
    unsigned index,
    std::string_view seed = {}
);

// 12 hexadecimal digits.
std::string to_text(const iscsi::isid_field& isid);

// Of such a text, in small letters; nothing for any other.
std::optional<iscsi::isid_field> isid_of(std::string_view text);

} // namespace iscsid::session
