#pragma once

#include "iscsid/lane/request.hpp"

#include "libiscsi/core/session/event.hpp"
#include "libiscsi/scsi/disposition.hpp"
#include "libiscsi/scsi/lun.hpp"

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

// What a lane tells the control thread without having been asked.
namespace iscsid::lane {

using session_key = std::uint32_t; // the sid

// A unit attention of a logical unit: its capacity or inquiry data has changed, it was reset, …
struct lun_attention {
    iscsi::lun_field lun{};
    scsi::attention what = scsi::attention::none;
};

enum class trouble_kind : std::uint8_t {
    failed,     // a request has ended with `error`, which is what the kernel's user hears
    aborted,    // a command had no answer in time and was aborted; mostly it is sent again
    lost_write, // the target has lost a write that it had answered with GOOD
};

inline constexpr std::size_t trouble_kinds = 3;

// What happened to a request of a disk. Told the first time, and then each time that the number of
// its kind at this unit is a power of two, so that a disk that dies does not fill the log.
struct io_trouble {
    iscsi::lun_field lun{};
    trouble_kind kind = trouble_kind::failed;
    operation op = operation::read;
    std::uint64_t lba = 0;    // first block of the command, or of the request if there is none
    std::uint64_t blocks = 0; // 0: a flush, or not known
    std::uint64_t bytes = 0;  // the same
    std::string reason;       // "CHECK CONDITION, MEDIUM ERROR 11/00"
    unsigned tries = 0;       // how often the command was sent; 0: never
    int error = 0;            // positive errno; 0: the request goes on
    std::uint64_t count = 0;  // how many of this kind, this one included, since it was quiet
    std::uint64_t untold = 0; // how many of these were not told since the last that was
};

enum class identity_news : std::uint8_t {
    other,     // another unit answers: its I/O fails until the right one is back
    silent,    // no answer for as long as a command would be repeated: its I/O fails until then
    unclear,   // it does not say any more who it is: it is taken for the one that was recorded
    confirmed, // the right one again after one of the others, or after a long time
};

// Whether a logical unit is still the one that its disk was made of.
struct identity_change {
    iscsi::lun_field lun{};
    identity_news what = identity_news::other;
    std::string recorded; // designator or serial number
    std::string shown;    // what it answers now; other only
};

// A write of this session may still run at the target, and those of the other sessions of its disk
// fail (see write_fence): once when that begins, and once when it is over.
struct fence_moved {
    iscsi::lun_field lun{};
    bool is_raised = false;
    iscsi::duration lasted{}; // when it is lowered
};

// A disk of several sessions has ended while the target may still run a write of one of them (see
// write_fence): this session resets the unit before it goes on.
struct reset_ordered {
    iscsi::lun_field lun{};
    std::string why; // what has become of the disk
};

// An event is one of: want_transport, logged_in, login_failed, target_message, logged_out, gave_up;
// want_close when a connection was lost, with the reason: it is closed already. What the lane does
// itself (want_entropy, task_done) does not come.
using note_content = std::
    variant<iscsi::event, lun_attention, io_trouble, identity_change, fence_moved, reset_ordered>;

// Delivered in order.
struct note {
    session_key session = 0;
    note_content what;

    // Keeps the bytes that a target_message points to.
    std::shared_ptr<const std::vector<std::byte>> data;
};

// Told on the lane's thread; must only hand over to the control thread (asio::post).
using note_handler = std::function<void(note)>;

} // namespace iscsid::lane
