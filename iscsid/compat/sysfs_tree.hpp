#pragma once

#include "iscsid/compat/sysfs_order.hpp"
#include "iscsid/compat/sysfs_picture.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

// The tree of one session: which folders, files and links there are. Pure.
namespace iscsid::compat {

// Below /sys: where the acting files are mounted. A name that no walk of the hosts takes for one.
inline constexpr const char* acting_folder = "class/iscsi_host/.acting";

struct entry {
    enum class type : std::uint8_t { folder, file, link };

    type is = type::folder;
    std::string text{};        // of a file, with its newline; where a link leads
    bool is_for_owner = false; // mode 0400: what the kernel shows to root alone

    friend bool operator==(const entry&, const entry&) = default;
};

// By their paths below /sys, so that a folder stands before what is in it.
using tree = std::map<std::string, entry>;

// As the kernel's drivers iscsi_tcp and scsi_transport_iscsi have it, as much of it as callers are
// known to read. Links are relative, so that it also works where /sys is seen elsewhere.
tree tree_of(const session_picture& session);

// The files that act, to which links of that tree lead.
std::vector<acting_file> acting_files_of(const session_picture& session);

} // namespace iscsid::compat
