#include "iscsid/session/unit_flush.hpp"

#include "libiscsi/scsi/disposition.hpp"

namespace iscsid::session {

unit_command::unit_command(
    lane::lane& where, const device::disk_state& unit, const scsi::cdb_field& cdb
) {
    iscsi::command what;
    what.lun = unit.lun;
    what.cdb = cdb;
    const auto promised = std::make_shared<std::promise<bool>>();
    end_ = promised->get_future();
    where.execute(unit.sid, what, [promised](const lane::scsi_outcome& how) {
        const auto& done = how.done;
        const auto judged = scsi::judge({done.response, done.status, how.sense_bytes});
        promised->set_value(
            done.outcome == iscsi::task_result::answered && judged.what == scsi::verdict::success
        );
    });
}

bool unit_command::ends(time_point limit) const {
    return end_.wait_until(limit) == std::future_status::ready;
}

bool unit_command::ends_well(time_point limit) {
    return ends(limit) && end_.get();
}

} // namespace iscsid::session
