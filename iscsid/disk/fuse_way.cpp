#include "iscsid/disk/fuse_way.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>

namespace iscsid::disk {

namespace {

constexpr std::uint32_t least_depth = 16;

// So 256 buffers at most, 64 MiB of a disk that has all of them in flight.
constexpr std::uint32_t most_processors = 16;

std::string first_line(const char* path) {
    std::string line;
    std::getline(std::ifstream(path), line);
    return line;
}

std::string reason_against(const ring_facts& facts) {
    if (facts.wish == ring_wish::no)
        return "as configured";
    if (!facts.has_io_uring)
        return "there is no io_uring";
    if (facts.enable_uring.empty())
        return "the kernel has no FUSE over io_uring (Linux 6.14)";
    if (facts.enable_uring != "Y")
        return "the parameter enable_uring of the module fuse is " + facts.enable_uring;
    if (facts.wish == ring_wish::automatic && facts.is_kept)
        return "disks outlive the daemon, which io_uring would not allow";
    if (facts.was_refused)
        return "io_uring was refused for a disk";
    if (facts.processors == 0 || facts.processors > most_processors)
        return "queues for " + std::to_string(facts.processors) + " processors are too many";
    return {};
}

} // namespace

std::uint32_t processors_in(const std::string& list) {
    const char* at = list.data();
    const char* const end = at + list.size();
    std::uint32_t count = 0;
    for (;;) {
        std::uint32_t first = 0;
        auto read = std::from_chars(at, end, first);
        std::uint32_t last = first;
        if (read.ec == std::errc() && read.ptr != end && *read.ptr == '-')
            read = std::from_chars(read.ptr + 1, end, last);
        if (read.ec != std::errc() || last < first)
            return 0;
        count += last - first + 1;
        if (read.ptr == end)
            return count;
        if (*read.ptr != ',')
            return 0;
        at = read.ptr + 1;
    }
}

// fuse_uring_create() has a queue for each possible processor.
ring_facts look_for_ring(ring_wish wish, bool has_io_uring, bool is_kept) {
    return {
        wish,
        has_io_uring,
        is_kept,
        first_line("/sys/module/fuse/parameters/enable_uring"),
        processors_in(first_line("/sys/devices/system/cpu/possible")),
        false};
}

ring_choice choose_way(const ring_facts& facts) {
    const std::string against = reason_against(facts);
    if (against.empty())
        return {true, "requests come by io_uring"};
    return {false, "requests are read from /dev/fuse: " + against};
}

fuse_shape with_queues(fuse_shape shape, std::uint32_t processors) {
    shape.queues = static_cast<std::uint16_t>(processors);
    shape.depth = static_cast<std::uint16_t>(std::max(shape.slots / processors, least_depth));
    return shape;
}

} // namespace iscsid::disk
