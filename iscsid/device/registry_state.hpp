#pragma once

#include "iscsid/device/registry.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

// The files of the registry: their names and their text.
namespace iscsid::device {

std::string file_name(std::uint32_t sid, std::uint64_t lun_number);
std::string file_name(const detached_lun& lun);

// The reverse; nothing for a name of something else.
std::optional<detached_lun> detached_lun_of(std::string_view name);

// One JSON object with all members of the state.
std::string text_of(const disk_state& disk);

// The reverse, strictly: every member, each with its type and range. Members that are not known are
// ignored. The path is for the words of faults; its last part must be the name of the state.
iscsi::result<disk_state> read_state(std::string_view text, const std::filesystem::path& path);

} // namespace iscsid::device
