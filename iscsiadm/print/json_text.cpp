#include "iscsiadm/print/json_text.hpp"

#include <boost/json/value.hpp>
#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace iscsi::cli {

namespace {

namespace json = boost::json;

constexpr std::string_view replacement = "\xef\xbf\xbd";

std::uint8_t byte_at(std::string_view text, std::size_t index) {
    return index < text.size() ? static_cast<std::uint8_t>(text[index]) : std::uint8_t{0};
}

// What RFC 3629 §4 lets follow a first byte: how many bytes in all, and the range of the second.
struct sequence {
    std::size_t length = 0; // 0: it is no first byte
    std::uint8_t low = 0x80, high = 0xbf;
};

sequence sequence_of(std::uint8_t first) {
    if (first < 0x80)
        return {1};
    if (first >= 0xc2 && first <= 0xdf)
        return {2};
    if (first >= 0xe0 && first <= 0xef)
        return {
            3,
            first == 0xe0 ? std::uint8_t{0xa0} : std::uint8_t{0x80},
            first == 0xed ? std::uint8_t{0x9f} : std::uint8_t{0xbf}};
    if (first >= 0xf0 && first <= 0xf4)
        return {
            4,
            first == 0xf0 ? std::uint8_t{0x90} : std::uint8_t{0x80},
            first == 0xf4 ? std::uint8_t{0x8f} : std::uint8_t{0xbf}};
    return {};
}

// The length of the character that `text` begins with; 0 when it begins with none.
std::size_t character_length(std::string_view text) {
    const sequence expected = sequence_of(byte_at(text, 0));
    if (expected.length < 2)
        return expected.length;
    const std::uint8_t second = byte_at(text, 1);
    if (second < expected.low || second > expected.high)
        return 0;
    for (std::size_t i = 2; i < expected.length; ++i)
        if ((byte_at(text, i) & 0xc0U) != 0x80U)
            return 0;
    return expected.length;
}

std::string replaced(std::string_view text) {
    std::string whole;
    while (!text.empty()) {
        const std::size_t length = character_length(text);
        whole += length == 0 ? replacement : text.substr(0, length);
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return whole;
}

std::string hexadecimal(std::string_view text) {
    std::string digits;
    for (const char c : text)
        digits += fmt::format("{:02x}", static_cast<std::uint8_t>(c));
    return digits;
}

// RFC 6901 §3.
std::string escaped(std::string_view name) {
    std::string token;
    for (const char c : name)
        token += c == '~' ? "~0" : c == '/' ? "~1" : std::string{c};
    return token;
}

// One walk through a document.
class utf8_walk {
  public:
    void take(json::value& value, const std::string& pointer);
    void take(json::object& object, const std::string& pointer);

    json::array changed;

  private:
    void note(const std::string& pointer, std::string_view part, std::string_view text) {
        changed.push_back(json::object{
            {"pointer", pointer}, {"part", part}, {"bytes", hexadecimal(text)}});
    }

    void take_text(json::string& text, const std::string& pointer);
    std::string
    name_of_member(std::string_view name, const json::object& taken, const std::string&);
};

void utf8_walk::take(json::value& value, const std::string& pointer) {
    if (value.is_object())
        return take(value.get_object(), pointer);
    if (value.is_string())
        return take_text(value.get_string(), pointer);
    if (!value.is_array())
        return;
    std::size_t index = 0;
    for (json::value& item : value.get_array())
        take(item, fmt::format("{}/{}", pointer, index++));
}

void utf8_walk::take_text(json::string& text, const std::string& pointer) {
    if (is_utf8(text))
        return;
    note(pointer, "value", text);
    text = replaced(text);
}

void utf8_walk::take(json::object& object, const std::string& pointer) {
    json::object whole;
    for (auto& member : object) {
        const std::string name = name_of_member(member.key(), whole, pointer);
        take(member.value(), pointer + "/" + escaped(name));
        whole.insert_or_assign(name, std::move(member.value()));
    }
    object = std::move(whole);
}

// Two names may have become one: then the later gets longer.
std::string utf8_walk::name_of_member(
    std::string_view name, const json::object& taken, const std::string& pointer
) {
    std::string whole = replaced(name);
    while (taken.contains(whole))
        whole += replacement;
    if (whole != name)
        note(pointer + "/" + escaped(whole), "name", name);
    return whole;
}

} // namespace

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = character_length(text);
        if (length == 0)
            return false;
        text.remove_prefix(length);
    }
    return true;
}

json::array make_utf8(json::object& document) {
    utf8_walk walk;
    walk.take(document, "");
    return std::move(walk.changed);
}

} // namespace iscsi::cli
