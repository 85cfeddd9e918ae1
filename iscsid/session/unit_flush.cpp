#include "iscsid/session/unit_flush.hpp"

#include "libiscsi/scsi/cdb.hpp"
#include "libiscsi/scsi/disposition.hpp"

namespace iscsid::session {

unit_flush::unit_flush(lane::lane& where, const device::disk_state& unit) {
    iscsi::command flush;
    flush.lun = unit.lun;
    flush.cdb = scsi::synchronize_cache();
    const auto promised = std::make_shared<std::promise<bool>>();
    end_ = promised->get_future();
    where.execute(unit.sid, flush, [promised](const lane::scsi_outcome& how) {
        const auto& done = how.done;
        const auto judged = scsi::judge({done.response, done.status, how.sense_bytes});
        promised->set_value(
            done.outcome == iscsi::task_result::answered && judged.what == scsi::verdict::success
        );
    });
}

bool unit_flush::ends_well(std::chrono::steady_clock::time_point limit) {
    return end_.wait_until(limit) == std::future_status::ready && end_.get();
}

} // namespace iscsid::session
