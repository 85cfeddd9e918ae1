#include "libiscsi/base/text.hpp"

#include <algorithm>

namespace iscsi {

namespace {

constexpr std::size_t longest_key = 63; // RFC 7143 §6.1, standard-label

constexpr bool is_letter_or_digit(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// RFC 7143 §6.1; "#" stands in the names of public extension keys (X#NodeArchitecture, RFC 4850).
constexpr bool is_key_character(char c) {
    return is_letter_or_digit(c) || std::string_view(".-+@_#").find(c) != std::string_view::npos;
}

// What came from the network must not carry control characters into a log.
// At most a key's length: a fault is a line.
std::string printable_start(std::string_view raw) {
    std::string shown(raw.substr(0, longest_key));
    std::replace_if(
        shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, '?'
    );
    return shown;
}

fault text_fault(text_errc why, std::string_view got, std::string expected) {
    return {to_error_code(why), "text key", printable_start(got), std::move(expected)};
}

result<void> check_key(std::string_view key) {
    if (key.size() > longest_key)
        return text_fault(text_errc::key_too_long, key, "at most 63 characters (RFC 7143 §6.1)");
    if (key.empty() || !std::all_of(key.begin(), key.end(), is_key_character))
        return text_fault(text_errc::bad_key_name, key, "letters, digits, .-+@_# (RFC 7143 §6.1)");
    return {};
}

// The first "=" ends the key; CHAP values in base64 end with more of them.
result<text_pair> parse_pair(std::string_view entry, std::size_t longest_value) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos)
        return text_fault(text_errc::no_equals_sign, entry, "key=value (RFC 7143 §6.1)");
    const std::string_view key = entry.substr(0, equals);
    const std::string_view value = entry.substr(equals + 1);
    if (const auto checked = check_key(key); !checked)
        return checked.error();
    if (value.size() > longest_value)
        return text_fault(
            text_errc::value_too_long, key, "at most " + std::to_string(longest_value) + " bytes"
        );
    return text_pair{std::string(key), std::string(value)};
}

} // namespace

text_reader::text_reader(bytes_view text, std::size_t longest_value)
    : rest_(reinterpret_cast<const char*>(text.data()), text.size())
    , longest_value_(longest_value) {}

std::optional<result<text_pair>> text_reader::next() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of('\0'), rest_.size()));
    if (rest_.empty())
        return std::nullopt;
    const std::size_t end = rest_.find('\0');
    raw_ = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end, rest_.size()));
    if (end == std::string_view::npos)
        return text_fault(text_errc::not_terminated, raw_, "a NUL after each pair (§6.1)");
    return parse_pair(raw_, longest_value_);
}

result<text_pairs> parse_text(bytes_view data, std::size_t longest_value) {
    text_reader entries(data, longest_value);
    text_pairs pairs;
    while (auto pair = entries.next()) {
        if (!*pair)
            return pair->error();
        pairs.push_back(std::move(**pair));
    }
    return pairs;
}

std::string format_text(const text_pairs& pairs) {
    std::string text;
    for (const auto& [key, value] : pairs) {
        text.append(key).append(1, '=').append(value).append(1, '\0');
    }
    return text;
}

const std::string* find_value(const text_pairs& pairs, std::string_view key) {
    const auto found = std::find_if(pairs.begin(), pairs.end(), [key](const text_pair& pair) {
        return pair.key == key;
    });
    return found == pairs.end() ? nullptr : &found->value;
}

const char* category_name(text_errc /*any*/) {
    return "iscsi.text";
}

std::string_view message_of(text_errc value) {
    switch (value) {
    case text_errc::no_equals_sign:
        return "no equals sign";
    case text_errc::bad_key_name:
        return "bad key name";
    case text_errc::key_too_long:
        return "key name too long";
    case text_errc::value_too_long:
        return "value too long";
    case text_errc::not_terminated:
        return "not terminated";
    }
    return "unknown text error";
}

} // namespace iscsi
