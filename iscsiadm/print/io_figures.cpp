#include "iscsiadm/print/io_figures.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <map>

namespace iscsi::cli {

namespace {

using admin::io_figures;
using admin::latency_bucket;
using counts = std::map<std::uint64_t, std::uint64_t>; // by the bound of the bucket

counts counts_of(const std::vector<latency_bucket>& latencies) {
    counts all;
    for (const latency_bucket& bucket : latencies)
        all[bucket.below_us] += bucket.count;
    return all;
}

std::vector<latency_bucket> buckets_of(const counts& from) {
    std::vector<latency_bucket> all;
    for (const auto& [below, count] : from)
        if (count != 0)
            all.push_back({below, count});
    return all;
}

bool has_gone_back(const io_figures& now, const io_figures& before) {
    return now.requests < before.requests || now.failed < before.failed || now.bytes < before.bytes;
}

std::string kind_lines(const io_figures& of) {
    std::string lines = fmt::format(
        "\t\t{}: {} ended, {} failed, {} in flight, {} bytes",
        of.kind,
        of.requests,
        of.failed,
        of.in_flight,
        of.bytes
    );
    constexpr unsigned middle = 50, almost_all = 99;
    const auto half = percentile(of.latencies, middle);
    const auto most = percentile(of.latencies, almost_all);
    if (half && most)
        lines += fmt::format("; 50 % < {}, 99 % < {}", time_words(*half), time_words(*most));
    lines += '\n';
    counts by_power;
    for (const latency_bucket& bucket : of.latencies)
        by_power[std::bit_ceil(bucket.below_us)] += bucket.count;
    for (const auto& [below, count] : by_power)
        lines += fmt::format("\t\t\t< {}: {}\n", time_words(below), count);
    return lines;
}

} // namespace

io_figures figures_of(const admin::attached_lun& lun, std::string_view kind) {
    const auto found = std::ranges::find(lun.io, kind, &io_figures::kind);
    return found == lun.io.end() ? io_figures{std::string(kind)} : *found;
}

io_figures difference(const io_figures& now, const io_figures& before) {
    if (has_gone_back(now, before))
        return now;
    io_figures change = now;
    change.requests -= before.requests;
    change.failed -= before.failed;
    change.bytes -= before.bytes;
    counts left = counts_of(now.latencies);
    for (const auto& [below, count] : counts_of(before.latencies))
        left[below] -= std::min(left[below], count);
    change.latencies = buckets_of(left);
    return change;
}

io_figures sum(const io_figures& one, const io_figures& other) {
    io_figures both = one;
    both.in_flight += other.in_flight;
    both.requests += other.requests;
    both.failed += other.failed;
    both.bytes += other.bytes;
    counts all = counts_of(one.latencies);
    for (const latency_bucket& bucket : other.latencies)
        all[bucket.below_us] += bucket.count;
    both.latencies = buckets_of(all);
    return both;
}

std::optional<std::uint64_t>
percentile(const std::vector<latency_bucket>& latencies, unsigned hundredths) {
    std::uint64_t requests = 0;
    for (const latency_bucket& bucket : latencies)
        requests += bucket.count;
    if (requests == 0)
        return std::nullopt;
    constexpr std::uint64_t whole = 100;
    std::uint64_t below = 0;
    for (const latency_bucket& bucket : latencies) {
        below += bucket.count;
        if (below * whole >= requests * hundredths)
            return bucket.below_us;
    }
    return latencies.back().below_us;
}

std::string time_words(std::uint64_t microseconds) {
    constexpr std::uint64_t millisecond = 1'000, second = 1'000'000, few = 10;
    const auto in = [microseconds](std::uint64_t unit, std::string_view name) {
        const std::uint64_t tenths = (few * microseconds + unit / 2) / unit;
        if (tenths >= few * few || tenths % few == 0)
            return fmt::format("{} {}", (microseconds + unit / 2) / unit, name);
        return fmt::format("{}.{} {}", tenths / few, tenths % few, name);
    };
    if (microseconds < millisecond)
        return fmt::format("{} us", microseconds);
    return microseconds < second ? in(millisecond, "ms") : in(second, "s");
}

std::string io_lines(const admin::attached_lun& lun) {
    std::string lines;
    for (const io_figures& of : lun.io)
        if (of.requests != 0 || of.in_flight != 0)
            lines += kind_lines(of);
    if (lines.empty())
        return {};
    return fmt::format("\tLUN {}, {}\n", lun.lun, lun.disk.empty() ? "no disk" : lun.disk) + lines;
}

} // namespace iscsi::cli
