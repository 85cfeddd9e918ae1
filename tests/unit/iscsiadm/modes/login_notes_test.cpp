#include "tests/unit/iscsiadm/modes/mode_test.hpp"

namespace iscsi::cli {
namespace {

using admin::exit_code;
using testing::HasSubstr;

using login_notes = mode_test;

TEST_F(login_notes, are_printed_behind_the_result_for_people_only) {
    add_node(t1);
    daemon.login_answers = {
        {0, exit_code::success, "", 1, {}, false, {"its disks end with iscsid"}}};
    EXPECT_THAT(run_well({"-m", "node", "-l"}), HasSubstr("successful."));
    is_terminal = true;
    const outcome got = run({"-m", "node", "-l"});
    EXPECT_EQ(got.code, 0);
    EXPECT_EQ(
        got.err,
        "iscsiadm: [iface: default, target: " + t1 +
            ", portal: 10.9.9.1,3260]: its disks end with iscsid\n"
    );
}

} // namespace
} // namespace iscsi::cli
