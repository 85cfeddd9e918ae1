#pragma once

#include <cstdint>
#include <string_view>

namespace scsi {

// SAM-5 §5.3.1, STATUS codes.
// What the device server says of a command when it has ended it. Values that are not here are
// reserved.
enum class status : std::uint8_t {
    good = 0x00,
    check_condition = 0x02,
    condition_met = 0x04,
    busy = 0x08,
    intermediate = 0x10,               // obsolete
    intermediate_condition_met = 0x14, // obsolete
    reservation_conflict = 0x18,
    command_terminated = 0x22, // obsolete
    task_set_full = 0x28,
    aca_active = 0x30,
    task_aborted = 0x40,
};

// For logs; the standard's own words.
constexpr std::string_view name_of(status value) {
    switch (value) {
    case status::good:
        return "GOOD";
    case status::check_condition:
        return "CHECK CONDITION";
    case status::condition_met:
        return "CONDITION MET";
    case status::busy:
        return "BUSY";
    case status::intermediate:
        return "INTERMEDIATE";
    case status::intermediate_condition_met:
        return "INTERMEDIATE-CONDITION MET";
    case status::reservation_conflict:
        return "RESERVATION CONFLICT";
    case status::command_terminated:
        return "COMMAND TERMINATED";
    case status::task_set_full:
        return "TASK SET FULL";
    case status::aca_active:
        return "ACA ACTIVE";
    case status::task_aborted:
        return "TASK ABORTED";
    }
    return "unknown status";
}

} // namespace scsi
