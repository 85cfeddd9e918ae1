#include "tests/conformance/words.hpp"

// Data-Out and Data-In (RFC 7143 §4.2.5, §11.7).
namespace iscsi::test {
namespace {

const auto content = pattern(32 * kib, 11);

text_pairs modes(const std::string& initial_r2t, const std::string& immediate_data) {
    return answers_with(
        {{"InitialR2T", initial_r2t},
         {"ImmediateData", immediate_data},
         {"FirstBurstLength", "16384"},
         {"MaxBurstLength", "16384"}}
    );
}

a<scsi_command> write_command(bool final, std::size_t immediate) {
    return a<scsi_command>()
        .with("F", &scsi_command::final, final)
        .with("W", &scsi_command::write, true)
        .data(slice(content, 0, immediate));
}

a<data_out> segment(std::size_t offset, std::uint32_t data_sn, bool final, std::uint32_t tag) {
    return data_at(offset, data_sn, final, tag).data(slice(content, offset, 8 * kib));
}

CONFORMANCE(FFP, "8.1", "Unsolicited and Solicited Data") {
    script()
        .log_in(modes("No", "Yes"))
        .submit("write", writes(content))
        .expect(write_command(false, 8 * kib), "write")
        .expect(segment(8 * kib, 0, true, reserved_tag))
        .expect_silence() // FirstBurstLength is out: the rest waits for R2T
        .give(ask(0x21, 0, 16 * kib, 16 * kib), {}, "write")
        .expect(segment(16 * kib, 0, false, 0x21))
        .expect(segment(24 * kib, 1, true, 0x21))
        .give(scsi_response{.expected_data_sn = 1}, {}, "write")
        .expect_done("write")
        .run(quiet_config());
}

CONFORMANCE(FFP, "8.2", "Solicited Data only") {
    script()
        .log_in(modes("Yes", "No"))
        .submit("write", writes(content))
        .expect(write_command(true, 0), "write")
        .expect_silence()
        .give(ask(0x21, 0, 0, 16 * kib), {}, "write")
        .expect(segment(0, 0, false, 0x21))
        .expect(segment(8 * kib, 1, true, 0x21))
        .expect_silence()
        .run(quiet_config());
}

CONFORMANCE(FFP, "8.3", "Unsolicited Data-Out obeys FirstBurstLength") {
    script()
        .log_in(answers_with(
            {{"InitialR2T", "No"}, {"ImmediateData", "No"}, {"FirstBurstLength", "12288"}}
        ))
        .submit("write", writes(content))
        .expect(write_command(false, 0), "write")
        .expect(segment(0, 0, false, reserved_tag))
        .expect(data_at(8 * kib, 1, true, reserved_tag).data(slice(content, 8 * kib, 4 * kib)))
        .expect_silence()
        .run(quiet_config());
}

CONFORMANCE(FFP, "9.1", "Target Transfer Tag is echoed") {
    auto request = ask(0xdead'beef, 0, 0, 8 * kib);
    request.lun = {std::byte{0}, std::byte{3}}; // §11.7.4: the LUN of the R2T goes back too
    script()
        .log_in(modes("Yes", "No"))
        .submit("write", writes(content))
        .expect(write_command(true, 0), "write")
        .give(request, {}, "write")
        .expect(segment(0, 0, true, 0xdead'beef).with("LUN", &data_out::lun, request.lun))
        .run(quiet_config());
}

CONFORMANCE(FFP, "10.1", "Data-In with status (S and F)") {
    const auto data = pattern(4096, 3);
    script()
        .log_in()
        .submit("read", reads(8))
        .expect(a<scsi_command>(), "read")
        .give(data_in{.final = true, .has_status = true}, data, "read")
        .expect_done(
            "read",
            [=](const work& done) {
                EXPECT_TRUE(done.good());
                EXPECT_EQ(done.data, data);
            }
        )
        .run(quiet_config());
}

NOT_APPLICABLE(FFP, "10.2", "Data-In A bit: DataACK SNACK", "needs ErrorRecoveryLevel 1")

CONFORMANCE(FFP, "11.1.1", "Data-Out within the target's MaxRecvDataSegmentLength") {
    script()
        .log_in(answers_with(
            {{"InitialR2T", "Yes"}, {"ImmediateData", "Yes"}, {"MaxRecvDataSegmentLength", "512"}}
        ))
        .submit("write", writes(slice(content, 0, 1536)))
        .expect(a<scsi_command>().data_size(512), "write")
        .give(ask(0x21, 0, 512, 1024), {}, "write")
        .expect(data_at(512, 0, false, 0x21).data_size(512))
        .expect(data_at(1024, 1, true, 0x21).data_size(512))
        .run(quiet_config());
}

CONFORMANCE(FFP, "11.1.2", "Data-In of length 0") {
    const auto data = pattern(512, 3);
    script()
        .log_in()
        .submit("read", reads(1))
        .expect(a<scsi_command>(), "read")
        .give(data_in{.data_sn = 0}, {}, "read")
        .give(data_in{.data_sn = 1}, data, "read")
        .give(
            data_in{.final = true, .has_status = true, .data_sn = 2, .buffer_offset = 512},
            {},
            "read"
        )
        .expect_done(
            "read",
            [=](const work& done) {
                EXPECT_TRUE(done.good());
                EXPECT_EQ(done.data, data);
            }
        )
        .run(quiet_config());
}

CONFORMANCE(FFP, "11.2.1", "F bit, unsolicited") {
    script()
        .log_in(modes("No", "No"))
        .submit("write", writes(content))
        .expect(write_command(false, 0), "write")
        .expect(segment(0, 0, false, reserved_tag))
        .expect(segment(8 * kib, 1, true, reserved_tag)) // the end of the sequence
        .run(quiet_config());
}

CONFORMANCE(FFP, "11.2.2", "F bit, solicited") {
    script()
        .log_in(modes("Yes", "No"))
        .submit("write", writes(content))
        .expect(write_command(true, 0), "write")
        .give(ask(0x21, 0, 0, 16 * kib), {}, "write")
        .expect(segment(0, 0, false, 0x21))
        .expect(segment(8 * kib, 1, true, 0x21))
        .give(ask(0x22, 1, 16 * kib, 8 * kib), {}, "write")
        .expect(segment(16 * kib, 0, true, 0x22)) // each R2T has its own
        .run(quiet_config());
}

CONFORMANCE(FFP, "11.3", "Data-Out DataSN per R2T") {
    script()
        .log_in(modes("No", "No"))
        .submit("write", writes(content))
        .expect(write_command(false, 0), "write")
        .expect(segment(0, 0, false, reserved_tag))
        .expect(segment(8 * kib, 1, true, reserved_tag))
        .give(ask(0x21, 0, 16 * kib, 16 * kib), {}, "write")
        .expect(segment(16 * kib, 0, false, 0x21)) // counts from 0 again
        .expect(segment(24 * kib, 1, true, 0x21))
        .run(quiet_config());
}

CONFORMANCE(FFP, "11.4", "Data-Out Buffer Offset") {
    script()
        .log_in(modes("Yes", "Yes"))
        .submit("write", writes(content))
        .expect(write_command(true, 8 * kib), "write")
        .give(ask(0x21, 0, 8 * kib, 16 * kib), {}, "write")
        .expect(segment(8 * kib, 0, false, 0x21))
        .expect(segment(16 * kib, 1, true, 0x21))
        .give(ask(0x22, 1, 24 * kib, 8 * kib), {}, "write")
        .expect(segment(24 * kib, 0, true, 0x22))
        .run(quiet_config());
}

} // namespace
} // namespace iscsi::test
