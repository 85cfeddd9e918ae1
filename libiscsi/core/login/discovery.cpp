#include "libiscsi/core/login/discovery.hpp"

#include "libiscsi/core/login/shown.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <unordered_map>
#include <utility>

namespace iscsi {
namespace {

constexpr std::size_t longest_name = 223; // RFC 7143 §4.2.7.1
constexpr std::size_t longest_host = 255;

fault name_fault(
    name_errc code, std::string_view field, std::string_view got, const char* expected
) {
    return {to_error_code(code), std::string(field), shown(got), expected};
}

// ---- names ------------------------------------------------------------------------------------

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_hex_digit(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_letter_or_digit(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Printable ASCII that can stand in a path component and on one line.
bool is_name_character(char c) {
    return c > ' ' && c <= '~' && c != '/';
}

bool all_hex(std::string_view digits) {
    return std::all_of(digits.begin(), digits.end(), is_hex_digit);
}

// §4.2.7.3 to §4.2.7.6: iqn. and a date and domain, eui. and 16 or naa. and 16 or 32 hex digits.
bool is_known_name_type(std::string_view name) {
    const std::string_view rest = name.substr(std::min<std::size_t>(name.size(), 4));
    if (name.starts_with("iqn."))
        return !rest.empty();
    if (name.starts_with("eui."))
        return rest.size() == 16 && all_hex(rest);
    if (name.starts_with("naa."))
        return (rest.size() == 16 || rest.size() == 32) && all_hex(rest);
    return false;
}

// ---- addresses --------------------------------------------------------------------------------

struct address_parts {
    std::string_view host;
    std::string_view port;
    std::string_view group_tag;
    bool has_port = false;
    bool has_group_tag = false;
    bool is_ipv6 = false;
};

fault bad_portal(std::string_view text) {
    return name_fault(
        name_errc::bad_portal, "TargetAddress", text, "host[:port][,group tag] [RFC 7143 13.8]"
    );
}

void split_group_tag(std::string_view& rest, address_parts& parts) {
    const auto comma = rest.rfind(',');
    if (comma == std::string_view::npos)
        return;
    parts.has_group_tag = true;
    parts.group_tag = rest.substr(comma + 1);
    rest = rest.substr(0, comma);
}

bool split_port(std::string_view rest, address_parts& parts) {
    if (rest.empty())
        return true;
    if (rest.front() != ':')
        return false;
    parts.has_port = true;
    parts.port = rest.substr(1);
    return true;
}

// An IPv6 address must stand in brackets: "fe80::1:3260" alone has two readings.
result<address_parts> split_address(std::string_view text) {
    address_parts parts;
    std::string_view rest = text;
    split_group_tag(rest, parts);
    parts.is_ipv6 = rest.starts_with('[');
    const auto end = parts.is_ipv6 ? rest.find(']') : rest.find(':');
    const bool one_reading = parts.is_ipv6 ? end != std::string_view::npos : end == rest.rfind(':');
    if (!one_reading)
        return bad_portal(text);
    parts.host = parts.is_ipv6 ? rest.substr(1, end - 1) : rest.substr(0, end);
    const auto after_host = parts.is_ipv6 ? end + 1 : std::min(end, rest.size());
    if (!split_port(rest.substr(after_host), parts))
        return bad_portal(text);
    return parts;
}

bool is_host_character(char c) {
    return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_';
}

bool is_host_name(std::string_view host) {
    return !host.empty() && host.size() <= longest_host && is_letter_or_digit(host.front()) &&
           std::all_of(host.begin(), host.end(), is_host_character);
}

bool is_ipv6_character(char c) {
    return is_hex_digit(c) || c == ':' || c == '.';
}

// "address" or "address%zone" (RFC 6874 has the zone after a percent sign).
bool is_ipv6_host(std::string_view host) {
    const auto percent = host.find('%');
    const std::string_view address = host.substr(0, percent);
    if (percent != std::string_view::npos && !is_host_name(host.substr(percent + 1)))
        return false;
    return address.find(':') != std::string_view::npos && host.size() <= longest_host &&
           std::all_of(address.begin(), address.end(), is_ipv6_character);
}

std::optional<std::uint16_t> parse_u16(std::string_view digits) {
    std::uint16_t value = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, value);
    if (error != std::errc() || stopped != end)
        return std::nullopt;
    return value;
}

// ---- SendTargets ------------------------------------------------------------------------------

class send_targets_reader {
  public:
    void take(const text_pair& pair) {
        if (pair.key == "TargetName")
            begin_target(pair.value);
        else if (pair.key == "TargetAddress")
            add_address(pair.value);
    }

    // A target whose addresses were all refused is gone: without any address it would be taken
    // to live at the portal of the discovery session.
    discovery_answer finish() {
        discovery_answer answer;
        answer.refused = std::move(refused_);
        for (auto& target : targets_)
            if (!target.portals.empty() || !target.lost_address)
                answer.targets.push_back({std::move(target.name), std::move(target.portals)});
        return answer;
    }

  private:
    enum class place : std::uint8_t { before_first, in_target, in_refused_target };

    struct entry {
        std::string name;
        std::vector<portal> portals;
        bool lost_address = false;
    };

    // Some targets repeat TargetName for each of their addresses.
    void begin_target(const std::string& name) {
        if (auto checked = check_iscsi_name(name); checked.has_error()) {
            refused_.push_back(std::move(checked).error());
            place_ = place::in_refused_target;
            return;
        }
        place_ = place::in_target;
        const auto [known, is_new] = index_.try_emplace(name, targets_.size());
        if (is_new)
            targets_.push_back({name, {}, false});
        current_ = known->second;
    }

    void add_address(const std::string& text) {
        if (place_ == place::in_refused_target)
            return;
        if (place_ == place::before_first) {
            refused_.push_back(name_fault(
                name_errc::address_without_target, "TargetAddress", text, "TargetName before it"
            ));
            return;
        }
        auto address = parse_target_address(text);
        if (address.has_value()) {
            targets_[current_].portals.push_back(std::move(*address));
            return;
        }
        targets_[current_].lost_address = true;
        refused_.push_back(std::move(address).error());
        refused_.back().field.append(" of ").append(targets_[current_].name);
    }

    std::vector<entry> targets_;
    std::unordered_map<std::string, std::size_t> index_;
    std::vector<fault> refused_;
    place place_ = place::before_first;
    std::size_t current_ = 0;
};

} // namespace

result<void> check_iscsi_name(std::string_view name) {
    const auto refuse = [name](name_errc code, const char* expected) {
        return name_fault(code, "iSCSI name", name, expected);
    };
    if (name.empty())
        return refuse(name_errc::empty_name, "a name");
    if (name.size() > longest_name)
        return refuse(name_errc::name_too_long, "at most 223 bytes [RFC 7143 4.2.7.1]");
    if (!std::all_of(name.begin(), name.end(), is_name_character))
        return refuse(name_errc::bad_character, "printable ASCII without blanks and '/'");
    if (!is_known_name_type(name))
        return refuse(name_errc::unknown_name_type, "iqn., eui. or naa. [RFC 7143 4.2.7.3]");
    return {};
}

result<portal> parse_target_address(std::string_view text) {
    const auto parts = split_address(text);
    if (parts.has_error())
        return parts.error();
    if (parts->is_ipv6 ? !is_ipv6_host(parts->host) : !is_host_name(parts->host))
        return bad_portal(text);
    portal address{std::string(parts->host), iscsi_port, std::nullopt};
    if (parts->has_port) {
        address.port = parse_u16(parts->port).value_or(0);
        if (address.port == 0)
            return name_fault(name_errc::bad_port, "TargetAddress", text, "port 1 to 65535");
    }
    if (parts->has_group_tag) {
        address.group_tag = parse_u16(parts->group_tag);
        if (!address.group_tag)
            return name_fault(
                name_errc::bad_group_tag, "TargetAddress", text, "group tag 0 to 65535"
            );
    }
    return address;
}

discovery_answer read_send_targets(const text_pairs& pairs) {
    send_targets_reader reader;
    for (const auto& pair : pairs)
        reader.take(pair);
    return reader.finish();
}

} // namespace iscsi
