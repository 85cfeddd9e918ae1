#include "tests/conformance/words.hpp"
#include "tests/support/pair.hpp"

// CmdSN, immediate delivery and the command window (RFC 7143 §4.2.2.1).
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

CONFORMANCE(FFP, "1.1", "Command Numbering") {
    script()
        .log_in()
        .submit("first", reads(1))
        .expect(command_with(first_sn), "first")
        .submit("second", reads(1))
        .expect(command_with(first_sn + 1), "second")
        .submit("third", reads(1))
        .expect(command_with(first_sn + 2), "third")
        .run(numbered());
}

CONFORMANCE(FFP, "1.1", "Command Numbering") {
    auto config = world_config();
    config.initial_command_sn = 0xffff'ffff; // the numbers wrap
    script()
        .log_in()
        .submit("last", reads(1))
        .expect(command_with(0xffff'ffff), "last")
        .submit("next", reads(1))
        .expect(command_with(0), "next")
        .run(config);
}

CONFORMANCE(FFP, "2.1", "Immediate Delivery") {
    script()
        .log_in()
        .submit("before", reads(1))
        .expect(command_with(first_sn), "before")
        .pass(std::chrono::seconds(5))
        .expect(a<nop_out>()
                    .with("I", &nop_out::immediate, true)
                    .with("CmdSN", &nop_out::command_sn, first_sn + 1))
        .submit("after", reads(1)) // the immediate PDU has taken no number
        .expect(command_with(first_sn + 1), "after")
        .run(numbered());
}

CONFORMANCE(FFP, "2.2", "Immediate Task Management Delivery") {
    script()
        .log_in()
        .submit("read", reads(1))
        .expect(command_with(first_sn), "read")
        .act([](session_world& world) { world.engine().abort(first_task(world), world.now()); })
        .expect(a<task_management_request>()
                    .with("I", &task_management_request::immediate, true)
                    .with("CmdSN", &task_management_request::command_sn, first_sn + 1))
        .submit("after", reads(1))
        .expect(command_with(first_sn + 1), "after")
        .run(numbered());
}

// A target whose window is this wide, with commands that it keeps unanswered.
struct windowed {
    explicit windowed(std::uint32_t window) : target(with(window)) {
        EXPECT_TRUE(wire.log_in());
        target.holds_commands = true;
    }

    static target_options with(std::uint32_t window) {
        target_options options;
        options.command_window = window;
        return options;
    }

    void submit(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
            world.read(0, 1);
    }

    // Until nothing moves any more.
    void settle() {
        wire.run_until([] { return false; }, std::chrono::seconds(1));
    }

    std::size_t outstanding() { return wire.link()->unanswered_tasks(); }

    void finish() {
        target.holds_commands = false;
        EXPECT_TRUE(wire.run_until([this] {
            wire.link()->release_held();
            return world.unfinished() == 0;
        }));
        for (const auto& complaint : target.complaints())
            ADD_FAILURE() << complaint;
    }

    static session_config many_slots() {
        auto config = quiet_config();
        config.commands_max = 128;
        return config;
    }

    memory_target target;
    session_world world{many_slots()};
    pair wire{world, target};
};

CONFORMANCE(FFP, "3.1", "MaxCmdSN-ExpCmdSN closed window") {
    windowed scene(0);
    scene.submit(3);
    scene.settle();
    EXPECT_EQ(scene.outstanding(), 0U);
    scene.target.options().command_window = 2;
    scene.wire.link()->show_window();
    scene.settle();
    EXPECT_EQ(scene.outstanding(), 2U);
    scene.finish();
}

CONFORMANCE(FFP, "3.2", "MaxCmdSN-ExpCmdSN large window") {
    windowed scene(0x7fff'ffff); // 2^31 - 1, the largest
    scene.submit(100);
    scene.settle();
    EXPECT_EQ(scene.outstanding(), 100U);
    scene.finish();
}

CONFORMANCE(FFP, "3.3", "MaxCmdSN-ExpCmdSN single command") {
    windowed scene(1);
    scene.submit(5);
    scene.settle();
    EXPECT_EQ(scene.outstanding(), 1U);
    scene.finish();
}

NOT_APPLICABLE(FFP, "4.1", "Command Retry", "needs ErrorRecoveryLevel 1")

} // namespace
} // namespace iscsi::test
