#include "iscsiadm/modes/firmware.hpp"
#include "iscsiadm/modes/modes.hpp"

namespace iscsi::cli {

// Changes without a login change nothing, as in open-iscsi: there is no record to change.
exit_code run_fw(const fw_mode& mode, context& at) {
    if (mode.login)
        return log_in_to_firmware(mode, at);
    at.out.show(opened{document_kind::node_records});
    const auto targets = firmware_targets(at);
    for (const boot_target& target : targets) {
        const auto settings = settings_of(target);
        at.out.show(shown_firmware{settings});
    }
    return targets.empty() ? exit_code::no_objects_found : exit_code::success;
}

} // namespace iscsi::cli
