#pragma once

#include "iscsiadm/print/answer.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <string_view>

// The values that documents are made of. What is not set is null; what was not asked for (a lower
// level of -P) is absent.
namespace iscsi::cli {

boost::json::value text_or_null(std::string_view text);

// Puts the members of `from` behind those of `to`; one that is there is replaced.
void add_all(boost::json::object& to, const boost::json::object& from);

// Target, address, port, group tag (null: not known), interface.
boost::json::object node_members(const admin::node_id& node);

// As much as -P LEVEL shows.
boost::json::object session_members(const shown_session& shown, int level);
// One LUN of --luns.
boost::json::object lun_details_members(const admin::lun_details& unit);

boost::json::object statistics_members(const admin::session_info& session);
boost::json::object host_members(const shown_session& shown, int level);

boost::json::object interface_members(const admin::record& interface);

// "settings": integers as numbers, Yes and No as booleans, secrets as show_record() shows them; and
// "bad_values", the lines that cannot be used.
boost::json::object record_members(const admin::record& record, bool reveal);
// The same of a target that the boot firmware names; without secrets.
boost::json::object
firmware_members(const std::vector<std::pair<std::string, std::string>>& of_target);

} // namespace iscsi::cli
