#pragma once

#include "iscsiadm/print/answer.hpp"

#include <boost/json/object.hpp>

#include <string>

// Persistent reservations in both forms.
namespace iscsi::cli {

// Of a verb that went well. What a unit was asked is told in sg_persist's lines.
std::string reservation_lines(const reservation_end& end);

// "LUN 1 of session [sid: 3, …]: reserve failed."
std::string could_not_reserve(const reservation_end& end);

// Without the exit code. The members that the verb does not ask for are absent.
boost::json::object reservation_members(const reservation_end& end);

} // namespace iscsi::cli
