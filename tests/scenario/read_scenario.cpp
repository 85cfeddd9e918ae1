#include "tests/support/script.hpp"

#include <gtest/gtest.h>

// READ commands: Data-In with and without status, in one sequence and in several (§11.7, §11.4).
namespace iscsi::test {
namespace {

constexpr std::size_t read_size = 4096;
const auto content = pattern(read_size, 7);

std::vector<std::byte> part(std::size_t from, std::size_t length) {
    const auto begin = content.begin() + static_cast<std::ptrdiff_t>(from);
    return {begin, begin + static_cast<std::ptrdiff_t>(length)};
}

std::uint64_t read_all(session_world& world) {
    return world.read(0, read_size / world_block_size);
}

a<scsi_command> the_command() {
    return a<scsi_command>()
        .with("F", &scsi_command::final, true)
        .with("R", &scsi_command::read, true)
        .with("W", &scsi_command::write, false)
        .with("length", &scsi_command::expected_data_transfer_length, std::uint32_t{read_size})
        .data_size(0);
}

void same_content_on_disk(memory_target& target) {
    std::copy(content.begin(), content.end(), target.disk().content().begin());
}

void check_data(const work& entry) {
    EXPECT_TRUE(entry.good());
    EXPECT_EQ(entry.end.transferred, read_size);
    EXPECT_TRUE(entry.data == content);
}

TEST(read_scenario, status_in_the_last_data_in) {
    script()
        .log_in()
        .submit("read", read_all)
        .expect(the_command(), "read")
        .give(data_in{.final = true, .has_status = true}, content, "read")
        .expect_done("read", check_data)
        .recovering_against(same_content_on_disk)
        .split_input_everywhere()
        .lose_transport_at_each_step()
        .run(world_config());
}

TEST(read_scenario, several_data_in_and_a_response) {
    script()
        .log_in()
        .submit("read", read_all)
        .expect(the_command(), "read")
        .give(data_in{.data_sn = 0}, part(0, 1000), "read")
        .give(data_in{.final = true, .data_sn = 1, .buffer_offset = 1000}, part(1000, 1), "read")
        .give(data_in{.data_sn = 2, .buffer_offset = 1001}, {}, "read") // empty ones are legal
        .give(data_in{.final = true, .data_sn = 3, .buffer_offset = 1001}, part(1001, 3095), "read")
        .give(scsi_response{.expected_data_sn = 4}, {}, "read")
        .expect_done("read", check_data)
        .recovering_against(same_content_on_disk)
        .split_input_everywhere()
        .lose_transport_at_each_step()
        .run(world_config());
}

TEST(read_scenario, two_reads_interleaved) {
    script()
        .log_in()
        .submit("one", read_all)
        .submit("two", read_all)
        .expect(the_command(), "one")
        .expect(the_command(), "two")
        .give(data_in{}, part(0, 512), "two")
        .give(data_in{}, part(0, 1024), "one")
        .give(
            data_in{.final = true, .has_status = true, .data_sn = 1, .buffer_offset = 512},
            part(512, read_size - 512),
            "two"
        )
        .expect_done("two", check_data)
        .give(
            data_in{.final = true, .has_status = true, .data_sn = 1, .buffer_offset = 1024},
            part(1024, read_size - 1024),
            "one"
        )
        .expect_done("one", check_data)
        .recovering_against(same_content_on_disk)
        .split_input_everywhere()
        .lose_transport_at_each_step()
        .run(world_config());
}

TEST(read_scenario, with_both_digests) {
    auto config = world_config();
    config.offer.header_digest = config.offer.data_digest = {digest::crc32c};
    auto answers = script::usual_answers();
    for (auto& [key, value] : answers)
        if (key == "HeaderDigest" || key == "DataDigest")
            value = "CRC32C";
    script()
        .log_in(answers)
        .submit("read", read_all)
        .expect(the_command(), "read")
        .give(data_in{}, part(0, 333), "read") // padding counts in the digest
        .give(
            data_in{.final = true, .has_status = true, .data_sn = 1, .buffer_offset = 333},
            part(333, read_size - 333),
            "read"
        )
        .expect_done("read", check_data)
        .recovering_against(same_content_on_disk)
        .split_input_everywhere()
        .lose_transport_at_each_step()
        .run(config);
}

TEST(read_scenario, sense_data_arrive) {
    std::vector<std::byte> sense{
        std::byte{0}, std::byte{18}, std::byte{0x70}, std::byte{0}, std::byte{3}};
    sense.resize(20);
    script()
        .log_in()
        .submit("read", read_all)
        .expect(the_command(), "read")
        .give(
            scsi_response{.residual_underflow = true, .status = 2, .residual_count = read_size},
            sense,
            "read"
        )
        .expect_done(
            "read",
            [](const work& entry) {
                EXPECT_EQ(entry.end.outcome, task_result::answered);
                EXPECT_EQ(entry.end.status, 2);
                ASSERT_EQ(entry.sense.size(), 18U);
                EXPECT_EQ(entry.sense[2], std::byte{3});
            }
        )
        .split_input_everywhere()
        .run(world_config());
}

// GOOD is only good when the bytes add up.
TEST(read_scenario, good_with_missing_bytes_is_no_success) {
    script()
        .log_in()
        .submit("read", read_all)
        .expect(the_command(), "read")
        .give(
            data_in{
                .final = true,
                .residual_underflow = true,
                .has_status = true,
                .residual_count = read_size - 512},
            part(0, 512),
            "read"
        )
        .expect_done(
            "read",
            [](const work& entry) {
                EXPECT_FALSE(entry.good() && entry.end.transferred == read_size);
            }
        )
        .run(world_config());
}

} // namespace
} // namespace iscsi::test
