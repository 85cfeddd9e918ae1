#include "iscsid/disk/kernel/mount_table.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>

namespace iscsid::disk {

namespace {

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

// 0 unless all of it is one number.
template <class Number>
Number number_of(std::string_view digits) {
    Number number = 0;
    const char* const last = digits.data() + digits.size();
    const auto [end, error] = std::from_chars(digits.data(), last, number);
    return error == std::errc() && end == last ? number : 0;
}

// "0:50": FUSE has no block device, so its major number is 0.
std::optional<std::uint32_t> minor_of(std::string_view device) {
    constexpr std::string_view anonymous = "0:";
    if (!device.starts_with(anonymous))
        return std::nullopt;
    device.remove_prefix(anonymous.size());
    std::uint32_t minor = 0;
    const auto [end, error] = std::from_chars(device.data(), device.data() + device.size(), minor);
    if (error != std::errc() || end != device.data() + device.size())
        return std::nullopt;
    return minor;
}

// 36 35 0:50 /root /mount-point options optional-fields… - type source super-options
std::optional<mount_line> mount_in(const std::string& line) {
    std::istringstream parts(line);
    std::string word;
    mount_line mount;
    parts >> word >> word >> mount.device >> word >> mount.path;
    while (parts >> word && word != "-")
        ;
    parts >> mount.type >> mount.source;
    if (!parts)
        return std::nullopt;
    mount.path = unescape(mount.path);
    mount.source = unescape(mount.source);
    parts >> mount.options;
    return mount;
}

constexpr std::string_view kept_mark = ",kept=";

} // namespace

std::string kept_source(const std::string& source, std::uint64_t nonce) {
    return source + std::string(kept_mark) + std::to_string(nonce);
}

std::optional<std::uint64_t> kept_nonce(std::string_view source) {
    const auto at = source.rfind(kept_mark);
    if (at == std::string_view::npos)
        return std::nullopt;
    const auto nonce = number_of<std::uint64_t>(source.substr(at + kept_mark.size()));
    return nonce == 0 ? std::nullopt : std::optional(nonce);
}

std::uint32_t largest_read(const fuse_mount_point& mount) {
    constexpr std::string_view option = "max_read=";
    std::istringstream words(mount.options);
    for (std::string word; std::getline(words, word, ',');)
        if (word.starts_with(option))
            return number_of<std::uint32_t>(std::string_view(word).substr(option.size()));
    return 0;
}

std::vector<mount_line> mounts_in(std::string_view mountinfo) {
    std::vector<mount_line> mounts;
    std::istringstream lines{std::string(mountinfo)};
    for (std::string line; std::getline(lines, line);)
        if (auto found = mount_in(line))
            mounts.push_back(*std::move(found));
    return mounts;
}

std::vector<fuse_mount_point> mounts_below(std::string_view mountinfo, const std::string& folder) {
    std::vector<fuse_mount_point> mounts;
    for (auto& each : mounts_in(mountinfo)) {
        const auto connection = minor_of(each.device);
        if (connection && each.type == mount_type && each.path.starts_with(folder))
            mounts.push_back(
                {std::move(each.path), *connection, std::move(each.source), std::move(each.options)}
            );
    }
    std::ranges::reverse(mounts);
    return mounts;
}

std::vector<fuse_mount_point> mounts_below(const std::string& folder) {
    std::ifstream file("/proc/self/mountinfo");
    const std::string all(std::istreambuf_iterator<char>(file), {});
    return mounts_below(all, folder);
}

std::optional<fuse_mount_point> mount_on(const std::string& path) {
    for (auto& each : mounts_below(path))
        if (each.path == path)
            return std::move(each);
    return std::nullopt;
}

} // namespace iscsid::disk
