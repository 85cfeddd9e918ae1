#include "libiscsi/admin/written_id.hpp"

#include "libiscsi/admin/record_file.hpp"
#include "libiscsi/admin/words.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace iscsi::admin {

namespace {

constexpr std::string_view separator = " = ";
constexpr int most_group_tag = 65535;

enum part : std::size_t { target, group_tag, address, port, interface, count };

constexpr std::array<std::string_view, count> keys{
    "node.name", "node.tpgt", "node.conn[0].address", "node.conn[0].port", "iface.iscsi_ifacename"};

using values = std::array<std::string_view, count>;

bool is_plain(std::string_view value) {
    return !value.empty() && value.size() <= longest_value &&
           std::none_of(value.begin(), value.end(), [](char c) {
               return is_blank(c) || is_control(c);
           });
}

// False: the line has one of the keys, but not once and plainly.
bool take_line(std::string_view line, values& into) {
    for (std::size_t each = 0; each < count; ++each) {
        if (!line.starts_with(keys[each]))
            continue;
        const auto rest = line.substr(keys[each].size());
        if (!rest.starts_with(separator) || !into[each].empty())
            return false;
        into[each] = rest.substr(separator.size());
        return is_plain(into[each]);
    }
    return true;
}

// A line that does not begin with a key or a comment may hide one.
bool is_usual(std::string_view line) {
    return !line.empty() && (line.front() == '#' || (line.front() >= 'a' && line.front() <= 'z'));
}

std::optional<node_id> id_from(const values& from) {
    const auto tag = to_number<int>(from[group_tag]);
    const auto of_portal = to_number<std::uint16_t>(from[port]);
    if (!tag || *tag < -1 || *tag > most_group_tag || of_portal.value_or(0) == 0 ||
        from[target].empty() || from[address].empty() || from[interface].empty())
        return std::nullopt;
    return node_id{
        std::string(from[target]),
        std::string(from[address]),
        *of_portal,
        *tag,
        std::string(from[interface])};
}

} // namespace

std::optional<node_id> written_id(std::string_view text) {
    if (!text.ends_with(std::string(record_end) + "\n"))
        return std::nullopt;
    values found;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(line.size() + 1);
        if (!is_usual(line) || !take_line(line, found))
            return std::nullopt;
    }
    return id_from(found);
}

} // namespace iscsi::admin
