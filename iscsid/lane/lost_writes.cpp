#include "iscsid/lane/lost_writes.hpp"

#include "libiscsi/scsi/sense.hpp"
#include "libiscsi/scsi/status.hpp"

#include <algorithm>
#include <array>

namespace iscsid::lane {

namespace {

// The keys of SPC-4 §4.5.6 by which a target that has tried to write says that it could not.
constexpr std::array keys_of_losses = {
    scsi::sense_key::medium_error,
    scsi::sense_key::hardware_error,
    scsi::sense_key::data_protect, // the pool of a thin unit is full, among others
    scsi::sense_key::volume_overflow,
    scsi::sense_key::vendor_specific,
};

bool says_not_written(const scsi::sense_data& sense) {
    if (sense.key == scsi::sense_key::no_sense || sense.key == scsi::sense_key::recovered_error)
        return false;
    return sense.deferred || std::ranges::find(keys_of_losses, sense.key) != keys_of_losses.end();
}

} // namespace

bool tells_of_lost_writes(const iscsi::task_done& flush) {
    if (flush.outcome != iscsi::task_result::answered || flush.response != 0 ||
        flush.status != static_cast<std::uint8_t>(scsi::status::check_condition))
        return false;
    const auto sense = scsi::read_sense(flush.sense);
    return !sense || says_not_written(*sense); // an error that nobody can read may be this one
}

} // namespace iscsid::lane
