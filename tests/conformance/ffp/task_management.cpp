#include "tests/conformance/words.hpp"

// Task Management Function Request (RFC 7143 §11.5). What ends a whole task set here is
// LOGICAL UNIT RESET: the initiator does not use ABORT TASK SET.
namespace iscsi::test {
namespace {

using function = task_management_function;

void abort_first(session_world& world) {
    world.engine().abort(first_task(world), world.now());
}

void reset_unit(session_world& world) {
    world.engine().reset_lun({}, world.now());
}

a<task_management_request> request(function what) {
    return a<task_management_request>()
        .with("function", &task_management_request::function, what)
        .with("I", &task_management_request::immediate, true);
}

script two_tasks() {
    return script()
        .log_in()
        .submit("one", reads(1))
        .expect(a<scsi_command>(), "one")
        .submit("two", writes(pattern(512, 1)))
        .expect(a<scsi_command>(), "two");
}

void was_aborted(const work& done) {
    EXPECT_EQ(done.end.outcome, task_result::aborted);
}

CONFORMANCE(FFP, "19.1", "Task Management CmdSN") {
    two_tasks()
        .act(abort_first)
        .expect(
            request(function::abort_task).with("CmdSN", &task_management_request::command_sn, 2U)
        )
        .submit("later", reads(1))
        .expect(a<scsi_command>().with("CmdSN", &scsi_command::command_sn, 2U))
        .run(quiet_config());
}

CONFORMANCE(FFP, "19.2", "Task Management LUN") {
    const lun_field elsewhere{std::byte{0}, std::byte{7}};
    script()
        .log_in()
        .submit(
            "read",
            [=](session_world& world) {
                command what;
                what.lun = elsewhere;
                return world.submit(what, {}, false);
            }
        )
        .expect(a<scsi_command>(), "read")
        .act(abort_first)
        .expect(request(function::abort_task).with("LUN", &task_management_request::lun, elsewhere))
        .act([=](session_world& world) { world.engine().reset_lun(elsewhere, world.now()); })
        .expect(request(function::logical_unit_reset)
                    .with("LUN", &task_management_request::lun, elsewhere)
                    .with("RTT", &task_management_request::referenced_task_tag, reserved_tag))
        .run(quiet_config());
}

CONFORMANCE(FFP, "19.3", "Task Management RefCmdSN") {
    auto config = quiet_config();
    config.initial_command_sn = 0x500;
    std::uint32_t tag = 0;
    script()
        .log_in()
        .submit("read", reads(1))
        .expect(
            a<scsi_command>().check([&tag](const scsi_command& pdu, bytes_view) {
                tag = pdu.initiator_task_tag;
            }),
            "read"
        )
        .submit("other", reads(1))
        .expect(a<scsi_command>(), "other")
        .act(abort_first)
        .expect(request(function::abort_task)
                    .with("RefCmdSN", &task_management_request::reference_command_sn, 0x500U)
                    .check([&tag](const task_management_request& pdu, bytes_view) {
                        EXPECT_EQ(pdu.referenced_task_tag, tag);
                    }))
        .run(config);
}

CONFORMANCE(FFP, "19.4.1", "Abort of a task set: all aborted") {
    two_tasks()
        .act(reset_unit)
        .expect(request(function::logical_unit_reset), "reset")
        .give(task_management_response{}, {}, "reset")
        .expect_done("one", was_aborted)
        .expect_done("two", was_aborted)
        .run(quiet_config());
}

CONFORMANCE(FFP, "19.4.2", "Abort of a task set: no answers to R2T meanwhile") {
    const auto content = pattern(16 * kib, 1);
    script()
        .log_in(answers_with({{"InitialR2T", "Yes"}, {"ImmediateData", "No"}}))
        .submit("write", writes(content))
        .expect(a<scsi_command>(), "write")
        .act(reset_unit)
        .expect(request(function::logical_unit_reset), "reset")
        .give(ask(0x21, 0, 0, 16 * kib), {}, "write")
        .expect_silence() // §4.2.3.4: FastAbort
        .give(task_management_response{}, {}, "reset")
        .expect_done("write", was_aborted)
        .run(quiet_config());
}

CONFORMANCE(FFP, "19.4.2", "Abort of a task set: no answers to R2T meanwhile") {
    auto config = quiet_config();
    config.fast_abort = false; // §4.2.3.3: standard semantics, the target waits for its data
    script()
        .log_in(answers_with({{"InitialR2T", "Yes"}, {"ImmediateData", "No"}}))
        .submit("write", writes(pattern(8 * kib, 1)))
        .expect(a<scsi_command>(), "write")
        .act(reset_unit)
        .expect(request(function::logical_unit_reset), "reset")
        .give(ask(0x21, 0, 0, 8 * kib), {}, "write")
        .expect(data_at(0, 0, true, 0x21))
        .run(config);
}

CONFORMANCE(FFP, "19.4.3", "Abort of a task set: tasks end with the response, later ones live") {
    two_tasks()
        .act(reset_unit)
        .expect(request(function::logical_unit_reset), "reset")
        .submit("later", reads(1))
        .expect(a<scsi_command>(), "later")
        .give(scsi_response{}, {}, "two") // answered before the reset took place
        .expect_done("two")
        .give(task_management_response{}, {}, "reset")
        .expect_done("one", was_aborted)
        .give(data_in{.final = true, .has_status = true}, pattern(512, 4), "later")
        .expect_done("later")
        .run(quiet_config());
}

NOT_APPLICABLE(FFP, "19.5", "Task Reassign", "needs ErrorRecoveryLevel 2")

} // namespace
} // namespace iscsi::test
