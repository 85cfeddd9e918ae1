#include "iscsid/compat/sysfs_order.hpp"

#include <algorithm>
#include <charconv>
#include <string>

namespace iscsid::compat {

namespace {

constexpr std::string_view blanks = " \t\n\v\f\r";
constexpr std::string_view any = "-";

// Cuts the next word off.
std::string_view next_word(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    const auto word = text.substr(0, text.find_first_of(blanks));
    text.remove_prefix(word.size());
    return word;
}

struct number_form {
    std::string_view digits;
    int base = 10;
};

// As simple_strtoull() of the kernel with base 0 takes it.
number_form form_of(std::string_view word) {
    if (word.starts_with("0x") || word.starts_with("0X"))
        return {word.substr(2), 16};
    if (word.size() > 1 && word.starts_with('0'))
        return {word.substr(1), 8};
    return {word, 10};
}

std::optional<std::uint64_t> number_in(std::string_view word) {
    const auto [digits, base] = form_of(word);
    std::uint64_t number = 0;
    const auto* const end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, number, base);
    if (read.ec != std::errc() || read.ptr != end)
        return std::nullopt;
    return number;
}

bool is_zero_or_any(std::string_view word) {
    return word == any || number_in(word) == 0U;
}

} // namespace

std::string name_of(const acting_file& file) {
    const auto host = std::to_string(file.host);
    const auto unit = host + ":0:0:" + std::to_string(file.lun);
    switch (file.kind) {
    case acting_kind::scan:
        return "host" + host + ".scan";
    case acting_kind::remove:
        return unit + ".delete";
    case acting_kind::rescan:
        return unit + ".rescan";
    }
    return {};
}

std::optional<scan_order> read_scan(std::string_view written) {
    const auto channel = next_word(written);
    const auto id = next_word(written);
    const auto lun = next_word(written);
    if (!next_word(written).empty() || !is_zero_or_any(channel) || !is_zero_or_any(id))
        return std::nullopt;
    if (lun == any)
        return scan_order{};
    const auto number = number_in(lun);
    return number ? std::optional(scan_order{number}) : std::nullopt;
}

bool is_one(std::string_view written) {
    const auto word = next_word(written);
    return word == "1" && next_word(written).empty();
}

} // namespace iscsid::compat
