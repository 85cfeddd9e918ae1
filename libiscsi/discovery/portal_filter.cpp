#include "libiscsi/discovery/portal_filter.hpp"

#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/record_file.hpp"
#include "libiscsi/admin/words.hpp"
#include "libiscsi/base/shown.hpp"
#include "libiscsi/names/characters.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <map>

namespace iscsi::discovery {

const char* category_name(filter_errc /*unused*/) {
    return "discovery filter";
}

std::string_view message_of(filter_errc what) {
    switch (what) {
    case filter_errc::bad_word:
        return "does not take this word";
    }
    return "unknown";
}

namespace {

constexpr std::string_view portal_key = "discovery.sendtargets.filter.portal";
constexpr std::string_view interface_key = "discovery.sendtargets.filter.interface";

// An empty text has no words; between two commas there is an empty one.
std::vector<std::string_view> words_of(std::string_view list) {
    if (admin::trim(list).empty())
        return {};
    auto words = admin::split(list, ',');
    std::ranges::transform(words, words.begin(), admin::trim);
    return words;
}

template <class Number>
std::optional<Number> number_in(std::string_view text, Number low, Number high) {
    const auto number = admin::to_number<Number>(text);
    return number && *number >= low && *number <= high ? number : std::nullopt;
}

std::string small_letters(std::string_view text) {
    std::string all(text);
    std::ranges::transform(all, all.begin(), lower);
    return all;
}

fault refuse(std::string_view key, std::string_view word, std::string_view expected) {
    const auto code = to_error_code(filter_errc::bad_word);
    return {code, std::string(key), "'" + shown(word) + "'", std::string(expected)};
}

struct host_and_port {
    std::string_view host;
    std::optional<std::string_view> port;
};

// An IPv6 address has colons of its own: with a port it stands in brackets.
host_and_port cut_port(std::string_view text) {
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos)
            return {};
        const auto rest = text.substr(close + 1);
        if (!rest.empty() && !rest.starts_with(':'))
            return {};
        return {
            text.substr(1, close - 1), rest.empty() ? std::nullopt : std::optional(rest.substr(1))};
    }
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || colon != text.rfind(':'))
        return {text, std::nullopt};
    return {text.substr(0, colon), text.substr(colon + 1)};
}

bool is_host_name(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    });
}

} // namespace

// The zone of a link-local address is this machine's word for a link, no part of the address.
std::optional<portal_pattern::ip_address> portal_pattern::address_of(std::string_view text) {
    const std::string whole(text.substr(0, text.find('%')));
    ip_address address;
    if (::inet_pton(AF_INET, whole.c_str(), address.bytes.data()) == 1)
        return address;
    address.is_v6 = true;
    if (::inet_pton(AF_INET6, whole.c_str(), address.bytes.data()) == 1)
        return address;
    return std::nullopt;
}

result<portal_pattern> portal_pattern::read(std::string_view text) {
    constexpr std::string_view expected = "an address, a network or a host name, with ! or without";
    portal_pattern made;
    auto rest = text;
    if (rest.starts_with('!')) {
        made.excludes_ = true;
        rest = admin::trim(rest.substr(1));
    }
    const auto slash = rest.find('/');
    const auto [host, port] = cut_port(rest.substr(0, slash));
    made.host_ = small_letters(host);
    made.address_ = address_of(host);
    if (!made.address_ && (slash != std::string_view::npos || !is_host_name(made.host_)))
        return refuse(portal_key, text, expected);
    if (port && !(made.port_ = number_in<std::uint16_t>(*port, 1, 65535)))
        return refuse(portal_key, text, "a port from 1 to 65535");
    const unsigned longest = made.address_ && made.address_->is_v6 ? 128 : 32;
    const auto prefix = slash == std::string_view::npos
                            ? std::optional(longest)
                            : number_in<unsigned>(rest.substr(slash + 1), 0, longest);
    if (!prefix)
        return refuse(portal_key, text, "a prefix length from 0 to " + std::to_string(longest));
    made.prefix_ = *prefix;
    return made;
}

bool portal_pattern::matches(const admin::discovered_portal& portal) const {
    if (port_ && *port_ != portal.port)
        return false;
    const auto address = address_of(portal.address);
    if (!address_ || !address)
        return !address_ && !address && host_ == small_letters(portal.address);
    if (address->is_v6 != address_->is_v6)
        return false;
    for (unsigned bit = 0; bit < prefix_; ++bit) {
        const auto mask = 0x80U >> (bit % 8);
        if (((address->bytes[bit / 8] ^ address_->bytes[bit / 8]) & mask) != 0)
            return false;
    }
    return true;
}

result<portal_filter> portal_filter::read(const admin::record& settings) {
    portal_filter made;
    if (settings.kind() == admin::record_kind::isns)
        return made;
    made.family_ = settings.get("discovery.sendtargets.filter.family");
    for (const auto word : words_of(settings.get("discovery.sendtargets.filter.portal"))) {
        const auto pattern = portal_pattern::read(word);
        if (!pattern)
            return pattern.error();
        made.wants_some_ |= !pattern->excludes();
        made.patterns_.push_back(*pattern);
    }
    for (const auto word : words_of(settings.get("discovery.sendtargets.filter.interface"))) {
        if (word.empty())
            return refuse(interface_key, word, "names of interface records");
        made.interfaces_.emplace_back(word);
    }
    return made;
}

result<void> check_filter_of(const std::filesystem::path& config_file) {
    const auto text = admin::read_file(config_file);
    if (!text || !*text)
        return {};
    admin::record settings(admin::record_kind::send_targets);
    std::map<std::string, int> lines; // the last one of a key counts
    for (const auto& line : admin::scan_lines(**text, config_file.string()).lines)
        if (line.key.starts_with("discovery.sendtargets.filter.") &&
            settings.set(line.key, line.value))
            lines[line.key] = line.number;
    const auto filter = portal_filter::read(settings);
    if (filter)
        return {};
    const auto& why = filter.error();
    return admin::at_line(why, config_file.string(), lines[why.field]);
}

bool portal_filter::is_of_family(const std::string& address) const {
    if (family_ == "any")
        return true;
    const auto known = portal_pattern::address_of(address);
    return !known || known->is_v6 == (family_ == "ipv6");
}

bool portal_filter::admits(const admin::discovered_portal& portal) const {
    if (!is_of_family(portal.address))
        return false;
    bool is_wanted = !wants_some_;
    for (const portal_pattern& each : patterns_) {
        if (!each.matches(portal))
            continue;
        if (each.excludes())
            return false;
        is_wanted = true;
    }
    return is_wanted;
}

} // namespace iscsi::discovery
