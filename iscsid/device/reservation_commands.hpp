#pragma once

#include "iscsid/device/command_runner.hpp"

#include "libiscsi/scsi/reservation.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace iscsid::device {

// Runs one SCSI command and gives back how it ended, whatever that is: a lost session, too.
using command_function =
    std::function<boost::asio::awaitable<lane::scsi_outcome>(const iscsi::command& what)>;

// How PERSISTENT RESERVE IN or OUT ended.
enum class reserve_ending : std::uint8_t {
    done,
    conflict,    // RESERVATION CONFLICT; nothing has changed
    no_unit,     // the target has no such LUN
    unsupported, // it knows no reservations, or not this one
    busy,        // it cannot for now; nothing has changed
    refused,     // any other way of not doing it
    not_sent,    // it has not reached the target: there is no connection
    too_late,    // it is not done, and was not answered in time or has not gone out
    bad_answer,  // to a question: data that cannot be
    unknown,     // a change that may have been done, or not
};

struct reserve_end {
    reserve_ending how = reserve_ending::unknown;
    std::string why{}; // "PERSISTENT RESERVE OUT: CHECK CONDITION, ILLEGAL REQUEST 26/04"

    bool is_done() const { return how == reserve_ending::done; }
};

// What a question was answered; `value` counts when `end` is done.
template <class T>
struct reserve_answer {
    reserve_end end;
    T value{};
};

// Asks one logical unit for its reservations and changes them, one command at a time. The waiting
// is bounded by whoever calls (within()), for whom end_of_wait() is there.
class reservation_commands {
  public:
    reservation_commands(
        command_function execute, const iscsi::lun_field& lun, const scan_clock& clock
    );

    // A list that has not had room is asked for again with more.
    boost::asio::awaitable<reserve_answer<scsi::registered_keys>> read_keys();
    boost::asio::awaitable<reserve_answer<scsi::full_status>> read_full_status();
    boost::asio::awaitable<reserve_answer<scsi::reservation_state>> read_reservation();
    boost::asio::awaitable<reserve_answer<scsi::reservation_capabilities>> report_capabilities();

    // Sent again only after an answer that says that it was not done: BUSY, a unit attention, NOT
    // READY. A connection that is lost meanwhile ends it.
    boost::asio::awaitable<reserve_end> change(
        scsi::reserve_out what, std::optional<scsi::reservation_type> type, scsi::reserve_keys keys
    );

    // How it ends when there is no result after `limit`.
    reserve_end end_of_wait(iscsi::duration limit) const;

  private:
    template <class List>
    boost::asio::awaitable<reserve_answer<List>>
    read_list(scsi::reserve_in what, iscsi::result<List> (*read)(iscsi::bytes_view, std::size_t));
    template <class State>
    boost::asio::awaitable<reserve_answer<State>>
    read_state(scsi::reserve_in what, iscsi::result<State> (*read)(iscsi::bytes_view));
    boost::asio::awaitable<reserve_answer<std::vector<std::byte>>>
    ask(scsi::reserve_in what, std::uint16_t room);

    command_function execute_;
    iscsi::lun_field lun_;
    const scan_clock& clock_;
    command_runner questions_;
    bool is_open_ = false; // whether the change was done
    std::string trouble_;  // the answer for which a change is sent again
};

// How a change ended by this outcome, and whether it may be sent again, for it was not done.
struct judged_change {
    reserve_end end;
    bool may_repeat = false;
};

judged_change judge_change(const lane::scsi_outcome& outcome);

} // namespace iscsid::device
