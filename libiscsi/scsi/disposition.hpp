#pragma once

#include "libiscsi/base/bytes.hpp"

#include <cstdint>
#include <string>

namespace scsi {

// How a task was answered: iSCSI response (RFC 7143 §11.4.3), SCSI status, sense data.
struct answer {
    std::uint8_t response = 0;
    std::uint8_t status = 0;
    iscsi::bytes_view sense;
};

enum class verdict : std::uint8_t {
    success,           // hand the data on (the residual still has to be right)
    retry_now,         // at once, at most `retries` times
    retry_limited,     // at once, at most `retries` times; these are errors, not news
    retry_after_delay, // with back-off, as long as the caller's deadline allows
    fail,              // with `error`
};

// What an answer tells of the logical unit besides the fate of its own command: the kind of a unit
// attention, or a deferred error.
enum class attention : std::uint8_t {
    none,
    medium_changed,       // 28: everything may be different
    reset,                // 29: power on, reset or nexus loss; a volatile cache may be lost
    mode_changed,         // 2A/01
    reservations_changed, // 2A/03, 04, 05
    access_state_changed, // 2A/06, 07: ALUA
    capacity_changed,     // 2A/09
    commands_cleared,     // 2F
    thin_threshold,       // 38/07: the pool behind a thin LUN runs full
    inquiry_changed,      // 3F/03
    luns_changed,         // 3F/0E
    deferred_error,       // 71h, 73h: an earlier write may be lost, to be told loudly
    flush_refused, // 05/20 to SYNCHRONIZE CACHE by a unit that tells of no cache: it has none
    other,
};

// Whether this news of a LUN may mean that its mode parameters are others now: they go back to
// saved or default values with a reset and a change of the medium, and are each controller's own
// (SPC-4 §6.11, SAM-5 §6.3).
bool may_change_mode(attention what);

// What to do with a task that the target has answered. `error` is the errno to fail with, now or
// when the retries are used up; 0 with success.
struct disposition {
    verdict what = verdict::success;
    int error = 0;
    std::uint8_t retries = 0;
    attention news = attention::none;
    bool unsupported = false; // the target refuses this command or a field of it: stop using it
    bool lun_gone = false;    // 25/00: there is no such logical unit any more

    friend bool operator==(const disposition&, const disposition&) = default;
};

disposition judge(const answer& from);

// "CHECK CONDITION, ILLEGAL REQUEST 25/00": for logs and for the user.
std::string describe(const answer& from);

} // namespace scsi
