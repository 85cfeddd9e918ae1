#include "tests/conformance/words.hpp"

// SCSI Command (RFC 7143 §11.3) and the modes of ImmediateData and InitialR2T (§13.10, §13.11).
namespace iscsi::test {
namespace {

const auto content = pattern(16 * kib, 9);

text_pairs modes(const std::string& initial_r2t, const std::string& immediate_data) {
    return answers_with(
        {{"InitialR2T", initial_r2t},
         {"ImmediateData", immediate_data},
         {"FirstBurstLength", "8192"},
         {"MaxRecvDataSegmentLength", "4096"}}
    );
}

// Every field of a WRITE(10) of 32 blocks that the suite looks at.
a<scsi_command> the_write(bool final) {
    return a<scsi_command>()
        .with("I", &scsi_command::immediate, false)
        .with("F", &scsi_command::final, final)
        .with("R", &scsi_command::read, false)
        .with("W", &scsi_command::write, true)
        .with("ATTR", &scsi_command::attribute, task_attribute::simple)
        .with("LUN", &scsi_command::lun, lun_field{})
        .with("length", &scsi_command::expected_data_transfer_length, std::uint32_t{16 * kib})
        .check([](const scsi_command& pdu, bytes_view) {
            EXPECT_NE(pdu.initiator_task_tag, reserved_tag);
            EXPECT_EQ(std::to_integer<unsigned>(pdu.cdb[0]), 0x2aU);
            EXPECT_EQ(std::to_integer<unsigned>(pdu.cdb[8]), 32U);
        });
}

script write_with(const char* initial_r2t, const char* immediate_data) {
    return script().log_in(modes(initial_r2t, immediate_data)).submit("write", writes(content));
}

CONFORMANCE(FFP, "16.1.1", "SCSI Command fields with ImmediateData") {
    write_with("Yes", "Yes")
        .expect(the_write(true).data(slice(content, 0, 4 * kib)), "write")
        .run(quiet_config());
}

CONFORMANCE(FFP, "16.1.2", "SCSI Command fields without ImmediateData") {
    write_with("Yes", "No").expect(the_write(true).data_size(0), "write").run(quiet_config());
}

CONFORMANCE(FFP, "16.2.1", "ImmediateData=Yes, InitialR2T=Yes") {
    write_with("Yes", "Yes")
        .expect(the_write(true).data(slice(content, 0, 4 * kib)), "write")
        .expect_silence()
        .give(ask(0x21, 0, 4 * kib, 12 * kib), {}, "write")
        .expect(data_at(4 * kib, 0, false, 0x21))
        .run(quiet_config());
}

CONFORMANCE(FFP, "16.2.2", "ImmediateData=Yes, InitialR2T=No") {
    write_with("No", "Yes")
        .expect(the_write(false).data(slice(content, 0, 4 * kib)), "write")
        .expect(data_at(4 * kib, 0, true, reserved_tag).data(slice(content, 4 * kib, 4 * kib)))
        .expect_silence() // FirstBurstLength counts the immediate data
        .run(quiet_config());
}

CONFORMANCE(FFP, "16.2.3", "ImmediateData=No, InitialR2T=Yes") {
    write_with("Yes", "No")
        .expect(the_write(true).data_size(0), "write")
        .expect_silence()
        .give(ask(0x21, 0, 0, 16 * kib), {}, "write")
        .expect(data_at(0, 0, false, 0x21))
        .run(quiet_config());
}

CONFORMANCE(FFP, "16.2.4", "ImmediateData=No, InitialR2T=No") {
    write_with("No", "No")
        .expect(the_write(false).data_size(0), "write")
        .expect(data_at(0, 0, false, reserved_tag).data(slice(content, 0, 4 * kib)))
        .expect(data_at(4 * kib, 1, true, reserved_tag).data(slice(content, 4 * kib, 4 * kib)))
        .expect_silence()
        .run(quiet_config());
}

CONFORMANCE(FFP, "16.3.1", "F bit when no unsolicited data follow") {
    script() // all of it fits into the immediate data, although InitialR2T=No allows more
        .log_in(modes("No", "Yes"))
        .submit("write", writes(slice(content, 0, 4 * kib)))
        .expect(a<scsi_command>().with("F", &scsi_command::final, true).data_size(4 * kib))
        .expect_silence()
        .submit("read", reads(8))
        .expect(a<scsi_command>().with("F", &scsi_command::final, true).data_size(0))
        .run(quiet_config());
}

// A target that stops taking commands in its SCSI Response.
CONFORMANCE(FFP, "16.5", "MaxCmdSN in SCSI Response") {
    const auto window_of = [](std::uint32_t expected, std::uint32_t most) {
        return [=](scsi_response& pdu) {
            pdu.expected_command_sn = expected;
            pdu.max_command_sn = most;
        };
    };
    auto login = login_response{.transit = true, .target_session_identifying_handle = 1};
    login.current_stage = login_stage::operational_negotiation;
    login.next_stage = login_stage::full_feature;
    const auto text = format_text(script::usual_answers());
    const auto view = std::as_bytes(std::span(text));
    script()
        .expect(a<login_request>())
        .give_spoilt<login_response>(
            login,
            [](login_response& pdu) { pdu.max_command_sn = pdu.expected_command_sn; },
            {view.begin(), view.end()}
        )
        .submit("first", writes(pattern(512, 1)))
        .submit("second", writes(pattern(512, 2)))
        .expect(a<scsi_command>(), "first")
        .expect_silence() // the window has one place
        .give_spoilt<scsi_response>({}, window_of(1, 0), {}, "first")
        .expect_silence() // and now it is closed
        .give_spoilt<nop_in>(
            {},
            [](nop_in& pdu) {
                pdu.initiator_task_tag = reserved_tag;
                pdu.expected_command_sn = 1;
                pdu.max_command_sn = 1;
            }
        )
        .expect(a<scsi_command>(), "second")
        .run(quiet_config());
}

CONFORMANCE(FFP, "16.6", "Expected Data Transfer Length") {
    script()
        .log_in()
        .submit("read", reads(8))
        .expect(a<scsi_command>().with(
            "length", &scsi_command::expected_data_transfer_length, std::uint32_t{4 * kib}
        ))
        .submit("write", writes(slice(content, 0, 1536)))
        .expect(
            a<scsi_command>().with("length", &scsi_command::expected_data_transfer_length, 1536U)
        )
        .submit(
            "nothing",
            [](session_world& world) {
                return world.submit(command{}, {}, false);
            } // TEST UNIT READY
        )
        .expect(a<scsi_command>()
                    .with("length", &scsi_command::expected_data_transfer_length, 0U)
                    .with("R", &scsi_command::read, false)
                    .with("W", &scsi_command::write, false)
                    .with("F", &scsi_command::final, true))
        .run(quiet_config());
}

} // namespace
} // namespace iscsi::test
