#include "tests/support/script.hpp"

#include <gtest/gtest.h>

// Things that a target may do wrong, or that look wrong and are not; `tests/hostile-targets.md`
// lists where all the others are tested.
namespace iscsi::test {
namespace {

std::uint64_t read_two(session_world& world) {
    return world.read(0, 2);
}

TEST(hostile_scenario, a_sequence_longer_than_max_burst_length_is_borne) {
    auto answers = script::usual_answers();
    for (auto& [key, value] : answers)
        if (key == "MaxBurstLength" || key == "FirstBurstLength")
            value = "512";
    const auto data = pattern(1024, 4);
    script()
        .log_in(answers)
        .submit("read", read_two)
        .expect(a<scsi_command>(), "read")
        .give(data_in{.final = true, .has_status = true}, data, "read") // one sequence of 1024
        .expect_done("read", [=](const work& done) { EXPECT_EQ(done.data, data); })
        .run(world_config());
}

TEST(hostile_scenario, a_bidirectional_residual_of_a_plain_command_ends_the_connection) {
    for (const bool overflow : {false, true})
        script()
            .log_in()
            .submit("read", read_two)
            .expect(a<scsi_command>(), "read")
            .give_spoilt<scsi_response>(
                {},
                [=](scsi_response& pdu) {
                    pdu.bidirectional_read_residual_overflow = overflow;
                    pdu.bidirectional_read_residual_underflow = !overflow;
                },
                {},
                "read"
            )
            .expect_fault(session_errc::residual_mismatch)
            .run(world_config());
}

TEST(hostile_scenario, good_without_a_byte_is_no_success) {
    script()
        .log_in()
        .submit("read", read_two)
        .expect(a<scsi_command>(), "read")
        .give(scsi_response{}, {}, "read")
        .expect_done(
            "read", [](const work& done) { EXPECT_EQ(done.end.outcome, task_result::short_data); }
        )
        .run(world_config());
}

TEST(hostile_scenario, a_residual_over_everything_ends_the_connection) {
    script()
        .log_in()
        .submit("read", read_two)
        .expect(a<scsi_command>(), "read")
        .give_spoilt<scsi_response>(
            {},
            [](scsi_response& pdu) {
                pdu.residual_underflow = true;
                pdu.residual_count = 1025;
            },
            {},
            "read"
        )
        .expect_fault(session_errc::residual_mismatch)
        .run(world_config());
}

} // namespace
} // namespace iscsi::test
