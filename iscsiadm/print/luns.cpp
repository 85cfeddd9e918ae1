#include "iscsiadm/print/luns.hpp"

#include "iscsiadm/print/progress.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace iscsi::cli {

namespace {

constexpr std::size_t columns = 12;
using row = std::array<std::string, columns>;

std::string or_dash(std::string_view text) {
    return text.empty() ? "-" : std::string(text);
}

// The words of SPC-4 but for the kind that nearly all are.
std::string kind_of(const admin::lun_details& unit) {
    return unit.kind == "direct access block device" ? "disk" : or_dash(unit.kind);
}

std::string model_of(const admin::lun_details& unit) {
    std::string model;
    for (const std::string& part : {unit.vendor, unit.product, unit.revision})
        if (!part.empty())
            model += (model.empty() ? "" : " ") + part;
    return or_dash(model);
}

std::string yes_or_no(const admin::lun_details& unit, bool value, bool is_known = true) {
    if (unit.size == 0 || !is_known)
        return "-";
    return value ? "yes" : "no";
}

row table_row_of(const admin::lun_details& unit) {
    const bool has_size = unit.size != 0;
    return {
        std::to_string(unit.lun),
        kind_of(unit),
        model_of(unit),
        has_size ? size_in_words(unit.size) : "-",
        has_size ? std::to_string(unit.block_size) : "-",
        or_dash(unit.wwid),
        yes_or_no(unit, unit.thin),
        yes_or_no(unit, unit.write_cache, unit.write_cache_known),
        yes_or_no(unit, unit.read_only),
        unit.state,
        or_dash(unit.disk),
        unit.why};
}

std::string line_of(const row& cells, const std::array<std::size_t, columns>& widths) {
    std::string line;
    for (std::size_t i = 0; i < columns; ++i)
        line += fmt::format("{:<{}}", cells[i], widths[i] + 2);
    line.erase(line.find_last_not_of(' ') + 1);
    return line + '\n';
}

} // namespace

std::string size_in_words(std::uint64_t bytes) {
    constexpr std::array<std::string_view, 7> units = {
        "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    constexpr std::uint64_t step = 1024;
    if (bytes < step)
        return fmt::format("{} B", bytes);
    auto scaled = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; scaled >= step && unit + 1 < units.size(); ++unit)
        scaled /= step;
    return fmt::format("{:.1f} {}", scaled, units[unit]);
}

std::string
lun_table(const admin::session_info& session, const std::vector<admin::lun_details>& luns) {
    std::vector<row> rows{
        {"LUN",
         "KIND",
         "MODEL",
         "SIZE",
         "BLOCK",
         "WWID",
         "THIN",
         "WCE",
         "RO",
         "STATE",
         "DISK",
         ""}};
    std::ranges::transform(luns, std::back_inserter(rows), table_row_of);
    std::array<std::size_t, columns> widths{};
    for (const row& each : rows)
        for (std::size_t i = 0; i < columns; ++i)
            widths[i] = std::max(widths[i], each[i].size());
    std::string table = fmt::format("LUNs of session [{}]\n", session_words(session));
    for (const row& each : rows)
        table += line_of(each, widths);
    return table;
}

} // namespace iscsi::cli
