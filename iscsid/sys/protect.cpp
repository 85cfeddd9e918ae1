#include "iscsid/sys/protect.hpp"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

namespace iscsid::sys {

namespace {

std::string last_error() {
    return std::generic_category().message(errno);
}

// With it the kernel does not make our own allocations wait for writeback to disks that we serve.
// Linux 5.6, CAP_SYS_RESOURCE.
std::optional<std::string> become_io_flusher() {
    if (::prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) == 0)
        return std::nullopt;
    return "PR_SET_IO_FLUSHER is refused (" + last_error() +
           "): reclaim of memory may wait for our own disks";
}

// A killed daemon leaves I/O of ublk and nbd waiting, which frees no memory at all.
std::optional<std::string> avoid_the_oom_killer() {
    std::ofstream file("/proc/self/oom_score_adj");
    file << "-1000" << std::flush;
    if (file)
        return std::nullopt;
    return "oom_score_adj cannot be set: the OOM killer may end the daemon";
}

// Two for each disk, one for each connection; what starts daemons gives 1024 mostly, and lets them
// have more.
std::optional<std::string> allow_descriptors() {
    rlimit now{};
    if (::getrlimit(RLIMIT_NOFILE, &now) != 0 || now.rlim_cur == now.rlim_max)
        return std::nullopt;
    const auto before = std::exchange(now.rlim_cur, now.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &now) == 0)
        return std::nullopt;
    return "no more than " + std::to_string(before) + " open files (" + last_error() + ")";
}

} // namespace

// One arena: what is reserved is there for every thread then, and no thread brings 64 MiB of locked
// addresses of its own. Requests allocate nothing, so nobody waits for it.
// Many small pieces: one large one would come from mmap and go back to the kernel at its end.
void reserve_heap(std::size_t bytes) {
    constexpr std::size_t piece = 65536; // below the size that malloc asks the kernel for
    // NOLINTBEGIN(concurrency-mt-unsafe): before any other thread
    ::mallopt(M_ARENA_MAX, 1);
    ::mallopt(M_TRIM_THRESHOLD, static_cast<int>(2 * bytes));
    // NOLINTEND(concurrency-mt-unsafe)
    const std::vector<std::vector<std::byte>> touched(bytes / piece, std::vector<std::byte>(piece));
}

std::vector<std::string> protect_process() {
    std::vector<std::string> warnings;
    for (auto* step : {&become_io_flusher, &avoid_the_oom_killer, &allow_descriptors})
        if (auto warning = step())
            warnings.push_back(*std::move(warning));
    constexpr std::size_t enough_for_recovery = 4U << 20U;
    reserve_heap(enough_for_recovery);
    return warnings;
}

// On fault only: untouched buffers and stacks must not be pinned.
std::vector<std::string> lock_memory() {
    if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0)
        return {};
    return {"memory cannot be locked (" + last_error() + "): the daemon may be swapped out"};
}

} // namespace iscsid::sys
