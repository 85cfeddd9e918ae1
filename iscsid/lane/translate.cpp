#include "iscsid/lane/translate.hpp"

#include <algorithm>
#include <cerrno>

namespace iscsid::lane {

namespace {

// One command moves no more than this when the LUN states no limit: enough for full speed, and a
// retry does not repeat too much.
constexpr std::uint32_t largest_transfer = 4U << 20U;

// Without a stated limit; the bounds that sd.c uses too (SD_MAX_WS10_BLOCKS, SD_MAX_WS16_BLOCKS).
constexpr std::uint32_t write_same_10_blocks = 0xffff;
constexpr std::uint32_t write_same_16_blocks = 0x7f'ffff;
constexpr std::uint32_t most_unmap_blocks = 0x7f'ffff;

// What a LUN without WRITE SAME is zeroed with, and the one block that WRITE SAME repeats.
constexpr std::size_t zero_buffer_size = 256U << 10U;
alignas(4096) const std::array<std::byte, zero_buffer_size> zero_buffer{};

constexpr std::uint32_t bit_of(optional_feature what) {
    return 1U << static_cast<std::uint32_t>(what);
}

constexpr std::uint32_t both_flushes =
    bit_of(optional_feature::synchronize_cache_10) | bit_of(optional_feature::synchronize_cache_16);

constexpr bool changes_data(operation op) {
    return op == operation::write || op == operation::discard || op == operation::write_zeroes;
}

constexpr std::uint32_t at_most(std::uint32_t limit, std::uint64_t blocks) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(limit, blocks));
}

constexpr bool unmaps(optional_feature way) {
    return way == optional_feature::write_same_16_unmap ||
           way == optional_feature::write_same_10_unmap;
}

constexpr bool has_10_byte_form(optional_feature way) {
    return way == optional_feature::write_same_10_unmap || way == optional_feature::write_same_10;
}

scsi::cdb_field write_same_by(optional_feature way, const scsi::block_range& range) {
    return has_10_byte_form(way) ? scsi::write_same_10(range, unmaps(way))
                                 : scsi::write_same_16(range, unmaps(way));
}

// Of these a residual says that blocks are missing; of the others it says nothing (sd_done()).
constexpr bool moves_blocks(const scsi::cdb_field& cdb) {
    using scsi::operation_code;
    const operation_code what = scsi::operation_of(cdb);
    return what == operation_code::read_10 || what == operation_code::read_16 ||
           what == operation_code::write_10 || what == operation_code::write_16;
}

} // namespace

void request_progress::add(const planned_command& succeeded) {
    blocks += succeeded.blocks;
    if (succeeded.uses == optional_feature::force_unit_access)
        forced += succeeded.blocks;
    synchronized |= succeeded.synchronizes;
}

int translator::check(const block_request& request) const {
    if (unit_.read_only && changes_data(request.op))
        return EROFS;
    if (request.op == operation::flush)
        return 0;
    const std::uint64_t block = unit_.block_size;
    if (block == 0 || block > zero_buffer_size)
        return EINVAL;
    if (request.offset % block != 0 || request.length % block != 0)
        return EINVAL;
    const block_span asked = span_of(request);
    if (asked.first > unit_.block_count || asked.count > unit_.block_count - asked.first)
        return EINVAL;
    const bool moves_data = request.op == operation::read || request.op == operation::write;
    return moves_data && request.buffer.size() != request.length ? EINVAL : 0;
}

next_step translator::next(
    const block_request& request, const request_progress& progress, unmap_list& list
) const {
    switch (request.op) {
    case operation::read:
    case operation::write:
        return transfer(request, progress);
    case operation::write_zeroes:
        return zero(request, progress);
    case operation::discard:
        return discard(request, progress, list);
    case operation::flush:
        break;
    }
    return conclude(request, progress);
}

void translator::refuse(optional_feature what) {
    refused_ |= bit_of(what);
}

void translator::refresh(scsi::logical_unit unit, iscsi::instant looked_at) {
    const bool other_cache = unit.write_cache_enabled != unit_.write_cache_enabled ||
                             unit.write_cache_known != unit_.write_cache_known;
    if (other_cache)
        refused_ &= ~both_flushes;
    if (cache_doubted_at_ && *cache_doubted_at_ < looked_at)
        cache_doubted_at_.reset();
    unit_ = std::move(unit);
}

void translator::doubt_write_cache(iscsi::instant now) {
    cache_doubted_at_ = now;
    refused_ &= ~both_flushes;
}

bool translator::has_write_cache() const {
    const bool possible = unit_.write_cache_enabled || cache_doubted_at_;
    return possible && !is_without_cache_by_refusal();
}

bool translator::is_without_cache_by_refusal() const {
    return !tells_of_write_cache() && (refused_ & both_flushes) == both_flushes;
}

next_step
translator::transfer(const block_request& request, const request_progress& progress) const {
    const block_span asked = span_of(request);
    if (progress.blocks == asked.count)
        return conclude(request, progress);
    const auto range = next_range(asked, progress, transfer_limit());
    const auto part = request.buffer.subspan(
        progress.blocks * unit_.block_size, std::size_t{range.count} * unit_.block_size
    );
    planned_command command;
    command.blocks = range.count;
    if (request.op == operation::read) {
        command.cdb = scsi::read(range);
        command.data_in = part;
        return command;
    }
    const bool by_bit = force_unit_access_by_bit(request);
    command.cdb = scsi::write(range, by_bit);
    command.data_out = part;
    command.uses = by_bit ? optional_feature::force_unit_access : optional_feature::none;
    return command;
}

// Unlike a discard this is exact: every block of the range reads as zeros afterwards.
next_step translator::zero(const block_request& request, const request_progress& progress) const {
    const block_span asked = span_of(request);
    if (progress.blocks == asked.count)
        return conclude(request, progress);
    const optional_feature way = way_to_zero(request);
    if (way != optional_feature::none)
        return write_same(way, next_range(asked, progress, write_same_limit(way)));
    const auto room = static_cast<std::uint32_t>(zero_buffer_size / unit_.block_size);
    const auto range = next_range(asked, progress, std::min(transfer_limit(), room));
    planned_command command;
    command.cdb = scsi::write(range);
    command.data_out =
        iscsi::bytes_view(zero_buffer).first(std::size_t{range.count} * unit_.block_size);
    command.blocks = range.count;
    return command;
}

// Advisory: the head and tail that are not on the LUN's grid are left alone.
next_step translator::discard(
    const block_request& request, const request_progress& progress, unmap_list& list
) const {
    const block_span asked = discardable(span_of(request));
    const optional_feature way = way_to_discard();
    // More than all: a scan has found another grid meanwhile.
    if (progress.blocks >= asked.count && (asked.count != 0 || way != optional_feature::none))
        return conclude(request, progress);
    if (way == optional_feature::none)
        return request_end{EOPNOTSUPP};
    const auto range = next_range(asked, progress, discard_limit(way));
    if (way != optional_feature::unmap)
        return write_same(way, range);
    scsi::write_unmap_list({&range, 1}, list);
    planned_command command;
    command.cdb = scsi::unmap(static_cast<std::uint16_t>(list.size()));
    command.data_out = list;
    command.blocks = range.count;
    command.uses = way;
    return command;
}

planned_command translator::write_same(optional_feature way, const scsi::block_range& range) const {
    planned_command command;
    command.cdb = write_same_by(way, range);
    command.data_out = iscsi::bytes_view(zero_buffer).first(unit_.block_size);
    command.blocks = range.count;
    command.uses = way;
    return command;
}

// All blocks are done; what is left is to bring them onto the medium, where that was asked for and
// the FUA bit has not done it: the cache may have been switched on between two parts of a request.
next_step
translator::conclude(const block_request& request, const request_progress& progress) const {
    const bool by_command =
        request.op == operation::flush || (request.force_unit_access && changes_data(request.op) &&
                                           progress.forced != progress.blocks);
    const bool is_due = (has_write_cache() || progress.may_be_cached) && !progress.synchronized;
    if (by_command && is_due && !is_without_cache_by_refusal())
        return synchronize();
    return request_end{0};
}

// A refusal of the last form is an error where the unit tells of a cache: what was written would be
// lost without a word. Where it does not, the refusal says that there is none. That holds for what
// was written to a cache that is off now: a unit that cannot flush has written it when its cache
// was switched off (SBC-3 §6.4.5, WCE).
planned_command translator::synchronize() const {
    planned_command command;
    command.synchronizes = true;
    if (may_use(optional_feature::synchronize_cache_10)) {
        command.cdb = scsi::synchronize_cache_10();
        command.uses = optional_feature::synchronize_cache_10;
        return command;
    }
    command.cdb = scsi::synchronize_cache_16();
    if (!tells_of_write_cache())
        command.uses = optional_feature::synchronize_cache_16;
    return command;
}

// The UNMAP bit only where unmapped blocks are known to read as zeros (LBPRZ).
optional_feature translator::way_to_zero(const block_request& request) const {
    if (request.may_unmap && unit_.thin && unit_.reads_zero_after_unmap)
        if (const auto way = write_same_unmap(); way != optional_feature::none)
            return way;
    if (may_use(optional_feature::write_same_16))
        return optional_feature::write_same_16;
    if (fits_10_byte_forms() && may_use(optional_feature::write_same_10))
        return optional_feature::write_same_10;
    return optional_feature::none;
}

optional_feature translator::way_to_discard() const {
    if (!unit_.thin)
        return optional_feature::none;
    if (unit_.can_unmap && may_use(optional_feature::unmap))
        return optional_feature::unmap;
    return write_same_unmap();
}

optional_feature translator::write_same_unmap() const {
    if (unit_.can_write_same_16_unmap && may_use(optional_feature::write_same_16_unmap))
        return optional_feature::write_same_16_unmap;
    if (unit_.can_write_same_10_unmap && fits_10_byte_forms() &&
        may_use(optional_feature::write_same_10_unmap))
        return optional_feature::write_same_10_unmap;
    return optional_feature::none;
}

translator::block_span translator::span_of(const block_request& request) const {
    return {request.offset / unit_.block_size, request.length / unit_.block_size};
}

// SBC-3 §6.5.3: whole units of UNMAP GRANULARITY that start at n × granularity + alignment.
translator::block_span translator::discardable(const block_span& asked) const {
    const std::uint64_t grain = std::max<std::uint64_t>(unit_.unmap_granularity, 1);
    const std::uint64_t shift = unit_.unmap_alignment % grain;
    const std::uint64_t end = asked.first + asked.count;
    const std::uint64_t skipped = (grain + shift - asked.first % grain) % grain;
    const std::uint64_t first = asked.first + skipped;
    if (first >= end)
        return {};
    return {first, (end - first) / grain * grain};
}

scsi::block_range translator::next_range(
    const block_span& asked, const request_progress& progress, std::uint32_t limit
) {
    const std::uint64_t left = asked.count - progress.blocks;
    return {asked.first + progress.blocks, at_most(limit, left)};
}

std::uint32_t translator::transfer_limit() const {
    const std::uint32_t own = std::max<std::uint32_t>(largest_transfer / unit_.block_size, 1);
    return unit_.max_transfer_blocks == 0 ? own : std::min(own, unit_.max_transfer_blocks);
}

std::uint32_t translator::write_same_limit(optional_feature way) const {
    if (unit_.max_write_same_blocks == 0)
        return write_same_10_blocks;
    const std::uint32_t own = has_10_byte_form(way) ? write_same_10_blocks : write_same_16_blocks;
    return at_most(own, unit_.max_write_same_blocks);
}

// Whole grains, so that the next command starts on the grid again.
std::uint32_t translator::discard_limit(optional_feature way) const {
    std::uint32_t limit = write_same_limit(way);
    if (way == optional_feature::unmap)
        limit = unit_.max_unmap_blocks == 0 ? most_unmap_blocks
                                            : std::min(most_unmap_blocks, unit_.max_unmap_blocks);
    const std::uint32_t grain = std::max<std::uint32_t>(unit_.unmap_granularity, 1);
    return limit < grain ? limit : limit / grain * grain;
}

bool translator::fits_10_byte_forms() const {
    return unit_.block_count <= 0x1'0000'0000ULL;
}

bool translator::may_use(optional_feature what) const {
    return (refused_ & bit_of(what)) == 0;
}

bool translator::force_unit_access_by_bit(const block_request& request) const {
    return request.op == operation::write && request.force_unit_access && unit_.dpofua &&
           has_write_cache() && may_use(optional_feature::force_unit_access);
}

scsi::disposition judge_outcome(const iscsi::task_done& done, const planned_command& command) {
    constexpr std::uint8_t usual_retries = 5;
    using scsi::verdict;
    switch (done.outcome) {
    case iscsi::task_result::lost:
        return {.what = verdict::fail, .error = ENOLINK};
    case iscsi::task_result::aborted:
        return {.what = verdict::retry_limited, .error = ETIMEDOUT, .retries = usual_retries};
    case iscsi::task_result::short_data:
        return {.what = verdict::retry_limited, .error = EIO, .retries = usual_retries};
    case iscsi::task_result::answered:
        break;
    }
    const auto judged = scsi::judge({done.response, done.status, done.sense});
    const std::size_t expected = command.data_in.size() + command.data_out.size();
    const bool whole = done.transferred == expected && done.residual_count == 0;
    if (judged.what == verdict::success && moves_blocks(command.cdb) && !whole)
        return {.what = verdict::retry_limited, .error = EIO, .retries = usual_retries};
    return judged;
}

iscsi::duration timeout_of(const scsi::cdb_field& cdb) {
    using scsi::operation_code;
    using std::chrono::seconds;
    const operation_code what = scsi::operation_of(cdb);
    if (what == operation_code::synchronize_cache_10 ||
        what == operation_code::synchronize_cache_16)
        return seconds(60);
    if (what == operation_code::write_same_10 || what == operation_code::write_same_16 ||
        what == operation_code::unmap)
        return seconds(120);
    return seconds(30);
}

} // namespace iscsid::lane
