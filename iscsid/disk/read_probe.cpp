#include "iscsid/disk/read_probe.hpp"

#include "iscsid/disk/kernel/system_fault.hpp"

#include "libiscsi/scsi/cdb.hpp"

#include <algorithm>
#include <future>
#include <vector>

namespace iscsid::disk {

// What is wrong with the medium, or passes, is for those who read the disk.
iscsi::result<void>
probe_read(lane::lane& where, const disk_request& what, std::chrono::milliseconds limit) {
    std::vector<std::byte> room(what.properties.block_size); // only its size is looked at
    const auto cdb = scsi::read({0, 1});
    iscsi::command read;
    read.lun = what.lun;
    std::ranges::copy(cdb, read.cdb.begin());
    read.data_in = room;
    const auto ended = std::make_shared<std::promise<iscsi::task_result>>();
    auto outcome = ended->get_future();
    where.execute(what.session, read, [ended](const lane::scsi_outcome& seen) {
        ended->set_value(seen.done.outcome);
    });
    const bool in_time = outcome.wait_for(limit) == std::future_status::ready;
    if (in_time && outcome.get() != iscsi::task_result::aborted)
        return {};
    return no_answer_from_lun("READ of its first block", limit);
}

} // namespace iscsid::disk
