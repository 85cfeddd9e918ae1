#include "iscsid/disk/fuse_answers.hpp"

#include <sys/stat.h>

#include <charconv>
#include <utility>

namespace iscsid::disk {

// A request of the kernel becomes one command, so it may not be longer than the unit takes.
fuse_shape shape_for(const scsi::logical_unit& lun, fuse_shape wanted) {
    if (lun.max_transfer_blocks == 0)
        return wanted;
    const std::uint64_t limit = std::uint64_t{lun.max_transfer_blocks} * lun.block_size;
    const std::uint64_t payload = std::min<std::uint64_t>(wanted.payload, limit);
    wanted.payload =
        static_cast<std::uint32_t>(std::max(payload - payload % fuse::page, fuse::page));
    return wanted;
}

} // namespace iscsid::disk

namespace iscsid::disk::fuse {

namespace {

// Without MAX_PAGES a request ends at 32 pages. With 256 it always ends at max_write, a multiple of
// the logical block, even when every segment of the loop device (128) begins inside a page.
constexpr std::uint16_t pages_of_a_request = 256;

// The default of 12 would bound the direct I/O in flight (fuse_conn::max_background).
constexpr std::uint16_t background_requests = 256;
constexpr std::uint16_t congested_at = background_requests / 4 * 3;

// Requests in parallel, large ones, and asynchronous direct I/O. No write-back cache: a completed
// write has reached the unit.
constexpr std::uint32_t wanted_flags =
    FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_ASYNC_DIO | FUSE_MAX_PAGES;

constexpr std::uint64_t unit_of_stat_blocks = 512;

} // namespace

// The lower of both versions, and of the flags only those that both have.
fuse_init_out answer_init(const fuse_init_in& offer, const fuse_shape& shape) {
    fuse_init_out answer{};
    answer.major = FUSE_KERNEL_VERSION;
    answer.minor = std::min<std::uint32_t>(offer.minor, FUSE_KERNEL_MINOR_VERSION);
    answer.max_readahead = offer.max_readahead;
    answer.flags = offer.flags & wanted_flags;
    answer.max_background = background_requests;
    answer.congestion_threshold = congested_at;
    answer.max_write = shape.payload;
    answer.max_pages = pages_of_a_request;
    answer.time_gran = 1;
    return answer;
}

bool offers_resend(const fuse_init_in& offer) {
    return (offer.flags & FUSE_INIT_EXT) != 0 && (offer.flags2 & has_resend_in_flags2) != 0;
}

bool offers_ring(const fuse_init_in& offer) {
    return (offer.flags & FUSE_INIT_EXT) != 0 && (offer.flags2 & over_io_uring_in_flags2) != 0;
}

void agree_to_ring(fuse_init_out& answer) {
    answer.flags |= FUSE_INIT_EXT;
    answer.flags2 |= over_io_uring_in_flags2;
}

// fuse_uring_create(): the most of these three, though no request has more than max_write.
std::size_t payload_of_entry(const fuse_shape& shape, std::size_t page_size) {
    return std::max(
        {std::size_t{FUSE_MIN_READ_BUFFER},
         std::size_t{shape.payload},
         pages_of_a_request * page_size}
    );
}

bool has_resend(std::string_view kernel_release) {
    unsigned major = 0;
    unsigned minor = 0;
    const char* const end = kernel_release.data() + kernel_release.size();
    const auto first = std::from_chars(kernel_release.data(), end, major);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.')
        return false;
    if (std::from_chars(first.ptr + 1, end, minor).ec != std::errc())
        return false;
    return std::pair(major, minor) >= std::pair(6U, 9U);
}

fuse_attr_out attributes(const scsi::logical_unit& lun) {
    fuse_attr_out answer{}; // valid for no time: nobody asks often, and the size may change
    answer.attr.ino = FUSE_ROOT_ID;
    answer.attr.size = lun.size();
    answer.attr.blocks = lun.size() / unit_of_stat_blocks;
    answer.attr.mode = S_IFREG | (lun.read_only ? S_IRUSR : S_IRUSR | S_IWUSR);
    answer.attr.nlink = 1;
    answer.attr.blksize = lun.block_size;
    return answer;
}

// Direct I/O: the page cache is above, at the loop device. Parallel writes: the file has a fixed
// size, so they cannot race over its end.
fuse_open_out opened() {
    fuse_open_out answer{};
    answer.open_flags = FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES;
    return answer;
}

fuse_statfs_out statistics(const scsi::logical_unit& lun) {
    fuse_statfs_out answer{};
    answer.st.bsize = discard_granularity(lun);
    answer.st.frsize = answer.st.bsize;
    answer.st.blocks = lun.size() / answer.st.bsize;
    answer.st.files = 1;
    return answer;
}

// At least a physical block, at most 2 GiB, which is what loop can express.
std::uint32_t discard_granularity(const scsi::logical_unit& lun) {
    const std::uint64_t blocks = std::max<std::uint64_t>(lun.unmap_granularity, 1);
    const std::uint64_t bytes =
        std::max<std::uint64_t>(blocks * lun.block_size, lun.physical_block_size);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, 1U << 31U));
}

// All four must hold, or a hole might not read as zeroes.
bool may_punch_holes(const scsi::logical_unit& lun) {
    return !lun.read_only && lun.thin && lun.reads_zero_after_unmap && lun.can_write_same_16_unmap;
}

bool may_zero_ranges(const scsi::logical_unit& lun) {
    return may_punch_holes(lun) || (!lun.read_only && lun.max_write_same_blocks > 0);
}

} // namespace iscsid::disk::fuse
