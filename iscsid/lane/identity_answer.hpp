#pragma once

#include "libiscsi/core/session/event.hpp"
#include "libiscsi/scsi/cdb.hpp"
#include "libiscsi/scsi/logical_unit.hpp"

#include <cstdint>
#include <optional>
#include <string>

// What a logical unit says when it is asked who it is. Pure.
namespace iscsid::lane {

// What a scan has recorded of a unit and what may be asked of it again. What is empty or 0 was not
// told then, and is not compared.
struct unit_identity {
    std::string wwid;   // VPD 83 (SPC-4 §7.8.5)
    std::string serial; // VPD 80 (SPC-4 §7.8.15)
    std::string vendor, product;
    std::uint32_t block_size = 0;
    std::uint64_t block_count = 0;

    // By which it is known, and asked for first. Empty: it has none, and cannot be told from
    // others of its block length.
    const std::string& name() const { return wwid.empty() ? serial : wwid; }

    // Something that can be asked for again.
    bool is_known() const { return !name().empty() || block_size > 0; }

    friend bool operator==(const unit_identity&, const unit_identity&) = default;
};

unit_identity identity_of(const scsi::logical_unit& recorded);

// In the order in which they are put, as long as the answers say nothing. Only names prove that the
// unit is the same; what differs in any of them proves that it is another one.
//
// The last one is for a unit that has shown its name, or has none: its blocks must be as long as
// they were. Else every waiting request would go to another place of the disk.
enum class identity_question : std::uint8_t {
    designator,
    serial_number,
    standard_data,
    capacity,
    block_length,
};

// The first one that this unit has recorded something for, and the one after `asked` when that has
// said nothing.
identity_question first_question(const unit_identity& recorded);
std::optional<identity_question>
next_question(const unit_identity& recorded, identity_question asked);

// How many bytes the answer has at most, when it is asked for first.
std::uint16_t first_length(identity_question what);
scsi::cdb_field command_for(identity_question what, std::uint16_t length);

enum class identity_finding : std::uint8_t {
    same,      // it shows a recorded name; or, asked for its block length, nothing else than that
    other,     // it shows something that differs from what was recorded
    absent,    // no unit is there: peripheral qualifier, 25/00
    no_answer, // nothing came, or what asks for patience: BUSY, becoming ready, unit attention
    unclear,   // it refuses the question, or answers without a name: it cannot say
    longer,    // the page goes on: to be asked for again with `length`
};

struct identity_answer {
    identity_finding what = identity_finding::no_answer;
    std::string shown{};      // other only
    std::uint16_t length = 0; // longer only: an ALLOCATION LENGTH
};

// `room`: where the answer was put, with the size that was asked for.
identity_answer read_identity(
    const unit_identity& recorded,
    identity_question asked,
    const iscsi::task_done& done,
    iscsi::bytes_view room
);

} // namespace iscsid::lane
