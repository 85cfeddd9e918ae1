#include "tests/conformance/words.hpp"

// Ready To Transfer (RFC 7143 §11.8), with InitialR2T=Yes and ImmediateData=No.
namespace iscsi::test {
namespace {

const auto content = pattern(32 * kib, 5);

text_pairs solicited(const std::map<std::string, std::string>& changes = {}) {
    std::map<std::string, std::string> all{
        {"InitialR2T", "Yes"}, {"ImmediateData", "No"}, {"MaxRecvDataSegmentLength", "16384"}};
    for (const auto& [key, value] : changes)
        all[key] = value;
    return answers_with(all);
}

session_config asking(std::uint16_t outstanding, bool in_order = true) {
    auto config = quiet_config();
    config.offer.max_outstanding_r2t = outstanding;
    config.offer.data_sequence_in_order = in_order;
    return config;
}

CONFORMANCE(FFP, "12.1", "R2T single PDU: TTT, offset, length") {
    script()
        .log_in(solicited({{"DataSequenceInOrder", "No"}}))
        .submit("write", writes(content))
        .expect(a<scsi_command>(), "write")
        .give(ask(0x77, 0, 4 * kib, 8 * kib), {}, "write")
        .expect(data_at(4 * kib, 0, true, 0x77).data(slice(content, 4 * kib, 8 * kib)))
        .expect_silence()
        .run(asking(1, false));
}

CONFORMANCE(FFP, "12.2", "R2T many PDUs") {
    script()
        .log_in(solicited({{"MaxRecvDataSegmentLength", "8192"}}))
        .submit("write", writes(content))
        .expect(a<scsi_command>(), "write")
        .give(ask(0x77, 0, 0, 32 * kib), {}, "write")
        .expect(data_at(0, 0, false, 0x77).data(slice(content, 0, 8 * kib)))
        .expect(data_at(8 * kib, 1, false, 0x77).data(slice(content, 8 * kib, 8 * kib)))
        .expect(data_at(16 * kib, 2, false, 0x77).data(slice(content, 16 * kib, 8 * kib)))
        .expect(data_at(24 * kib, 3, true, 0x77).data(slice(content, 24 * kib, 8 * kib)))
        .run(asking(1));
}

CONFORMANCE(FFP, "12.3", "R2T out of order (DataSequenceInOrder=No)") {
    script()
        .log_in(solicited({{"DataSequenceInOrder", "No"}, {"MaxOutstandingR2T", "2"}}))
        .submit("write", writes(content))
        .expect(a<scsi_command>(), "write")
        .give(ask(0x71, 0, 16 * kib, 16 * kib), {}, "write")
        .give(ask(0x72, 1, 0, 16 * kib), {}, "write")
        .expect(data_at(16 * kib, 0, true, 0x71).data(slice(content, 16 * kib, 16 * kib)))
        .expect(data_at(0, 0, true, 0x72).data(slice(content, 0, 16 * kib)))
        .give(scsi_response{.expected_data_sn = 2}, {}, "write")
        .expect_done("write")
        .run(asking(2, false));
}

CONFORMANCE(FFP, "12.3", "R2T out of order (DataSequenceInOrder=No)") {
    script() // and with DataSequenceInOrder=Yes the same is a protocol error (§13.20)
        .log_in(solicited({{"MaxOutstandingR2T", "2"}}))
        .submit("write", writes(content))
        .expect(a<scsi_command>(), "write")
        .give(ask(0x71, 0, 16 * kib, 16 * kib), {}, "write")
        .expect_fault(session_errc::data_out_of_order)
        .run(asking(2));
}

CONFORMANCE(FFP, "12.4", "R2Ts of parallel commands") {
    const auto other = pattern(32 * kib, 6);
    script()
        .log_in(solicited())
        .submit("one", writes(content))
        .expect(a<scsi_command>(), "one")
        .submit("two", [=](session_world& world) { return world.write(64, other); })
        .expect(a<scsi_command>(), "two")
        .give(ask(0x71, 0, 0, 16 * kib), {}, "two")
        .expect(data_at(0, 0, true, 0x71).data(slice(other, 0, 16 * kib)))
        .give(ask(0x72, 0, 0, 16 * kib), {}, "one")
        .expect(data_at(0, 0, true, 0x72).data(slice(content, 0, 16 * kib)))
        .give(ask(0x73, 1, 16 * kib, 16 * kib), {}, "one")
        .give(ask(0x74, 1, 16 * kib, 16 * kib), {}, "two")
        .expect(data_at(16 * kib, 0, true, 0x73).data(slice(content, 16 * kib, 16 * kib)))
        .expect(data_at(16 * kib, 0, true, 0x74).data(slice(other, 16 * kib, 16 * kib)))
        .give(scsi_response{.expected_data_sn = 2}, {}, "two")
        .give(scsi_response{.expected_data_sn = 2}, {}, "one")
        .expect_done("one")
        .expect_done("two")
        .run(asking(1));
}

NOT_APPLICABLE(FFP, "13.1", "Data/R2T SNACK", "needs ErrorRecoveryLevel 1")
NOT_APPLICABLE(FFP, "13.2", "DataACK SNACK", "needs ErrorRecoveryLevel 1")

} // namespace
} // namespace iscsi::test
