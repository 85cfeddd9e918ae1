#pragma once

#include "iscsid/device/reservation_commands.hpp"
#include "iscsid/lane/lane.hpp"

#include "libiscsi/admin/exit_code.hpp"
#include "libiscsi/admin/reservation_words.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <string>
#include <variant>

namespace iscsid::session {

// What a user wants to know of the persistent reservations of one LUN, or to change.
struct reservation_request {
    std::uint64_t lun = 0; // as Linux counts
    iscsi::admin::reserve_verb verb{};
    std::uint64_t key = 0;     // the one that this initiator has registered
    std::uint64_t new_key = 0; // to register; 0 takes the registration back
    std::uint64_t victim_key = 0;
    std::uint8_t type = 0; // of SPC-4, where the verb has one
};

using reservation_answer = std::variant<
    std::monostate,
    scsi::registered_keys,
    scsi::full_status,
    scsi::reservation_state,
    scsi::reservation_capabilities>;

// What came of it. Exit codes: busy for a RESERVATION CONFLICT, no_objects_found where there is no
// such LUN, not_supported, again where the unit cannot for now, invalid where the target refuses,
// session_not_connected, request_timed_out, error for an answer that cannot be. With pdu_timeout a
// change may have been done, or not.
struct reservation_result {
    iscsi::admin::exit_code code = iscsi::admin::exit_code::success;
    std::string detail{}; // "LUN 1: RESERVATION CONFLICT: key 0xa holds …"
    reservation_answer answer{};

    bool is_unknown() const { return code == iscsi::admin::exit_code::pdu_timeout; }
};

// "preempt of LUN 1 with the keys 0xb, 0xa", and how it has ended, for the log.
std::string words_of(const reservation_request& what);
std::string ending_words(const reservation_result& result);

// How long it may take, which is longer than a command and its abort mostly do; and what finding
// out may take who holds the reservation that was in the way.
inline constexpr auto reservation_limit = std::chrono::seconds(60);
inline constexpr auto explanation_limit = std::chrono::seconds(10);

// Does it through a session that is logged in. A change goes out at most once, whatever becomes of
// the connection, and again only when the unit has said that it was not done.
boost::asio::awaitable<reservation_result>
run_reservation(lane::lane& lane, lane::session_key sid, reservation_request what);

// The same with another way of running commands, and another clock.
boost::asio::awaitable<reservation_result> run_reservation(
    device::command_function execute, reservation_request what, const device::scan_clock& clock
);

} // namespace iscsid::session
