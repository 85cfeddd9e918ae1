#include "libiscsi/admin/setting.hpp"

#include "libiscsi/admin/setting_table.hpp"
#include "libiscsi/admin/words.hpp"

#include <algorithm>
#include <map>

namespace iscsi::admin {

namespace {

using row_index = std::map<std::string_view, const setting*, std::less<>>;

// Keys are compared whole; open-iscsi's table does so, too.
row_index index_rows() {
    row_index index;
    for (const auto& row : settings())
        index.emplace(row.name, &row); // the first row of a name stays
    index.emplace("node.transport_name", index.at("iface.transport_name"));
    return index;
}

// A masked value shows as stars: faults end up in logs and on screens.
fault refusal(const setting& row, setting_errc why, std::string_view value, std::string expected) {
    return {
        to_error_code(why),
        std::string(row.name),
        std::string(row.masked ? "********" : value),
        std::move(expected)};
}

std::string range_text(const setting& row) {
    auto text = std::to_string(row.low) + ".." + std::to_string(row.high);
    if (!row.unit.empty())
        text.append(" ").append(row.unit);
    return text;
}

std::string choices_text(const setting& row) {
    std::string text(row.choices);
    std::replace(text.begin(), text.end(), '|', ' ');
    return text;
}

// What must hold for a value of any type, so that a record file keeps it as it is.
result<void> check_line(const setting& row, std::string_view value) {
    if (std::any_of(value.begin(), value.end(), is_control))
        return refusal(row, setting_errc::control_character, "", "printable characters");
    if (trim(value) != value)
        return refusal(row, setting_errc::outer_blank, value, "no blank at either end");
    return {};
}

result<void> check_text(const setting& row, std::string_view value) {
    if (value.size() > static_cast<std::size_t>(row.high))
        return refusal(
            row, setting_errc::too_long, value, "at most " + std::to_string(row.high) + " bytes"
        );
    return {};
}

// "10s" is refused where open-iscsi reads 10, "abc" where it reads 0.
result<void> check_integer(const setting& row, std::string_view value) {
    const auto number = to_number<std::int64_t>(value);
    if (!number)
        return refusal(row, setting_errc::not_an_integer, value, range_text(row));
    if (*number < row.low || *number > row.high)
        return refusal(row, setting_errc::out_of_range, value, range_text(row));
    return {};
}

result<void> check_choice(const setting& row, std::string_view value) {
    const auto choices = split(row.choices, '|');
    if (std::find(choices.begin(), choices.end(), value) == choices.end())
        return refusal(row, setting_errc::not_a_choice, value, choices_text(row));
    return {};
}

// An unknown word in a list of digests must not be dropped: what is left may be weaker than what
// was meant.
result<void> check_list(const setting& row, std::string_view value) {
    const auto choices = split(row.choices, '|');
    const auto words = split(value, ',');
    for (auto word = words.begin(); word != words.end(); ++word) {
        const bool known = std::find(choices.begin(), choices.end(), *word) != choices.end();
        const bool repeated = std::find(words.begin(), word, *word) != word;
        if (!known || repeated)
            return refusal(
                row, setting_errc::not_a_choice, *word, "each at most once: " + choices_text(row)
            );
    }
    return {};
}

} // namespace

std::span<const setting> settings() {
    return setting_table;
}

const setting* find_setting(std::string_view name) {
    static const auto index = index_rows();
    const auto found = index.find(name);
    return found == index.end() ? nullptr : found->second;
}

const char* category_name(setting_errc /*unused*/) {
    return "setting";
}

std::string_view message_of(setting_errc error) {
    switch (error) {
    case setting_errc::unknown_name:
        return "unknown setting";
    case setting_errc::not_writable:
        return "cannot be changed";
    case setting_errc::not_an_integer:
        return "not an integer";
    case setting_errc::out_of_range:
        return "out of range";
    case setting_errc::not_a_choice:
        return "unknown value";
    case setting_errc::too_long:
        return "too long";
    case setting_errc::control_character:
        return "control character";
    case setting_errc::outer_blank:
        return "blank at an end";
    }
    return "unknown error";
}

result<void> check_value(const setting& row, std::string_view value) {
    if (auto line = check_line(row, value); !line)
        return line;
    switch (row.type) {
    case setting_type::text:
        return check_text(row, value);
    case setting_type::integer:
        return check_integer(row, value);
    case setting_type::boolean:
    case setting_type::choice:
        return check_choice(row, value);
    case setting_type::list:
        return check_list(row, value);
    }
    return {};
}

std::string canonical_value(const setting& row, std::string_view value) {
    if (row.type == setting_type::integer)
        if (const auto number = to_number<std::int64_t>(value))
            return std::to_string(*number);
    return std::string(value);
}

} // namespace iscsi::admin
