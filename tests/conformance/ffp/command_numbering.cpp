#include "tests/conformance/suite.hpp"
#include "tests/support/script.hpp"

// CmdSN, the command window and immediate delivery (RFC 7143 §4.2.2.1).
namespace iscsi::test {
namespace {

constexpr std::uint32_t first_sn = 0x20;

session_config numbered() {
    auto config = world_config();
    config.initial_command_sn = first_sn;
    return config;
}

a<scsi_command> command_with(std::uint32_t sn) {
    return a<scsi_command>()
        .with("CmdSN", &scsi_command::command_sn, sn)
        .with("I", &scsi_command::immediate, false);
}

std::uint64_t read_one(session_world& world) {
    return world.read(0, 1);
}

CONFORMANCE(FFP, "1.1", "Command Numbering") {
    script()
        .log_in()
        .submit("first", read_one)
        .expect(command_with(first_sn), "first")
        .submit("second", read_one)
        .expect(command_with(first_sn + 1), "second")
        .submit("third", read_one)
        .expect(command_with(first_sn + 2), "third")
        .run(numbered());
}

NOT_APPLICABLE(FFP, "4.1", "Command Retry", "needs ErrorRecoveryLevel 1")

} // namespace
} // namespace iscsi::test
