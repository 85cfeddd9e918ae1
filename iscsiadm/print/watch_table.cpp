#include "iscsiadm/print/watch_table.hpp"

#include "iscsiadm/print/io_figures.hpp"
#include "iscsiadm/print/portals.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>

namespace iscsi::cli {

namespace {

using admin::attached_lun;
using admin::io_figures;
using admin::session_info;

// Fits a terminal of 80 columns but for what stands behind the last of them.
constexpr std::string_view row =
    "{:>4} {:<13} {:>6} {:>6} {:>6} {:>6} {:>5} {:>6} {:>6} {:>6} {:>6}";

// The three figures of a line, each of the time between two samples.
struct activity {
    io_figures reads, writes, flushes;
    std::uint64_t discards_in_flight = 0;
    std::uint64_t failed = 0;
};

activity operator+(const activity& one, const activity& other) {
    return {
        sum(one.reads, other.reads),
        sum(one.writes, other.writes),
        sum(one.flushes, other.flushes),
        one.discards_in_flight + other.discards_in_flight,
        one.failed + other.failed};
}

activity between(const attached_lun& now, const attached_lun& before) {
    const auto change = [&](std::string_view kind) {
        return difference(figures_of(now, kind), figures_of(before, kind));
    };
    activity all{change("read"), change("write"), change("flush")};
    const auto discards = change("discard");
    all.discards_in_flight = discards.in_flight;
    all.failed = all.reads.failed + all.writes.failed + all.flushes.failed + discards.failed;
    return all;
}

// Four digits at most: "0.5", "12", "3.4k", "120M".
std::string short_number(double value) {
    constexpr double step = 1000, small = 9.95;
    constexpr std::array<std::string_view, 6> units{"", "k", "M", "G", "T", "P"};
    std::size_t unit = 0;
    for (; value >= step - 0.5 && unit + 1 < units.size(); ++unit)
        value /= step;
    const bool is_whole = value == static_cast<double>(static_cast<std::uint64_t>(value));
    if (value >= small || (is_whole && unit == 0))
        return fmt::format("{:.0f}{}", value, units.at(unit));
    return fmt::format("{:.1f}{}", value, units.at(unit));
}

std::string short_time(const io_figures& of, unsigned hundredths) {
    const auto time = percentile(of.latencies, hundredths);
    if (!time)
        return "-";
    std::string words = time_words(*time);
    std::erase(words, ' ');
    return words;
}

std::string per_second(std::uint64_t count, double seconds) {
    return short_number(static_cast<double>(count) / seconds);
}

// `name` is what stands in the first two columns.
struct line_name {
    std::string sid, disk;
};

constexpr unsigned middle = 50, almost_all = 99;

std::string figures_line(const line_name& name, const activity& of, double seconds) {
    const auto depth =
        of.reads.in_flight + of.writes.in_flight + of.flushes.in_flight + of.discards_in_flight;
    return fmt::format(
        row,
        name.sid,
        name.disk,
        per_second(of.reads.requests, seconds),
        per_second(of.writes.requests, seconds),
        per_second(of.reads.bytes, seconds),
        per_second(of.writes.bytes, seconds),
        depth,
        short_time(of.reads, middle),
        short_time(of.reads, almost_all),
        short_time(of.writes, middle),
        short_time(of.writes, almost_all)
    );
}

std::string line_without_figures(const line_name& name) {
    return fmt::format(row, name.sid, name.disk, "-", "-", "-", "-", "-", "-", "-", "-", "-");
}

// What is not as it should be.
std::string remarks(const activity& of, double seconds) {
    std::string words;
    if (of.flushes.requests != 0)
        words += fmt::format(" {} flushes/s", per_second(of.flushes.requests, seconds));
    if (of.failed != 0)
        words += fmt::format(" {} FAILED", of.failed);
    return words;
}

template <class Things, class Key, class Member>
auto find_in(const Things& things, const Key& key, Member member) {
    const auto found = std::ranges::find(things, key, member);
    return found == things.end() ? nullptr : &*found;
}

class table {
  public:
    explicit table(double seconds) : seconds_(seconds) {}

    // `before` may be nullptr.
    void add(const session_info& now, const session_info* before);

    std::vector<std::string> take() { return std::move(lines_); }

  private:
    std::optional<activity> add_lun(const attached_lun& now, const session_info* before);

    double seconds_;
    std::vector<std::string> lines_;
};

void table::add(const session_info& now, const session_info* before) {
    const std::size_t place = lines_.size();
    lines_.emplace_back();
    std::optional<activity> all;
    if (before != nullptr)
        all.emplace();
    for (const attached_lun& lun : now.luns) {
        const auto of = add_lun(lun, before);
        if (of && all)
            *all = *all + *of;
    }
    const bool is_pending = now.login_pending || now.logout_pending;
    const auto& state = is_pending ? now.connection_state : now.session_state;
    const line_name name{std::to_string(now.sid), state};
    lines_[place] = all ? figures_line(name, *all, seconds_) : line_without_figures(name);
    lines_[place] += fmt::format(
        " {} {}", now.node.target, tree_portal(now.current_address, now.current_port, now.group_tag)
    );
}

std::optional<activity> table::add_lun(const attached_lun& now, const session_info* before) {
    const line_name name{"", fmt::format("{:>4} {}", now.lun, now.disk)};
    const std::string state = now.state == "running" ? "" : " " + now.state;
    const auto* const known =
        before == nullptr ? nullptr : find_in(before->luns, now.lun, &attached_lun::lun);
    if (known == nullptr) {
        lines_.push_back(line_without_figures(name) + state);
        return std::nullopt;
    }
    const activity of = between(now, *known);
    lines_.push_back(figures_line(name, of, seconds_) + state + remarks(of, seconds_));
    return of;
}

std::string head_line() {
    return fmt::format(
        row,
        "SID",
        " LUN DISK",
        "r/s",
        "w/s",
        "rB/s",
        "wB/s",
        "depth",
        "r50%",
        "r99%",
        "w50%",
        "w99%"
    );
}

} // namespace

std::vector<std::string> watch_table(const sample& now, const sample& before) {
    constexpr double shortest = 0.001;
    const std::chrono::duration<double> passed = now.taken - before.taken;
    table all(std::max(passed.count(), shortest));
    for (const session_info& session : now.sessions)
        all.add(session, find_in(before.sessions, session.sid, &session_info::sid));
    auto lines = all.take();
    lines.insert(lines.begin(), head_line());
    return lines;
}

std::string cut_to(std::vector<std::string> lines, std::size_t rows, std::size_t columns) {
    if (rows > 1 && lines.size() > rows) {
        const std::size_t left_out = lines.size() - (rows - 1);
        lines.resize(rows - 1);
        lines.push_back(fmt::format("({} lines more)", left_out));
    }
    std::string text;
    for (std::string& line : lines) {
        if (columns > 0 && line.size() > columns)
            line.resize(columns);
        text += line + '\n';
    }
    return text;
}

} // namespace iscsi::cli
