#include "iscsid/session/log_subject.hpp"

#include "libiscsi/admin/portal_text.hpp"

#include <fmt/format.h>

#include <algorithm>

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

    // All up to these words and with them. False: they are not there, and nothing is taken.
    bool skip_to(std::string_view words) {
        const auto at = rest_.find(words);
        if (at == std::string_view::npos)
            return false;
        rest_.remove_prefix(at + words.size());
        return true;
    }

    // Digits; empty: there are none.
    std::string_view number() {
        return cut(std::min(rest_.find_first_not_of("0123456789"), rest_.size()));
    }

    // Up to the next one of these words, which are taken too; a name holds no blank. Empty: there
    // is none, and nothing is taken.
    std::string_view name_before(std::string_view words) {
        const auto end = rest_.find(words);
        if (end == std::string_view::npos || end == 0 || rest_.find(' ') < end)
            return {};
        const auto name = cut(end);
        rest_.remove_prefix(words.size());
        return name;
    }

    // The same behind other words.
    std::string_view name_between(std::string_view before, std::string_view words) {
        return take(before) ? name_before(words) : std::string_view();
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
    const auto interface = line.name_between("iface: ", ", ");
    const auto target = line.name_between("target: ", ", ");
    const auto address = line.name_between("portal: ", ",");
    const auto port = line.number();
    const bool is_whole = !interface.empty() && !target.empty() && !address.empty();
    if (!is_whole || port.empty() || !line.take("]"))
        return false;
    add(to, "ISCSI_TARGET", target);
    add(to, "ISCSI_PORTAL", iscsi::admin::portal_text(address, port));
    add(to, "ISCSI_IFACE", interface);
    return true;
}

// What stands before the bracket that closes, which more words follow.
std::string_view last_in_brackets(word_reader& line) {
    const auto name = line.name_before("): ");
    return name.empty() ? line.name_before(") ") : name;
}

// Behind "(". The address is no portal: it has no port here.
bool read_brief_name(word_reader& line, fields& to) {
    auto target = line.name_before(" at ");
    const bool has_address = !target.empty();
    const auto last = last_in_brackets(line);
    if (last.empty())
        return false;
    target = has_address ? target : last;
    add(to, "ISCSI_TARGET", target);
    return true;
}

void read_unit(word_reader& line, fields& to) {
    const auto number = line.take("LUN ") ? line.number() : std::string_view();
    if (number.empty())
        return;
    add(to, "ISCSI_LUN", number);
    const auto disk = line.name_between(" (", ")");
    if (!disk.empty())
        add(to, "ISCSI_DISK", disk);
}

bool read_number(word_reader& line, std::string_view end, fields& to) {
    const auto sid = line.number();
    if (sid.empty() || !line.take(end))
        return false;
    add(to, "ISCSI_SID", sid);
    return true;
}

// Of a session, and of a unit of it.
void read_names(word_reader& line, fields& to) {
    const bool is_brief = line.take("(") && read_brief_name(line, to);
    const bool is_full = !is_brief && line.take("[") && read_full_name(line, to) && line.take(": ");
    if (is_brief || is_full)
        read_unit(line, to);
}

void read_connection(word_reader& line, fields& to) {
    if (read_number(line, ":", to) && line.skip_to(" ["))
        read_full_name(line, to);
}

} // namespace

std::vector<sys::log_field> fields_of(std::string_view text) {
    word_reader line(text);
    fields found;
    if (line.take("connection")) // open-iscsi's words, with the name at their end
        read_connection(line, found);
    else if (line.take("["))
        read_full_name(line, found);
    else if (line.take("session ") && read_number(line, " ", found))
        read_names(line, found);
    return found;
}

} // namespace iscsid::session
