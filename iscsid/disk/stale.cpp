#include "iscsid/disk/stale.hpp"

#include "iscsid/disk/fuse_mount.hpp"
#include "iscsid/disk/kernel/loop_device.hpp"
#include "iscsid/disk/kernel/system_fault.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace iscsid::disk {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds patience_with_users{2};

bool is_octal(std::string_view digits) {
    return digits.find_first_not_of("01234567") == std::string_view::npos;
}

// Blank, tab, newline and backslash appear as \ and three octal digits.
std::string unescape(std::string_view text) {
    constexpr std::size_t digits = 3;
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto code = text.substr(std::min(at + 1, text.size()), digits);
        if (text[at] != '\\' || code.size() < digits || !is_octal(code)) {
            plain += text[at];
            continue;
        }
        plain += static_cast<char>((code[0] - '0') * 64 + (code[1] - '0') * 8 + code[2] - '0');
        at += digits;
    }
    return plain;
}

std::vector<std::string> loop_nodes() {
    std::vector<std::string> nodes;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator("/sys/block", ignored)) {
        std::string name = entry.path().filename();
        if (name.starts_with("loop"))
            nodes.push_back(std::move(name));
    }
    return nodes;
}

std::string read_file(const char* path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Gives the backing files of the devices that somebody still has.
std::vector<std::string> clean_loops(const std::string& folder, stale_disks& found) {
    std::vector<std::string> kept;
    for (const std::string& node : loop_nodes()) {
        std::string backing_file = backing_file_of(node);
        if (!backing_file.starts_with(folder))
            continue;
        const auto unbound = unbind_stale(node, patience_with_users);
        if (unbound) {
            found.removed.push_back(node);
        } else {
            found.in_use.push_back(unbound.error());
            kept.push_back(std::move(backing_file));
        }
    }
    return kept;
}

} // namespace

stale_disks clean_stale(const std::string& runtime_folder) {
    const std::string folder = runtime_folder + "/disks/";
    stale_disks found;
    const auto kept = clean_loops(folder, found);
    for (const std::string& path : mounts_below(read_file("/proc/self/mountinfo"), folder)) {
        if (std::ranges::find(kept, path) != kept.end())
            continue;
        unmount(path);
        found.removed.push_back(path);
    }
    return found;
}

std::vector<std::string> mounts_below(std::string_view mountinfo, const std::string& folder) {
    std::vector<std::string> mounts;
    std::istringstream lines{std::string(mountinfo)};
    for (std::string line; std::getline(lines, line);) {
        // 36 35 98:0 /root /mount-point options … - type source super-options
        std::istringstream fields(line);
        std::string ignored;
        std::string mount_point;
        fields >> ignored >> ignored >> ignored >> ignored >> mount_point;
        std::string path = unescape(mount_point);
        const bool is_ours = line.find(std::string(" - ") + mount_type + " ") != std::string::npos;
        if (is_ours && path.starts_with(folder))
            mounts.push_back(std::move(path));
    }
    std::ranges::reverse(mounts);
    return mounts;
}

} // namespace iscsid::disk
