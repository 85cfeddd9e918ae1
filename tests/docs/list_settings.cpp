// Prints for every setting that users may write into iscsid.conf or a record what iscsid.conf(5)
// has to say of it: its name, what it means, and what it takes, separated by tabs.
#include "libiscsi/admin/setting_table.hpp"

#include <cstdio>
#include <string>

namespace {

using iscsi::admin::setting;
using iscsi::admin::setting_type;

std::string blanks_for_bars(std::string_view choices) {
    std::string text(choices);
    for (char& c : text)
        c = c == '|' ? ' ' : c;
    return text;
}

// "512 to 16777215, in bytes"; empty where any text of the usual length will do.
std::string values_of(const setting& row) {
    constexpr std::int64_t usual_length = 255;
    switch (row.type) {
    case setting_type::boolean:
        return "Yes or No";
    case setting_type::choice:
        return "One of " + blanks_for_bars(row.choices);
    case setting_type::list:
        return "Out of " + blanks_for_bars(row.choices);
    case setting_type::text:
        return row.high == usual_length ? "" : "At most " + std::to_string(row.high) + " bytes";
    case setting_type::integer:
        break;
    }
    const std::string range = std::to_string(row.low) + " to " + std::to_string(row.high);
    const std::string unit(row.unit == "s" ? "seconds" : row.unit);
    return unit.empty() ? range : range + ", in " + unit;
}

// "(0 to 64; default: 0.)"
std::string what_it_takes(const setting& row) {
    std::string text = row.masked ? "Shown only with iscsiadm -S" : values_of(row);
    text += text.empty() ? "Default: " : "; default: ";
    text += row.fallback.empty() ? "empty" : row.fallback;
    if (!row.writable)
        text += "; selects the record";
    if (!row.login_key.empty())
        text.append("; negotiated as ").append(row.login_key);
    return "(" + text + ".)";
}

} // namespace

int main() {
    for (const auto& row : iscsi::admin::settings())
        std::printf(
            "%s\t%s\t%s\n",
            std::string(row.name).c_str(),
            std::string(row.meaning).c_str(),
            what_it_takes(row).c_str()
        );
}
