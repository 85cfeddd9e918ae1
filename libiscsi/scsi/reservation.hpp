#pragma once

#include "libiscsi/base/bytes.hpp"
#include "libiscsi/base/result.hpp"
#include "libiscsi/scsi/cdb.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// Persistent reservations: which initiators may use a logical unit (SPC-4 §5.13). Initiators
// register keys, and one of them reserves for itself or for all that have registered. Keys are any
// 64 bits but zero, which means none.
namespace scsi {

enum class reservation_type : std::uint8_t { // SPC-4 §6.15.3.4
    write_exclusive = 1,
    exclusive_access = 3,
    write_exclusive_registrants_only = 5,
    exclusive_access_registrants_only = 6,
    write_exclusive_all_registrants = 7,
    exclusive_access_all_registrants = 8,
};

// Service actions of PERSISTENT RESERVE IN (SPC-4 §6.15).
enum class reserve_in : std::uint8_t {
    read_keys = 0,
    read_reservation = 1,
    report_capabilities = 2,
    read_full_status = 3,
};

// Those of PERSISTENT RESERVE OUT (SPC-4 §6.16).
enum class reserve_out : std::uint8_t {
    register_key = 0,
    reserve = 1,
    release = 2,
    clear = 3,
    preempt = 4,
    preempt_and_abort = 5,
    register_and_ignore_existing_key = 6,
};

// A target may send less than it has, never more than the allocation length; how much there would
// be is what needed_length of the readers says.
cdb_field persistent_reserve_in(reserve_in what, std::uint16_t allocation_length);

// Goes with reserve_keys::list() as its data. The type counts for reserve, release, preempt and
// preempt_and_abort; the scope is always the whole unit.
cdb_field persistent_reserve_out(reserve_out what, std::optional<reservation_type> type);

inline constexpr std::size_t reserve_list_size = 24;

// The parameter list of PERSISTENT RESERVE OUT (SPC-4 §6.16.3).
struct reserve_keys {
    std::uint64_t own = 0;            // RESERVATION KEY: the one that the initiator has registered
    std::uint64_t service_action = 0; // the new one of a registration, the victim of a preemption

    std::array<std::byte, reserve_list_size> list() const;
};

// ---- answers ------------------------------------------------------------------------------------
// Faults of all readers: parameter_errc::too_short for data without its header, or that ends within
// what there was room for (`room`, the allocation length); out_of_range for lengths that no such
// data can have. `needed_length` above `room`: ask again with that much.

struct registered_keys {
    std::uint32_t generation = 0;
    std::vector<std::uint64_t> keys; // those that came
    std::uint64_t needed_length = 0;
};

iscsi::result<registered_keys> read_registered_keys(iscsi::bytes_view data, std::size_t room);

struct held_reservation {
    std::uint64_t key = 0; // 0 with the types for all registrants
    std::uint8_t type = 0; // a reservation_type, or one that no standard knows
};

struct reservation_state {
    std::uint32_t generation = 0;
    std::optional<held_reservation> held;
};

iscsi::result<reservation_state> read_reservation(iscsi::bytes_view data);

struct reservation_capabilities {
    bool compatible_handling = false;        // CRH: of RESERVE(6) by the holder
    bool specify_initiator_ports = false;    // SIP_C
    bool all_target_ports = false;           // ATP_C
    bool persist_through_power_loss = false; // PTPL_C: it can
    bool persistence_activated = false;      // PTPL_A: it does
    bool tells_types = false;                // TMV: `types` holds
    std::vector<reservation_type> types;     // in the order of their codes
};

iscsi::result<reservation_capabilities> read_reservation_capabilities(iscsi::bytes_view data);

// An I_T nexus that has registered.
struct registrant {
    std::uint64_t key = 0;
    bool is_holder = false;
    bool all_target_ports = false;
    std::uint8_t type = 0;         // of the reservation, for a holder
    std::uint16_t target_port = 0; // relative identifier, unless all_target_ports
    std::string initiator;         // "iqn.…,i,0x…", or which transport it comes through
};

struct full_status {
    std::uint32_t generation = 0;
    std::vector<registrant> registrants; // those that came
    std::uint64_t needed_length = 0;
};

iscsi::result<full_status> read_full_status(iscsi::bytes_view data, std::size_t room);

} // namespace scsi
