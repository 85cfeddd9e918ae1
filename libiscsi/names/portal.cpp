#include "libiscsi/names/portal.hpp"

#include "libiscsi/names/characters.hpp"
#include "libiscsi/names/iscsi_name.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace iscsi {
namespace {

constexpr std::size_t longest_host = 255; // RFC 1035 §2.3.4
constexpr std::string_view usual_port = "3260";

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

bool is_host_character(char c) {
    return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_';
}

bool is_host_name(std::string_view host) {
    return !host.empty() && host.size() <= longest_host && is_letter_or_digit(host.front()) &&
           std::all_of(host.begin(), host.end(), is_host_character);
}

bool is_ipv6_address(std::string_view text) {
    in6_addr unused{};
    return text.size() < INET6_ADDRSTRLEN &&
           ::inet_pton(AF_INET6, std::string(text).c_str(), &unused) == 1;
}

// "address" or "address%zone" (RFC 6874 has the zone after a percent sign).
bool is_ipv6_host(std::string_view host) {
    const auto percent = host.find('%');
    if (percent != std::string_view::npos && !is_host_name(host.substr(percent + 1)))
        return false;
    return host.size() <= longest_host && is_ipv6_address(host.substr(0, percent));
}

std::optional<std::uint16_t> parse_u16(std::string_view digits) {
    std::uint16_t value = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, value);
    if (error != std::errc() || stopped != end)
        return std::nullopt;
    return value;
}

std::optional<address_parts> split_brackets(std::string_view rest, address_parts parts) {
    const auto end = rest.find(']');
    if (end == std::string_view::npos)
        return std::nullopt;
    parts.is_ipv6 = true;
    parts.host = rest.substr(1, end - 1);
    if (!split_port(rest.substr(end + 1), parts))
        return std::nullopt;
    return parts;
}

// An IPv6 address without the brackets that it should have. Its last group may be the port: it is
// when nothing else makes an address of the rest, behind a zone, and when it is iSCSI's own port,
// which hardly ends an address but often such a text.
address_parts split_bare_ipv6(std::string_view rest, address_parts parts) {
    const auto colon = rest.rfind(':');
    const auto last = rest.substr(colon + 1);
    const bool is_port = !is_ipv6_host(rest) || last == usual_port;
    parts.is_ipv6 = true;
    parts.has_port = is_port && is_ipv6_host(rest.substr(0, colon));
    parts.host = parts.has_port ? rest.substr(0, colon) : rest;
    parts.port = parts.has_port ? last : std::string_view();
    return parts;
}

std::optional<address_parts> split_address(std::string_view text) {
    address_parts parts;
    std::string_view rest = text;
    split_group_tag(rest, parts);
    if (rest.starts_with('['))
        return split_brackets(rest, parts);
    if (std::count(rest.begin(), rest.end(), ':') > 1)
        return split_bare_ipv6(rest, parts);
    const auto end = std::min(rest.find(':'), rest.size());
    parts.host = rest.substr(0, end);
    static_cast<void>(split_port(rest.substr(end), parts)); // it begins with a colon
    return parts;
}

} // namespace

result<portal> parse_target_address(std::string_view text) {
    const auto parts = split_address(text);
    if (!parts)
        return bad_portal(text);
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

} // namespace iscsi
