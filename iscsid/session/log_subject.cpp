#include "iscsid/session/log_subject.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace iscsid::session {

std::string full_name(const iscsi::admin::node_id& node) {
    return fmt::format(
        "[iface: {}, target: {}, portal: {},{}]",
        node.interface,
        node.target,
        node.address,
        node.port
    );
}

std::string full_name(lane::session_key sid, const iscsi::admin::node_id& node) {
    return fmt::format("session {} {}", sid, full_name(node));
}

std::string brief_name(lane::session_key sid, std::string_view target) {
    return fmt::format("session {} ({})", sid, target);
}

std::string placed_name(lane::session_key sid, const iscsi::admin::node_id& node) {
    return fmt::format("session {} ({} at {})", sid, node.target, node.address);
}

std::string unit_words(std::uint64_t lun, std::string_view disk) {
    return disk.empty() ? fmt::format("LUN {}", lun) : fmt::format("LUN {} ({})", lun, disk);
}

namespace {

// Takes words off the beginning of a line.
class word_reader {
  public:
    explicit word_reader(std::string_view line) : rest_(line) {}

    bool take(std::string_view words) {
        if (!rest_.starts_with(words))
            return false;
        rest_.remove_prefix(words.size());
        return true;
    }

    std::optional<std::string_view> number() {
        const auto end = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
        return end == 0 ? std::nullopt : std::optional(cut(end));
    }

    // Up to the next one of these words, which are taken too; a name holds no blank.
    std::optional<std::string_view> name_before(std::string_view words) {
        const auto end = rest_.find(words);
        if (end == std::string_view::npos || end == 0)
            return std::nullopt;
        if (rest_.substr(0, end).find(' ') != std::string_view::npos)
            return std::nullopt;
        const auto name = cut(end);
        rest_.remove_prefix(words.size());
        return name;
    }

  private:
    std::string_view cut(std::size_t length) {
        const auto part = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return part;
    }

    std::string_view rest_;
};

using fields = std::vector<sys::log_field>;

void add(fields& to, std::string_view name, std::string_view value) {
    to.push_back({name, std::string(value)});
}

// Behind "[". The portal is told as other programs write it.
bool read_full_name(word_reader& line, fields& to) {
    const auto interface = line.take("iface: ") ? line.name_before(", ") : std::nullopt;
    const auto target = line.take("target: ") ? line.name_before(", ") : std::nullopt;
    const auto address = line.take("portal: ") ? line.name_before(",") : std::nullopt;
    const auto port = line.number();
    if (!interface || !target || !address || !port || !line.take("]"))
        return false;
    const bool is_ipv6 = address->find(':') != std::string_view::npos;
    add(to, "ISCSI_TARGET", *target);
    to.push_back(
        {"ISCSI_PORTAL",
         is_ipv6 ? fmt::format("[{}]:{}", *address, *port) : fmt::format("{}:{}", *address, *port)}
    );
    add(to, "ISCSI_IFACE", *interface);
    return true;
}

// Behind "(": the end is that which no name can hold.
bool read_brief_name(word_reader& line, fields& to) {
    auto target = line.name_before(" at ");
    if (target) {
        auto address = line.name_before("): ");
        if (!address)
            address = line.name_before(") ");
        add(to, "ISCSI_TARGET", *target);
        return address.has_value(); // no portal: it has no port here
    }
    target = line.name_before("): ");
    if (!target)
        target = line.name_before(") ");
    if (target)
        add(to, "ISCSI_TARGET", *target);
    return target.has_value();
}

void read_unit(word_reader& line, fields& to) {
    if (!line.take("LUN "))
        return;
    const auto number = line.number();
    if (!number)
        return;
    add(to, "ISCSI_LUN", *number);
    const auto disk = line.take(" (") ? line.name_before(")") : std::nullopt;
    if (disk)
        add(to, "ISCSI_DISK", *disk);
}

bool read_number(word_reader& line, std::string_view end, fields& to) {
    const auto sid = line.number();
    if (!sid || !line.take(end))
        return false;
    add(to, "ISCSI_SID", *sid);
    return true;
}

// Of a session, and of a unit of it.
void read_names(word_reader& line, fields& to) {
    const bool is_brief = line.take("(") && read_brief_name(line, to);
    const bool is_full = !is_brief && line.take("[") && read_full_name(line, to) && line.take(": ");
    if (is_brief || is_full)
        read_unit(line, to);
}

} // namespace

std::vector<sys::log_field> fields_of(std::string_view text) {
    word_reader line(text);
    fields found;
    if (line.take("connection")) // open-iscsi's words
        read_number(line, ":", found);
    else if (line.take("["))
        read_full_name(line, found);
    else if (line.take("session ") && read_number(line, " ", found))
        read_names(line, found);
    return found;
}

} // namespace iscsid::session
