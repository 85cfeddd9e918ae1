#include "tests/support/pair.hpp"
#include "tests/support/script.hpp"

#include <gtest/gtest.h>

// A discovery session and SendTargets (RFC 7143 §4.3, Appendix C).
namespace iscsi::test {
namespace {

session_config discovery_config() {
    auto config = world_config();
    config.type = session_type::discovery;
    config.target_name.clear();
    config.offer.max_recv_data_segment_length = 32768;
    return config;
}

text_pairs discovery_answers() {
    return {{"ErrorRecoveryLevel", "0"}, {"MaxRecvDataSegmentLength", "8192"}};
}

void ask(session_world& world) {
    EXPECT_TRUE(world.engine().send_targets("All", world.now()).has_value());
}

text_response more_to_come() {
    text_response response;
    response.final = false;
    response.continues = true;
    response.target_transfer_tag = 0x4711;
    return response;
}

TEST(discovery_scenario, one_answer) {
    script()
        .log_in(discovery_answers())
        .act(ask)
        .expect(a<text_request>()
                    .with("F", &text_request::final, true)
                    .with("TTT", &text_request::target_transfer_tag, reserved_tag)
                    .key("SendTargets", "All"))
        .give(
            text_response{},
            text_pairs{
                {"TargetName", "iqn.2026-01.org.example:one"},
                {"TargetAddress", "10.0.0.1:3260,1"},
                {"TargetAddress", "[2001:db8::1]:3260,1"},
                {"TargetName", "iqn.2026-01.org.example:two"}}
        )
        .expect_event<targets_found>([](const targets_found& found) {
            ASSERT_EQ(found.targets.size(), 2U);
            EXPECT_EQ(found.targets[0].portals.size(), 2U);
            EXPECT_EQ(found.targets[1].name, "iqn.2026-01.org.example:two");
            EXPECT_TRUE(found.refused.empty());
        })
        .split_input_everywhere()
        .lose_transport_at_each_step()
        .run(discovery_config());
}

TEST(discovery_scenario, an_answer_over_many_pdus) {
    text_pairs targets;
    for (int i = 0; i < 40; ++i) {
        targets.push_back({"TargetName", "iqn.2026-01.org.example:" + std::to_string(i)});
        targets.push_back({"TargetAddress", "10.0.0.1:3260,1"});
    }
    const auto text = format_text(targets);
    const auto bytes = bytes_of(text);
    constexpr std::size_t piece = 700; // cuts keys and values
    script dialogue;
    dialogue.log_in(discovery_answers()).act(ask).expect(a<text_request>());
    std::size_t at = 0;
    for (; at + piece < bytes.size(); at += piece) {
        const auto part = bytes.subspan(at, piece);
        dialogue.give(more_to_come(), std::vector<std::byte>(part.begin(), part.end()))
            .expect(a<text_request>()
                        .with("TTT", &text_request::target_transfer_tag, 0x4711U)
                        .with("C", &text_request::continues, false)
                        .data_size(0));
    }
    const auto rest = bytes.subspan(at);
    dialogue.give(text_response{}, std::vector<std::byte>(rest.begin(), rest.end()))
        .expect_event<targets_found>([](const targets_found& found) {
            ASSERT_EQ(found.targets.size(), 40U);
            EXPECT_EQ(found.targets[39].name, "iqn.2026-01.org.example:39");
        })
        .split_input_everywhere()
        .lose_transport_at_each_step()
        .run(discovery_config());
}

TEST(discovery_scenario, bad_entries_are_named_and_spoil_nothing) {
    script()
        .log_in(discovery_answers())
        .act(ask)
        .expect(a<text_request>())
        .give(
            text_response{},
            text_pairs{
                {"TargetName", "iqn.2026-01.org.example:../../../etc/passwd"},
                {"TargetAddress", "10.0.0.66"},
                {"TargetName", "iqn.2026-01.org.example:good"},
                {"TargetAddress", "fe80::1%enp0s9"}, // without brackets, but clear
                {"TargetAddress", "[fe80::2"},
                {"TargetAddress", "10.0.0.1"}}
        )
        .expect_event<targets_found>([](const targets_found& found) {
            ASSERT_EQ(found.targets.size(), 1U);
            EXPECT_EQ(found.targets[0].portals.size(), 2U);
            EXPECT_EQ(found.refused.size(), 2U);
        })
        .run(discovery_config());
}

TEST(discovery_scenario, endless_text_is_cut_off) {
    const std::vector<std::byte> part(32768, std::byte{'a'});
    script dialogue;
    dialogue.log_in(discovery_answers()).act(ask).expect(a<text_request>());
    constexpr int rounds_of_16_mib = 512;
    for (int round = 0; round < rounds_of_16_mib; ++round)
        dialogue.give(more_to_come(), part).expect(a<text_request>().data_size(0));
    dialogue.give(more_to_come(), part)
        .act([](session_world& after) {
            EXPECT_NE(after.engine().connection(), connection_state::logged_in);
        })
        .run(discovery_config());
}

TEST(discovery_scenario, a_target_in_memory_is_found) {
    session_world world(discovery_config());
    memory_target target;
    pair wire(world, target);
    ASSERT_TRUE(wire.log_in());
    ask(world);
    std::optional<targets_found> found;
    ASSERT_TRUE(wire.run_until([&] {
        found = world.take_event<targets_found>();
        return found.has_value();
    }));
    ASSERT_EQ(found->targets.size(), 1U);
    EXPECT_EQ(found->targets[0].name, target.options().name);
    EXPECT_EQ(found->targets[0].portals[0].group_tag, 1);
    EXPECT_TRUE(target.complaints().empty());
}

} // namespace
} // namespace iscsi::test
