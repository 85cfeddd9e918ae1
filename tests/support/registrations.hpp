#pragma once

#include "tests/support/unit_condition.hpp"

#include <cstdint>
#include <map>
#include <optional>

namespace iscsi::test {

// The persistent reservations of one logical unit (SPC-4 §5.13), written against the standard. They
// belong to a nexus, initiator name and ISID, and outlive its sessions.
class registrations {
  public:
    // To PERSISTENT RESERVE IN and OUT, and RESERVATION CONFLICT to what the reservation forbids;
    // nothing where the unit itself is to answer.
    std::optional<scsi_answer>
    answer_to(const nexus& from, const cdb_bytes& cdb, bytes_view data_out);

  private:
    struct held_reservation {
        nexus holder;
        std::uint8_t type = 0;
    };

    struct request {
        const nexus& from;
        std::uint8_t type = 0;
        std::uint64_t key = 0;
        std::uint64_t service_action_key = 0;
    };

    scsi_answer tell(const cdb_bytes& cdb) const;
    std::vector<std::byte> key_list() const;
    std::vector<std::byte> reservation_list() const;
    std::vector<std::byte> status_list() const;

    scsi_answer change(const nexus& from, const cdb_bytes& cdb, bytes_view data_out);
    scsi_answer enroll(const request& what);
    scsi_answer reserve(const request& what);
    scsi_answer release(const request& what);
    scsi_answer preempt(const request& what);
    void forget(const nexus& who);

    bool holds(const nexus& who) const;
    bool forbids(const nexus& from, std::uint8_t operation) const;
    bool has_registered(const request& what) const;

    std::map<nexus, std::uint64_t> keys_;
    std::optional<held_reservation> held_;
    std::uint32_t generation_ = 0;
};

} // namespace iscsi::test
