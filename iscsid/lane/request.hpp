#pragma once

#include "libiscsi/base/bytes.hpp"

#include <cstdint>

namespace iscsid::lane {

// What block layers know of disks. flush covers every write that has completed before it was
// submitted.
enum class operation : std::uint8_t { read, write, flush, discard, write_zeroes };

// What a disk driver asks of a LUN. Offset and length are bytes, multiples of the logical block.
struct block_request {
    operation op = operation::read;
    bool force_unit_access = false; // write: on stable storage before it completes
    bool may_unmap = true;          // write_zeroes: the blocks may be deallocated

    // flush: of a disk that is flushed through several sessions. It goes to the unit only if this
    // session has written something since the last one, and tells of losses all the same.
    bool is_flush_if_due = false;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    iscsi::mutable_bytes buffer; // read and write only; stays in place until complete()
    std::uint64_t tag = 0;       // the driver's own; handed back in complete()
};

// Hears of the end of each request, on the lane's thread, exactly once: 0 or a positive errno.
// A READ with result 0 has filled its whole buffer.
class request_owner {
  public:
    virtual ~request_owner() = default;
    virtual void complete(std::uint64_t tag, int error) = 0;
};

// One LUN as a driver sees it; lives on its session's lane. submit() may complete the request
// before it returns.
// Requests of one port may complete in any order. The port ends with its session; a driver is told
// before that.
class lun_port {
  public:
    virtual ~lun_port() = default;
    virtual void submit(const block_request& request, request_owner& owner) = 0;
};

} // namespace iscsid::lane
