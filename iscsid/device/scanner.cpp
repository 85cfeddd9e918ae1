#include "iscsid/device/scanner.hpp"

#include "iscsid/device/command_runner.hpp"
#include "iscsid/device/lun_list.hpp"
#include "iscsid/device/lun_probe.hpp"

#include "libiscsi/scsi/lun.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

namespace iscsid::device {

namespace {

namespace asio = boost::asio;
using asio::awaitable;
using iscsi::result;

// What the workers of a scan share. Kept alive by each of them: a scan may be destroyed with its
// io_context, in any order.
struct scan_run {
    execute_function execute;
    scan_limits limits;
    const scan_clock& clock;
    iscsi::instant end{}; // of the whole scan
    listed_luns listed{};
    std::size_t next = 0;                            // which LUN of the list nobody has begun
    std::vector<std::optional<probed_lun>> probed{}; // as in the list; nothing: not begun
    std::optional<iscsi::fault> lost{};

    iscsi::duration time_left() const {
        return std::chrono::floor<iscsi::duration>(end - clock.now());
    }

    bool goes_on() const {
        return !lost && next < listed.luns.size() && time_left() > iscsi::duration::zero();
    }
};

using run_pointer = std::shared_ptr<scan_run>;

awaitable<void> look_at(run_pointer run, std::size_t index) {
    auto limits = run->limits;
    limits.per_unit = std::min<iscsi::duration>(limits.per_unit, run->time_left());
    auto probed = co_await probe_one(run->execute, run->listed.luns[index], limits, run->clock);
    if (probed)
        run->probed[index] = std::move(*probed);
    else
        run->lost = probed.error();
}

// One unit after the other; several workers make it several at a time.
awaitable<void> work_on(run_pointer run) {
    while (run->goes_on())
        co_await look_at(run, run->next++);
}

awaitable<void> work_in_parallel(run_pointer run) {
    const auto executor = co_await asio::this_coro::executor;
    const auto count = std::min<std::size_t>(run->limits.at_a_time, run->listed.luns.size());
    using worker = decltype(asio::co_spawn(executor, work_on(run), asio::deferred));
    std::vector<worker> workers;
    for (std::size_t i = 0; i < count; ++i)
        workers.push_back(asio::co_spawn(executor, work_on(run), asio::deferred));
    if (workers.empty())
        co_return;
    auto group = asio::experimental::make_parallel_group(std::move(workers));
    co_await group.async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
}

// ---- what it amounts to -------------------------------------------------------------------------

// Targets that do not look at the LUN field answer each guess as LUN 0.
bool is_seen_already(const scan_result& seen, const scsi::logical_unit& unit) {
    const bool has_name = !unit.wwid.empty() || !unit.serial.empty();
    return has_name && std::ranges::any_of(seen.disks, [&unit](const found_lun& each) {
               return each.properties.wwid == unit.wwid && each.properties.serial == unit.serial;
           });
}

class sorting {
  public:
    explicit sorting(const scan_run& run) : run_(run) { seen_.no_list = run.listed.no_list; }

    scan_result take() {
        for (std::size_t i = 0; i < run_.probed.size(); ++i)
            sort(run_.listed.luns[i], run_.probed[i]);
        return std::move(seen_);
    }

  private:
    void sort(const iscsi::lun_field& lun, const std::optional<probed_lun>& probed) {
        const auto number = scsi::lun_number(lun);
        const bool is_guess = !run_.listed.no_list.empty() && number != 0;
        if (is_guess && (!probed || !probed->is_there))
            return; // nobody has said that there is such a LUN
        if (!probed)
            seen_.unanswered.push_back({number, "not asked, the time for the scan was over"});
        else if (is_guess && is_seen_already(seen_, probed->properties))
            seen_.skipped.push_back({number, "it answers as a LUN before it", true});
        else
            sort(lun, *probed);
    }

    void sort(const iscsi::lun_field& lun, const probed_lun& probed) {
        const auto number = scsi::lun_number(lun);
        switch (probed.what.is) {
        case unit_kind::disk:
            seen_.disks.push_back({lun, number, probed.properties, probed.looked_at});
            break;
        case unit_kind::no_disk:
            seen_.skipped.push_back({number, probed.what.why, false});
            break;
        case unit_kind::unusable:
            seen_.skipped.push_back({number, probed.what.why, true});
            break;
        case unit_kind::no_answer:
            seen_.unanswered.push_back({number, probed.what.why});
            break;
        }
    }

    const scan_run& run_;
    scan_result seen_;
};

} // namespace

awaitable<result<scan_result>>
scan(execute_function execute, scan_limits limits, const scan_clock& clock) {
    const auto run = std::make_shared<scan_run>(scan_run{std::move(execute), limits, clock});
    run->end = clock.now() + limits.whole;
    command_runner lun_0(run->execute, limits.waiting, clock, iscsi::lun_field{});
    auto listed = co_await list_luns(lun_0, limits.per_unit);
    if (!listed)
        co_return listed.error();
    run->listed = std::move(*listed);
    run->probed.resize(run->listed.luns.size());
    co_await work_in_parallel(run);
    if (run->lost)
        co_return *run->lost;
    co_return sorting(*run).take();
}

namespace {

// Two paths to one unit belong to two sessions; under two numbers of one session it would be two
// disks with two caches, and one link by-id.
void add_twins(const std::vector<found_lun>& disks, std::vector<std::string>& lines) {
    std::map<std::string, std::uint64_t> first;
    for (const found_lun& each : disks) {
        const std::string& name = each.properties.wwid;
        const auto [known, is_new] = first.try_emplace(name, each.number);
        if (!name.empty() && !is_new)
            lines.push_back(
                "LUN " + std::to_string(known->second) + " and LUN " + std::to_string(each.number) +
                " have one name, " + name +
                ": what is written to the one may change the other, and links by-id lead to one "
                "of them"
            );
    }
}

} // namespace

std::vector<std::string> warnings_of(const scan_result& seen) {
    const auto line = [](std::uint64_t number, const std::string& why) {
        return "LUN " + std::to_string(number) + " is not usable: " + why;
    };
    std::vector<std::string> lines;
    if (!seen.no_list.empty())
        lines.push_back("there is no list of LUNs, only LUN 0 to 7 were asked: " + seen.no_list);
    for (const auto& each : seen.skipped)
        if (each.deserves_warning)
            lines.push_back(line(each.number, each.why));
    for (const auto& each : seen.unanswered)
        lines.push_back(line(each.number, each.why));
    add_twins(seen.disks, lines);
    return lines;
}

} // namespace iscsid::device
