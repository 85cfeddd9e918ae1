#include "iscsiadm/modes/modes.hpp"

namespace iscsi::cli {

// Boot firmware is not read: the answer is that of a machine without any.
exit_code run_fw(context& at) {
    at.out.show(opened{document_kind::nodes});
    at.screen.complain("Could not get list of targets from firmware. (err 21)");
    return exit_code::no_objects_found;
}

} // namespace iscsi::cli
