#include "iscsiadm/cli/portal.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace iscsi::cli {

namespace {

// The parts of a portal as text; what is unset was not written, which is not the same as empty.
struct portal_words {
    std::string_view address;
    std::optional<std::string_view> port;
    std::optional<std::string_view> group_tag;
};

refusal bad_portal(std::string_view text, std::string_view why) {
    return {{fmt::format("invalid portal '{}': {}", text, why)}};
}

// Cuts at the first `mark`; the part after it is unset when there is none.
std::optional<std::string_view> cut(std::string_view& text, char mark) {
    const auto at = text.find(mark);
    if (at == std::string_view::npos)
        return std::nullopt;
    const std::string_view tail = text.substr(at + 1);
    text = text.substr(0, at);
    return tail;
}

// "[IPV6]", "[IPV6]:PORT", "[IPV6],TPGT", "[IPV6]:PORT,TPGT": nothing else may follow the bracket.
parsed<portal_words> split_brackets(std::string_view whole) {
    portal_words words;
    const auto close = whole.find(']');
    if (close == std::string_view::npos)
        return bad_portal(whole, "']' is missing");
    words.address = whole.substr(1, close - 1);
    std::string_view rest = whole.substr(close + 1);
    words.group_tag = cut(rest, ',');
    if (rest.empty())
        return words;
    if (rest.front() != ':')
        return bad_portal(whole, "expected [IPV6][:PORT][,TPGT]");
    words.port = rest.substr(1);
    return words;
}

// One colon separates a port; two or more can only be an IPv6 address, and then there is no way to
// write a port without brackets.
parsed<portal_words> split_portal(std::string_view whole) {
    if (whole.starts_with('['))
        return split_brackets(whole);
    portal_words words;
    words.address = whole;
    words.group_tag = cut(words.address, ',');
    if (std::ranges::count(words.address, ':') < 2) // more: a bare IPv6 address, without a port
        words.port = cut(words.address, ':');
    return words;
}

// No blank or control character (the address is printed in one line), no slash (it names a folder),
// no comma or bracket (they separate parts in the names of folders).
bool good_address_character(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > ' ' && byte != 0x7f && c != '/' && c != ',' && c != '[' && c != ']';
}

// Decimal digits and nothing else: no sign, no blank, no "0x".
std::optional<std::uint32_t> number_of(std::string_view text) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

// An unknown tag is -1, or 4294967295 as `-m node` prints it.
std::optional<int> group_tag_of(std::string_view text) {
    constexpr std::uint32_t unknown = 0xffffffff, highest = 0xffff; // RFC 7143 §13.9
    if (text == "-1")
        return -1;
    const auto number = number_of(text);
    if (number == unknown)
        return -1;
    return number && *number <= highest ? std::optional(static_cast<int>(*number)) : std::nullopt;
}

} // namespace

bool is_address(std::string_view text) {
    constexpr std::size_t longest = 255; // RFC 1035 §2.3.4
    return !text.empty() && text.size() <= longest && text != "." && text != ".." &&
           std::ranges::all_of(text, good_address_character);
}

parsed<portal> parse_portal(std::string_view text) {
    const parsed<portal_words> words = split_portal(text);
    if (!words)
        return words.error();
    if (!is_address(words->address))
        return bad_portal(text, "expected an IP address or a host name");
    portal where{.address = std::string(words->address), .group_tag = {}};
    where.has_usual_port = !words->port;
    if (words->port) {
        const auto port = number_of(*words->port);
        if (!port || *port == 0 || *port > 0xffff)
            return bad_portal(text, "expected a port from 1 to 65535");
        where.port = static_cast<std::uint16_t>(*port);
    }
    if (words->group_tag) {
        // The tag is the only part that may say "unknown": a record made without one has none.
        where.group_tag = group_tag_of(*words->group_tag);
        if (!where.group_tag)
            return bad_portal(text, "expected a portal group tag from 0 to 65535");
    }
    return where;
}

} // namespace iscsi::cli
