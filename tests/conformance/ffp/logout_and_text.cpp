#include "tests/conformance/words.hpp"

// Logout (RFC 7143 §11.14) and Text Requests (§11.10).
namespace iscsi::test {
namespace {

CONFORMANCE(FFP, "17.1", "Logout Request") {
    script()
        .log_in()
        .act([](session_world& world) { world.engine().logout(world.now()); })
        .expect(a<logout_request>()
                    .with("I", &logout_request::immediate, true)
                    .with("reason", &logout_request::reason, logout_reason::close_session)
                    .check([](const logout_request& pdu, bytes_view) {
                        EXPECT_NE(pdu.initiator_task_tag, reserved_tag);
                    })
                    .data_size(0))
        .submit(
            "refused",
            [](session_world& world) {
                EXPECT_TRUE(world.engine().submit({}, world.now()).has_error());
                return std::uint64_t{0};
            }
        )
        .expect_silence() // nothing follows a Logout
        .give(logout_response{})
        .expect_event<logged_out>([](const logged_out& how) { EXPECT_TRUE(how.clean); })
        .run(quiet_config());
}

void ask_for_targets(session_world& world) {
    const auto asked = world.engine().send_targets("", world.now());
    ASSERT_TRUE(asked.has_value());
}

a<text_request> first_request() {
    return a<text_request>()
        .with("F", &text_request::final, true)
        .with("C", &text_request::continues, false)
        .with("LUN", &text_request::lun, lun_field{})
        .with("TTT", &text_request::target_transfer_tag, reserved_tag)
        .key("SendTargets", "");
}

const text_pairs target_list{
    {"TargetName", "iqn.2026-01.org.example:one"}, {"TargetAddress", "10.0.0.1:3260,1"}};

CONFORMANCE(FFP, "18.1", "Text Request fields") {
    script()
        .log_in()
        .act(ask_for_targets)
        .expect(first_request())
        .give(text_response{}, target_list)
        .expect_event<targets_found>([](const targets_found& found) {
            EXPECT_EQ(found.targets.size(), 1U);
        })
        .run(quiet_config());
}

CONFORMANCE(FFP, "18.2", "Text Request Initiator Task Tag") {
    std::vector<std::uint32_t> tags;
    const auto note = [&tags](const auto& pdu, bytes_view) {
        tags.push_back(pdu.initiator_task_tag);
    };
    script()
        .log_in()
        .submit("read", reads(1))
        .expect(a<scsi_command>().check(note), "read")
        .act(ask_for_targets)
        .expect(first_request().check(note), "text")
        .give(text_response{}, target_list)
        .act(ask_for_targets)
        .expect(first_request().check(note), "text")
        .run(quiet_config());
    ASSERT_EQ(tags.size(), 3U);
    EXPECT_NE(tags.at(0), tags.at(1)); // unique among what is out
    EXPECT_NE(tags.at(1), reserved_tag);
    EXPECT_NE(tags.at(1), tags.at(2));
}

CONFORMANCE(FFP, "18.2", "Text Request Initiator Task Tag") {
    script() // an answer to something that nobody has asked
        .log_in()
        .act(ask_for_targets)
        .expect(first_request())
        .give_spoilt<text_response>({}, [](text_response& pdu) { ++pdu.initiator_task_tag; })
        .expect_fault(session_errc::unknown_task)
        .run(quiet_config());
}

CONFORMANCE(FFP, "18.3.1", "Text Request Target Transfer Tag, first") {
    script()
        .log_in()
        .act(ask_for_targets)
        .expect(a<text_request>().with("TTT", &text_request::target_transfer_tag, reserved_tag))
        .run(quiet_config());
}

CONFORMANCE(FFP, "18.3.2", "Text Request Target Transfer Tag, continuation") {
    const auto text = format_text(target_list);
    const auto bytes = std::as_bytes(std::span(text));
    const std::vector<std::byte> all(bytes.begin(), bytes.end());
    std::uint32_t tag = 0;
    text_response first;
    first.final = false;
    first.continues = true;
    first.lun = {std::byte{0}, std::byte{2}};
    first.target_transfer_tag = 0x5151;
    script()
        .log_in()
        .act(ask_for_targets)
        .expect(first_request().check([&tag](const text_request& pdu, bytes_view) {
            tag = pdu.initiator_task_tag;
        }))
        .give(first, slice(all, 0, 20)) // in the middle of a value
        .expect(a<text_request>()
                    .with("TTT", &text_request::target_transfer_tag, 0x5151U)
                    .with("LUN", &text_request::lun, first.lun)
                    .check([&tag](const text_request& pdu, bytes_view) {
                        EXPECT_EQ(pdu.initiator_task_tag, tag);
                    })
                    .data_size(0)) // §6.2: a C bit is answered with an empty segment
        .give(text_response{}, slice(all, 20, all.size() - 20))
        .expect_event<targets_found>([](const targets_found& found) {
            EXPECT_EQ(found.targets.size(), 1U);
        })
        .run(quiet_config());
}

const auto please_negotiate = async_message{.async_event = 4, .parameter3 = 10};

a<text_request> the_declaration() {
    return a<text_request>()
        .with("TTT", &text_request::target_transfer_tag, reserved_tag)
        .key("MaxRecvDataSegmentLength", "262144");
}

CONFORMANCE(FFP, "18.4", "Other parameters in Text negotiation") {
    text_response more;
    more.final = false;
    more.target_transfer_tag = 0x61;
    script()
        .log_in()
        .give(please_negotiate)
        .expect(the_declaration())
        .give(more, {{"InitialR2T", "Yes"}, {"X-org.example.wish", "1"}, {"TargetAlias", "d"}})
        .expect(a<text_request>()
                    .with("TTT", &text_request::target_transfer_tag, 0x61U)
                    .key("InitialR2T", "Reject") // it may be used in a login only (§13.10)
                    .key("X-org.example.wish", "NotUnderstood"))
        .give(text_response{}, text_pairs{})
        .expect_silence()
        .act([](session_world& world) {
            EXPECT_FALSE(world.engine().parameters().initial_r2t); // as the login left it
        })
        .run(quiet_config());
}

CONFORMANCE(FFP, "18.5", "Text negotiation reset") {
    basic_header rejected{};
    reject refusal;
    refusal.reason = 0x0b; // §11.17.1: negotiation reset
    script()
        .log_in()
        .give(please_negotiate)
        .expect(the_declaration().check([&rejected](const text_request& pdu, bytes_view data) {
            encode(initiator_pdu(pdu), static_cast<std::uint32_t>(data.size()), rejected);
        }))
        .act([&](session_world& world) {
            basic_header header;
            refusal.status_sn = 79; // 77 was the login's, 78 the message's
            refusal.max_command_sn = 32;
            encode(target_pdu(refusal), rejected.size(), header);
            ASSERT_TRUE(world.deliver(header));
            ASSERT_TRUE(world.deliver(rejected));
        })
        .expect_silence()
        .act([](session_world& world) {
            EXPECT_EQ(world.engine().connection(), connection_state::logged_in);
            EXPECT_EQ(world.engine().parameters().max_xmit_data_segment_length, 8192U);
        })
        .run(quiet_config());
}

} // namespace
} // namespace iscsi::test
