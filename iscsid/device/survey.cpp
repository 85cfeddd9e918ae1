#include "iscsid/device/survey.hpp"

#include "iscsid/device/command_runner.hpp"
#include "iscsid/device/lun_list.hpp"

#include "libiscsi/scsi/lun.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <memory>

namespace iscsid::device {

namespace {

namespace asio = boost::asio;
using asio::awaitable;
using iscsi::result;

// What the workers of a survey share. Kept alive by each of them: a survey may be destroyed with
// its io_context, in any order.
struct survey_run {
    execute_function execute;
    scan_limits limits;
    const scan_clock& clock;
    iscsi::instant end{}; // of the whole survey
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

using run_pointer = std::shared_ptr<survey_run>;

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

} // namespace

// LUN 0 is no guess: every target has it, be it as no unit.
bool survey_result::is_vain_guess(const surveyed_lun& lun) const {
    const bool is_guess = !no_list.empty() && scsi::lun_number(lun.lun) != 0;
    return is_guess && (!lun.probed || !lun.probed->is_there);
}

awaitable<result<survey_result>>
survey(execute_function execute, scan_limits limits, const scan_clock& clock) {
    const auto run = std::make_shared<survey_run>(survey_run{std::move(execute), limits, clock});
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
    survey_result all;
    all.no_list = run->listed.no_list;
    all.is_list_silent = run->listed.is_silent;
    for (std::size_t i = 0; i < run->probed.size(); ++i)
        all.luns.push_back({run->listed.luns[i], std::move(run->probed[i])});
    co_return std::move(all);
}

} // namespace iscsid::device
