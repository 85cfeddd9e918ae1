#include "iscsid/sys/protect.hpp"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
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

constexpr std::size_t enough_for_recovery = 4U << 20U;

void touch_heap(std::size_t bytes) {
    constexpr std::size_t piece = 65536; // below the size that malloc asks the kernel for
    const std::vector<std::vector<std::byte>> touched(bytes / piece, std::vector<std::byte>(piece));
}

struct mapping {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    bool locked = false;
};

// The heap of malloc's only arena (proc_pid_smaps(5)); nothing: there is none yet.
std::optional<mapping> find_heap() {
    std::ifstream smaps("/proc/self/smaps");
    std::optional<mapping> found;
    for (std::string line; std::getline(smaps, line);) {
        if (found && line.starts_with("VmFlags:")) {
            found->locked = line.find(" lo") != std::string::npos;
            return found;
        }
        if (line.ends_with("[heap]")) {
            mapping heap;
            const char* const end = line.data() + line.size();
            const auto from = std::from_chars(line.data(), end, heap.begin, 16);
            std::from_chars(std::min(from.ptr + 1, end), end, heap.end, 16);
            found = heap;
        }
    }
    return std::nullopt;
}

void* address_of(std::uintptr_t where) {
    return reinterpret_cast<void*>(where); // NOLINT(*-reinterpret-cast,performance-no-int-to-ptr)
}

// "55d0-55e0 r-xp 00000000 fe:01 1234 /usr/sbin/iscsid" of proc_pid_maps(5).
std::optional<mapping> mapped_file(const std::string& line) {
    mapping found;
    const char* const end = line.data() + line.size();
    const auto from = std::from_chars(line.data(), end, found.begin, 16);
    const auto to = std::from_chars(std::min(from.ptr + 1, end), end, found.end, 16);
    const bool is_readable = to.ptr + 1 < end && to.ptr[1] == 'r';
    if (!is_readable || line.find(" /") == std::string::npos)
        return std::nullopt;
    return found;
}

} // namespace

// One arena: what is reserved is there for every thread then, and no thread brings 64 MiB of locked
// addresses of its own. Requests allocate nothing, so nobody waits for it.
// Many small pieces: one large one would come from mmap and go back to the kernel at its end.
void reserve_heap(std::size_t bytes) {
    // NOLINTBEGIN(concurrency-mt-unsafe): before any other thread
    ::mallopt(M_ARENA_MAX, 1);
    ::mallopt(M_TRIM_THRESHOLD, static_cast<int>(2 * bytes));
    // NOLINTEND(concurrency-mt-unsafe)
    touch_heap(bytes);
}

std::vector<std::string> protect_process() {
    std::vector<std::string> warnings;
    for (auto* step : {&become_io_flusher, &avoid_the_oom_killer, &allow_descriptors})
        if (auto warning = step())
            warnings.push_back(*std::move(warning));
    reserve_heap(enough_for_recovery);
    return warnings;
}

// On fault only: untouched buffers and stacks must not be pinned.
std::vector<std::string> lock_memory() {
    if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0)
        return {};
    return {"memory cannot be locked (" + last_error() + "): the daemon may be swapped out"};
}

// Untouched parts of private data stay those of the file.
void bring_in_program() {
    constexpr int populate_read = 22; // MADV_POPULATE_READ, which glibc 2.36 does not know
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
        if (const auto part = mapped_file(line))
            ::madvise(address_of(part->begin), part->end - part->begin, populate_read);
}

// malloc_trim() gives pages back by madvise(), which the kernel refuses for locked ones: for that
// moment the heap is not. Its lock is by faults again at once, so nothing is brought in.
void return_free_memory() {
    const auto before = find_heap();
    if (before && before->locked)
        ::munlock(address_of(before->begin), before->end - before->begin);
    ::malloc_trim(enough_for_recovery);
    if (const auto after = find_heap(); after && before && before->locked)
        ::mlock2(address_of(after->begin), after->end - after->begin, MLOCK_ONFAULT);
    touch_heap(enough_for_recovery);
}

} // namespace iscsid::sys
