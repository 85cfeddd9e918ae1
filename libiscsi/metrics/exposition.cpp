#include "libiscsi/metrics/exposition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <iterator>

namespace iscsi::metrics {

namespace {

std::string_view word_of(family_type type, form how) {
    switch (type) {
    case family_type::counter:
        return "counter";
    case family_type::histogram:
        return "histogram";
    case family_type::info:
        return how == form::openmetrics ? "info" : "gauge";
    case family_type::stateset:
        return how == form::openmetrics ? "stateset" : "gauge";
    case family_type::gauge:
        break;
    }
    return "gauge";
}

std::string_view suffix_of(family_type type) {
    if (type == family_type::counter)
        return "_total";
    return type == family_type::info ? "_info" : "";
}

// Lengths and first continuation bytes of UTF-8 (RFC 3629 §4): no overlong forms, no surrogates.
struct sequence {
    unsigned char first_low, first_high, second_low, second_high;
    std::size_t length;
};

constexpr std::array sequences{
    sequence{0x00, 0x7f, 0x00, 0x00, 1},
    sequence{0xc2, 0xdf, 0x80, 0xbf, 2},
    sequence{0xe0, 0xe0, 0xa0, 0xbf, 3},
    sequence{0xe1, 0xec, 0x80, 0xbf, 3},
    sequence{0xed, 0xed, 0x80, 0x9f, 3},
    sequence{0xee, 0xef, 0x80, 0xbf, 3},
    sequence{0xf0, 0xf0, 0x90, 0xbf, 4},
    sequence{0xf1, 0xf3, 0x80, 0xbf, 4},
    sequence{0xf4, 0xf4, 0x80, 0x8f, 4},
};

bool is_within(char c, unsigned char low, unsigned char high) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= low && byte <= high;
}

// How many bytes at the beginning are one character; 0: none are.
std::size_t length_of_character(std::string_view text) {
    for (const auto& form : sequences) {
        if (!is_within(text.front(), form.first_low, form.first_high))
            continue;
        if (text.size() < form.length)
            return 0;
        if (form.length > 1 && !is_within(text[1], form.second_low, form.second_high))
            return 0;
        const auto rest = text.substr(0, form.length).substr(std::min<std::size_t>(2, form.length));
        const bool goes_on =
            std::ranges::all_of(rest, [](char c) { return is_within(c, 0x80, 0xbf); });
        return goes_on ? form.length : 0;
    }
    return 0;
}

void append_escaped(std::string_view value, std::string& to) {
    constexpr std::string_view replacement = "\xef\xbf\xbd"; // U+FFFD
    while (!value.empty()) {
        const auto length = length_of_character(value);
        const auto character = value.substr(0, std::max<std::size_t>(length, 1));
        value.remove_prefix(character.size());
        if (length == 0)
            to += replacement;
        else if (character == "\n")
            to += "\\n";
        else if (character == "\\" || character == "\"")
            (to += '\\') += character;
        else
            to += character;
    }
}

} // namespace

labels::labels(std::initializer_list<std::pair<std::string_view, std::string_view>> all) {
    for (const auto& [name, value] : all)
        add(name, value);
}

labels labels::with(std::string_view name, std::string_view value) const {
    labels more = *this;
    more.add(name, value);
    return more;
}

void labels::add(std::string_view name, std::string_view value) {
    if (!text_.empty())
        text_ += ',';
    text_.append(name).append("=\"");
    append_escaped(value, text_);
    text_ += '"';
}

void exposition::begin(const family& what) {
    assert(what.unit.empty() || what.name.ends_with(what.unit));
    now_ = what;
    const auto in_full = how_ == form::openmetrics ? std::string_view() : suffix_of(what.type);
    const auto to = std::back_inserter(text_);
    fmt::format_to(to, "# TYPE {}{} {}\n", what.name, in_full, word_of(what.type, how_));
    if (how_ == form::openmetrics && !what.unit.empty())
        fmt::format_to(to, "# UNIT {} {}\n", what.name, what.unit);
    fmt::format_to(to, "# HELP {}{} {}\n", what.name, in_full, what.help);
}

void exposition::sample(const labels& of, std::uint64_t value) {
    line(suffix_of(now_.type), of, fmt::to_string(value));
}

void exposition::histogram(
    const labels& of,
    const std::vector<double>& bounds,
    const std::vector<std::uint64_t>& counts,
    double sum
) {
    assert(counts.size() == bounds.size() + 1);
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        below += counts[i];
        const auto bound = i < bounds.size() ? fmt::to_string(bounds[i]) : std::string("+Inf");
        line("_bucket", of.with("le", bound), fmt::to_string(below));
    }
    line("_count", of, fmt::to_string(below));
    line("_sum", of, fmt::to_string(sum));
}

void exposition::line(std::string_view suffix, const labels& of, std::string_view value) {
    const auto to = std::back_inserter(text_);
    if (of.text().empty())
        fmt::format_to(to, "{}{} {}\n", now_.name, suffix, value);
    else
        fmt::format_to(to, "{}{}{{{}}} {}\n", now_.name, suffix, of.text(), value);
}

std::string exposition::finish() {
    if (how_ == form::openmetrics)
        text_ += "# EOF\n";
    return std::move(text_);
}

} // namespace iscsi::metrics
