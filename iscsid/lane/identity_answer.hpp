#pragma once

#include "libiscsi/core/session/event.hpp"
#include "libiscsi/scsi/cdb.hpp"
#include "libiscsi/scsi/logical_unit.hpp"

#include <cstdint>
#include <string>

// What a logical unit says when it is asked who it is. Pure.
namespace iscsid::lane {

// What a scan has recorded of a unit: the designator of VPD 83 or, without one, the serial number
// of VPD 80 (SPC-4 §7.8.5, §7.8.15).
struct unit_identity {
    scsi::vpd_page page{};
    std::string name; // empty: the unit has neither

    friend bool operator==(const unit_identity&, const unit_identity&) = default;
};

unit_identity identity_of(const scsi::logical_unit& recorded);

enum class identity_finding : std::uint8_t {
    same,      // it shows the recorded identity
    other,     // it shows another one
    absent,    // no unit is there (peripheral qualifier, 25/00), or it refuses the page
    no_answer, // nothing came, or what asks for patience: BUSY, becoming ready, unit attention
    unclear,   // GOOD, but no page, an empty or another one, or one that ends before it says so
    longer,    // the page goes on: to be asked for again with `length`
};

struct identity_answer {
    identity_finding what = identity_finding::no_answer;
    std::string shown{};      // other only
    std::uint16_t length = 0; // longer only: an ALLOCATION LENGTH
};

// `room`: where the answer was put, with the size that was asked for.
identity_answer
read_identity(const unit_identity& recorded, const iscsi::task_done& done, iscsi::bytes_view room);

} // namespace iscsid::lane
