#pragma once

#include "iscsid/lane/lane.hpp"
#include "iscsid/sys/log_fields.hpp"

#include "libiscsi/admin/record_id.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// How the log names what a line is about, at its beginning, and back. Names of targets, addresses
// and interfaces hold no blank and no comma (admin::check_paths), so what is written can be read.
namespace iscsid::session {

// "[iface: default, target: iqn.a:b, portal: 10.0.0.1,3260]"
std::string full_name(const iscsi::admin::node_id& node);

// "session 1 [iface: default, target: iqn.a:b, portal: 10.0.0.1,3260]"
std::string full_name(lane::session_key sid, const iscsi::admin::node_id& node);

// "session 1 (iqn.a:b)"
std::string brief_name(lane::session_key sid, std::string_view target);

// "session 1 (iqn.a:b at 10.0.0.1)"
std::string placed_name(lane::session_key sid, const iscsi::admin::node_id& node);

// "LUN 2 (sdc)", "LUN 2" without a disk; behind one of these and ": ".
std::string unit_words(std::uint64_t lun, std::string_view disk);

// ISCSI_SID, ISCSI_TARGET, ISCSI_PORTAL, ISCSI_IFACE, ISCSI_LUN and ISCSI_DISK, as far as the
// beginning of the line says them; nothing of any other line.
std::vector<sys::log_field> fields_of(std::string_view line);

} // namespace iscsid::session
