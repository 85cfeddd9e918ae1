#include "tests/conformance/words.hpp"

// StatSN and ExpStatSN (RFC 7143 §4.2.2.2), DataSN (§4.2.2.3).
namespace iscsi::test {
namespace {

CONFORMANCE(FFP, "5.1", "ExpStatSN: a StatSN gap leads to recovery") {
    script()
        .log_in()
        .submit("read", reads(1))
        .expect(a<scsi_command>(), "read")
        .give_spoilt<scsi_response>(
            {}, [](scsi_response& pdu) { ++pdu.status_sn; }, {}, "read"
        )
        .expect_fault(session_errc::status_sn_gap)
        .pass(time2wait)
        .log_in() // session reinstatement, and the command again
        .expect(a<scsi_command>(), "read")
        .give(data_in{.final = true, .has_status = true}, pattern(512, 1), "read")
        .expect_done("read")
        .run(quiet_config());
}

CONFORMANCE(FFP, "5.1", "ExpStatSN: a StatSN gap leads to recovery") {
    std::vector<std::uint32_t> seen;
    const auto note = [&seen](const scsi_command& pdu, bytes_view) {
        seen.push_back(pdu.expected_status_sn);
    };
    script()
        .log_in()
        .submit("first", reads(1))
        .expect(a<scsi_command>().check(note), "first")
        .give(data_in{.final = true, .has_status = true}, pattern(512, 1), "first")
        .submit("second", reads(1)) // what was received is acknowledged
        .expect(a<scsi_command>().check(note), "second")
        .run(quiet_config());
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen.at(1), seen.at(0) + 1);
}

NOT_APPLICABLE(FFP, "5.1.1", "ExpStatSN: SNACK for the gap", "needs ErrorRecoveryLevel 1")

CONFORMANCE(FFP, "6.1", "DataSN") {
    const auto data = pattern(1024, 1);
    script()
        .log_in()
        .submit("read", reads(2))
        .expect(a<scsi_command>(), "read")
        .give(data_in{.data_sn = 0}, slice(data, 0, 512), "read")
        .give(
            data_in{.final = true, .has_status = true, .data_sn = 1, .buffer_offset = 512},
            slice(data, 512, 512),
            "read"
        )
        .expect_done("read", [=](const work& done) { EXPECT_EQ(done.data, data); })
        .run(quiet_config());
}

CONFORMANCE(FFP, "6.1", "DataSN") {
    script()
        .log_in()
        .submit("read", reads(2))
        .expect(a<scsi_command>(), "read")
        .give(data_in{.data_sn = 0}, pattern(512, 1), "read")
        .give(data_in{.data_sn = 2, .buffer_offset = 512}, pattern(512, 1), "read")
        .expect_fault(session_errc::data_sn_gap)
        .run(quiet_config());
}

NOT_APPLICABLE(FFP, "7.1", "Connection Reassignment", "needs ErrorRecoveryLevel 2")

} // namespace
} // namespace iscsi::test
