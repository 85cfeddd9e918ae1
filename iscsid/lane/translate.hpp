#pragma once

#include "iscsid/lane/request.hpp"

#include "libiscsi/core/parameters.hpp"
#include "libiscsi/core/session/event.hpp"
#include "libiscsi/scsi/cdb.hpp"
#include "libiscsi/scsi/disposition.hpp"
#include "libiscsi/scsi/logical_unit.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

// From block requests to SCSI commands and from their outcome to errno. Pure.
namespace iscsid::lane {

// What a LUN may refuse although it looked able; then there is another way, or none.
enum class optional_feature : std::uint8_t {
    none, // the command is mandatory, or the request has no other way
    force_unit_access,
    synchronize_cache_10,
    synchronize_cache_16, // only while the LUN has not said that it has a cache
    unmap,
    write_same_16_unmap,
    write_same_10_unmap,
    write_same_16,
    write_same_10,
};

struct planned_command;

// How far the commands of a request have come.
struct request_progress {
    std::uint64_t blocks = 0;  // of the range, from its start
    std::uint64_t forced = 0;  // of these, written with the FUA bit: on the medium
    bool synchronized = false; // SYNCHRONIZE CACHE has succeeded since

    // What is to be made stable may be in a cache, even if there is none any more: of a write, its
    // own blocks; of a flush, those of the writes before it.
    bool may_be_cached = false;

    void add(const planned_command& succeeded);
};

// Room for the parameter list of an UNMAP with one range.
using unmap_list = std::array<std::byte, scsi::unmap_list_size(1)>;

struct planned_command {
    scsi::cdb_field cdb{};
    iscsi::mutable_bytes data_in;
    iscsi::bytes_view data_out;
    std::uint64_t blocks = 0;  // its share of the request's range
    bool synchronizes = false; // the volatile cache is on the medium when it has succeeded
    optional_feature uses = optional_feature::none;
};

// The request is over: 0 or a positive errno.
struct request_end {
    int error = 0;
};

using next_step = std::variant<planned_command, request_end>;

// How one LUN is spoken to: its properties and what it has refused so far.
//
// Drivers are always told of a volatile cache, so every flush and every FUA write comes here, and
// what it costs is decided here, anew for each: nothing while the LUN has no cache (WCE = 0) and
// had none when the data were written (request_progress::may_be_cached).
class translator {
  public:
    explicit translator(scsi::logical_unit unit) : unit_(std::move(unit)) {}

    // What a look at the LUN has found, which began at `looked_at`. What was refused stays refused,
    // but for flushes: a cache that is news may be one that can be flushed. Doubts that are not
    // older than the look stay, too: it may have come before the change.
    void refresh(scsi::logical_unit unit, iscsi::instant looked_at);

    // The LUN says that its parameters may have changed (a unit attention): until a look that
    // begins later it is taken to have a write cache.
    void doubt_write_cache(iscsi::instant now);

    // The LUN has a volatile cache now, or may have one.
    bool has_write_cache() const;

    // 0, or the errno of a request that must not be sent: EINVAL (not on the block grid, beyond
    // the end, buffer and length differ), EROFS.
    int check(const block_request& request) const;

    // What to send after `progress`, for a request that check() has let pass. `list` must stay in
    // place while the command is under way. The errno is 0, or EOPNOTSUPP for a discard that the
    // LUN cannot do.
    next_step
    next(const block_request& request, const request_progress& progress, unmap_list& list) const;

    // The LUN has answered a command that uses it with ILLEGAL REQUEST: never again.
    void refuse(optional_feature what);

    // Whether the LUN refuses both forms of SYNCHRONIZE CACHE and does not say that it has a cache:
    // then it has none. One that says so must be able to flush it (SBC-3 §4.15).
    bool is_without_cache_by_refusal() const;

    const scsi::logical_unit& unit() const { return unit_; }

  private:
    struct block_span {
        std::uint64_t first = 0;
        std::uint64_t count = 0;
    };

    next_step transfer(const block_request& request, const request_progress& progress) const;
    next_step zero(const block_request& request, const request_progress& progress) const;
    next_step
    discard(const block_request& request, const request_progress& progress, unmap_list& list) const;
    next_step conclude(const block_request& request, const request_progress& progress) const;

    planned_command write_same(optional_feature way, const scsi::block_range& range) const;
    planned_command synchronize() const;

    optional_feature way_to_zero(const block_request& request) const;
    optional_feature way_to_discard() const;
    optional_feature write_same_unmap() const;

    block_span span_of(const block_request& request) const;
    block_span discardable(const block_span& asked) const;
    static scsi::block_range
    next_range(const block_span& asked, const request_progress& progress, std::uint32_t limit);

    std::uint32_t transfer_limit() const;
    std::uint32_t write_same_limit(optional_feature way) const;
    std::uint32_t discard_limit(optional_feature way) const;
    bool fits_10_byte_forms() const;
    bool may_use(optional_feature what) const;
    bool force_unit_access_by_bit(const block_request& request) const;

    // By the last look, which stands in doubt, too: no refusal of a flush can then be taken for the
    // absence of a cache.
    bool tells_of_write_cache() const {
        return unit_.write_cache_known && unit_.write_cache_enabled;
    }

    scsi::logical_unit unit_;
    std::uint32_t refused_ = 0; // a bit for each optional_feature
    std::optional<iscsi::instant> cache_doubted_at_;
};

// What to do after a command has ended. Adds to scsi::judge(): lost and aborted tasks, and GOOD
// with other bytes than were asked for, which is never success for a READ or WRITE.
scsi::disposition judge_outcome(const iscsi::task_done& done, const planned_command& command);

// How long to wait for an answer before the task is aborted, as Linux has it (sd.h).
iscsi::duration timeout_of(const scsi::cdb_field& cdb);

} // namespace iscsid::lane
