#include "tests/support/script.hpp"

#include <gtest/gtest.h>

// WRITE commands in the four modes of InitialR2T and ImmediateData (RFC 7143 §4.2.5.2, §13.10,
// §13.11), with FirstBurstLength and MaxBurstLength 16 KiB and data segments of 8 KiB.
namespace iscsi::test {
namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t write_size = 32 * kib;
const auto content = pattern(write_size, 11);

std::vector<std::byte> part(std::size_t from, std::size_t length) {
    const auto begin = content.begin() + static_cast<std::ptrdiff_t>(from);
    return {begin, begin + static_cast<std::ptrdiff_t>(length)};
}

std::uint64_t write_all(session_world& world) {
    return world.write(0, content);
}

text_pairs answers(const char* initial_r2t, const char* immediate_data) {
    auto all = script::usual_answers();
    for (auto& [key, value] : all) {
        if (key == "InitialR2T")
            value = initial_r2t;
        else if (key == "ImmediateData")
            value = immediate_data;
        else if (key == "FirstBurstLength" || key == "MaxBurstLength")
            value = "16384";
    }
    return all;
}

a<scsi_command> the_command(bool final, std::size_t immediate) {
    return a<scsi_command>()
        .with("F", &scsi_command::final, final)
        .with("R", &scsi_command::read, false)
        .with("W", &scsi_command::write, true)
        .with("length", &scsi_command::expected_data_transfer_length, std::uint32_t{write_size})
        .data(part(0, immediate));
}

a<data_out> data_at(std::size_t offset, std::uint32_t data_sn, bool final, std::uint32_t tag) {
    return a<data_out>()
        .with("TTT", &data_out::target_transfer_tag, tag)
        .with("DataSN", &data_out::data_sn, data_sn)
        .with("offset", &data_out::buffer_offset, static_cast<std::uint32_t>(offset))
        .with("F", &data_out::final, final)
        .data(part(offset, 8 * kib));
}

r2t ask(std::uint32_t tag, std::uint32_t r2t_sn, std::size_t offset, std::size_t length) {
    r2t pdu;
    pdu.target_transfer_tag = tag;
    pdu.r2t_sn = r2t_sn;
    pdu.buffer_offset = static_cast<std::uint32_t>(offset);
    pdu.desired_data_transfer_length = static_cast<std::uint32_t>(length);
    return pdu;
}

void content_has_arrived(memory_target& target) {
    const auto& disk = target.disk().content();
    EXPECT_TRUE(std::equal(content.begin(), content.end(), disk.begin()));
}

void run_everything(script& dialogue) {
    dialogue.expect_silence()
        .recovering_against({}, content_has_arrived)
        .split_input_everywhere()
        .lose_transport_at_each_step()
        .run(world_config());
}

TEST(write_scenario, immediate_and_unsolicited_data) {
    run_everything(script()
                       .log_in(answers("No", "Yes"))
                       .submit("write", write_all)
                       .expect(the_command(false, 8 * kib), "write")
                       .expect(data_at(8 * kib, 0, true, reserved_tag))
                       .expect_silence()
                       .give(ask(0x21, 0, 16 * kib, 16 * kib), {}, "write")
                       .expect(data_at(16 * kib, 0, false, 0x21))
                       .expect(data_at(24 * kib, 1, true, 0x21))
                       .give(scsi_response{.expected_data_sn = 1}, {}, "write")
                       .expect_done("write"));
}

TEST(write_scenario, immediate_data_only) {
    run_everything(script()
                       .log_in(answers("Yes", "Yes"))
                       .submit("write", write_all)
                       .expect(the_command(true, 8 * kib), "write")
                       .expect_silence()
                       .give(ask(0x21, 0, 8 * kib, 16 * kib), {}, "write")
                       .expect(data_at(8 * kib, 0, false, 0x21))
                       .expect(data_at(16 * kib, 1, true, 0x21))
                       .give(ask(0x22, 1, 24 * kib, 8 * kib), {}, "write")
                       .expect(data_at(24 * kib, 0, true, 0x22))
                       .give(scsi_response{.expected_data_sn = 2}, {}, "write")
                       .expect_done("write"));
}

TEST(write_scenario, unsolicited_data_only) {
    run_everything(script()
                       .log_in(answers("No", "No"))
                       .submit("write", write_all)
                       .expect(the_command(false, 0), "write")
                       .expect(data_at(0, 0, false, reserved_tag))
                       .expect(data_at(8 * kib, 1, true, reserved_tag))
                       .expect_silence()
                       .give(ask(0x21, 0, 16 * kib, 16 * kib), {}, "write")
                       .expect(data_at(16 * kib, 0, false, 0x21))
                       .expect(data_at(24 * kib, 1, true, 0x21))
                       .give(scsi_response{.expected_data_sn = 1}, {}, "write")
                       .expect_done("write"));
}

TEST(write_scenario, solicited_data_only) {
    run_everything(script()
                       .log_in(answers("Yes", "No"))
                       .submit("write", write_all)
                       .expect(the_command(true, 0), "write")
                       .expect_silence()
                       .give(ask(0x21, 0, 0, 16 * kib), {}, "write")
                       .expect(data_at(0, 0, false, 0x21))
                       .expect(data_at(8 * kib, 1, true, 0x21))
                       .give(ask(0x22, 1, 16 * kib, 16 * kib), {}, "write")
                       .expect(data_at(16 * kib, 0, false, 0x22))
                       .expect(data_at(24 * kib, 1, true, 0x22))
                       .give(scsi_response{.expected_data_sn = 2}, {}, "write")
                       .expect_done("write"));
}

TEST(write_scenario, a_small_write_is_one_pdu_each_way) {
    const auto block = part(0, 512);
    script()
        .log_in()
        .submit("write", [=](session_world& world) { return world.write(3, block); })
        .expect(a<scsi_command>().with("F", &scsi_command::final, true).data(block), "write")
        .give(scsi_response{}, {}, "write")
        .expect_done("write")
        .expect_silence()
        .split_input_everywhere()
        .lose_transport_at_each_step()
        .run(world_config());
}

TEST(write_scenario, an_r2t_beyond_the_data_ends_the_connection) {
    script()
        .log_in(answers("Yes", "No"))
        .submit("write", write_all)
        .expect(the_command(true, 0), "write")
        .act([](session_world& world) {
            auto pdu = ask(0x21, 0, 24 * kib, 16 * kib);
            pdu.initiator_task_tag = world.ledger().begin()->second->task;
            pdu.status_sn = 78;
            pdu.expected_command_sn = 1;
            pdu.max_command_sn = 33;
            basic_header header;
            encode(target_pdu(pdu), 0, header);
            const auto accepted = world.deliver(header);
            ASSERT_TRUE(accepted.has_error());
            EXPECT_EQ(accepted.error().code, to_error_code(session_errc::r2t_out_of_range));
        })
        .run(world_config());
}

} // namespace
} // namespace iscsi::test
