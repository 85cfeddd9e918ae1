#include "tests/support/fault_injector.hpp"

#include <gtest/gtest.h>

namespace iscsi::test {
namespace {

raw_pdu pdu_of(const target_pdu& pdu, std::vector<std::byte> data = {}) {
    raw_pdu raw;
    encode(pdu, static_cast<std::uint32_t>(data.size()), raw.header);
    raw.data = std::move(data);
    return raw;
}

std::vector<std::byte> said(const std::vector<raw_pdu>& pdus, digests which = {}) {
    std::vector<std::byte> bytes;
    for (const auto& each : pdus)
        append_pdu(bytes, each.header, each.data, which);
    return bytes;
}

fault_injector with(std::string_view script) {
    auto rules = parse_fault_script(script);
    EXPECT_TRUE(rules.has_value()) << rules.error().text();
    return fault_injector(*std::move(rules));
}

const auto response = pdu_of(scsi_response{.status_sn = 7});
const auto data = pdu_of(data_in{.data_sn = 3}, std::vector<std::byte>(8, std::byte{1}));

TEST(fault_script, says_what_it_does_not_understand) {
    const std::vector<std::pair<std::string, script_errc>> wrong{
        {"drop", script_errc::no_colon},
        {"scsi-question: drop", script_errc::unknown_pdu},
        {"every: drop", script_errc::unknown_pdu},
        {"every x r2t: drop", script_errc::not_a_number},
        {"r2t 0: drop", script_errc::not_a_number},
        {"r2t: explode", script_errc::unknown_action},
        {"r2t: cut", script_errc::not_a_number},
        {"r2t: set colour 1", script_errc::unknown_field},
        {"r2t: set itt many", script_errc::not_a_number},
        {"scsi-command/0x100: hold", script_errc::not_a_number},
        {"data-out/0x28: drop", script_errc::not_a_number},
        {"r2t: hold", script_errc::not_here},
        {"r2t: delay 3", script_errc::not_here},
        {"nop-out: sense 3", script_errc::not_here},
        {"scsi-command lun x: hold", script_errc::not_a_number},
        {"scsi-command lba 9-8: hold", script_errc::not_a_number},
        {"r2t lun 0: drop", script_errc::unknown_pdu},
        {"data-out: hold", script_errc::not_here},
        {"data-out: corrupt 3", script_errc::not_here},
        {"nop-out: stall 3", script_errc::not_here},
    };
    for (const auto& [line, code] : wrong) {
        const auto refused = parse_fault_script("# fine\n\n" + line + "\n");
        ASSERT_TRUE(refused.has_error()) << line;
        EXPECT_EQ(refused.error().code, to_error_code(code)) << refused.error().text();
        EXPECT_EQ(refused.error().field, line);
        EXPECT_FALSE(refused.error().expected.empty());
    }
}

TEST(fault_injector, leaves_alone_what_is_not_meant) {
    auto faults = with("r2t: drop\nscsi-response 2: drop\n");
    const auto bytes = said({response, data});
    const auto out = faults.apply(bytes, {});
    EXPECT_EQ(out.bytes, bytes);
    EXPECT_FALSE(out.close);
    EXPECT_EQ(faults.faults(), 0U);
}

TEST(fault_injector, counts_one_each_and_every) {
    auto one = with("scsi-response 2: swallow");
    EXPECT_EQ(one.apply(said({response, response, response}), {}).bytes.size(), 96U);
    auto each = with("any: swallow");
    EXPECT_TRUE(each.apply(said({response, data}), {}).bytes.empty());
    auto every = with("every 2 any: swallow");
    EXPECT_EQ(every.apply(said({response, response, response, response}), {}).bytes.size(), 96U);
}

TEST(fault_injector, changes_fields_and_keeps_digests_right) {
    auto faults = with("scsi-response: add statsn 5\nscsi-response: set itt 0x1234");
    const digests both{digest::crc32c, digest::crc32c};
    const auto out = faults.apply(said({response}, both), both);
    pdu_cutter cutter;
    cutter.use(both);
    cutter.feed(out.bytes);
    const auto next = cutter.next();
    ASSERT_TRUE(next.has_value() && *next);
    EXPECT_EQ(load_be32((*next)->header.data() + 24), 12U);
    EXPECT_EQ(load_be32((*next)->header.data() + 16), 0x1234U);
}

TEST(fault_injector, damages_bytes_behind_the_digests) {
    auto faults = with("data-in: corrupt 49");
    const auto bytes = said({data});
    const auto out = faults.apply(bytes, {});
    ASSERT_EQ(out.bytes.size(), bytes.size());
    EXPECT_EQ(out.bytes.at(48), bytes.at(48));
    EXPECT_NE(out.bytes.at(49), bytes.at(49));
}

TEST(fault_injector, closes_stalls_and_falls_silent) {
    auto drop = with("scsi-response: drop");
    EXPECT_TRUE(drop.apply(said({response}), {}).close);
    auto cut = with("scsi-response: cut 20");
    const auto half = cut.apply(said({data, response, data}), {});
    EXPECT_TRUE(half.close);
    EXPECT_EQ(half.bytes.size(), 56U + 20U);
    auto stall = with("scsi-response: stall 30");
    EXPECT_EQ(stall.apply(said({response}), {}).stall, std::chrono::milliseconds(30));
    auto silence = with("scsi-response: silence");
    const auto nothing = silence.apply(said({response, data}), {});
    EXPECT_TRUE(nothing.silence);
    EXPECT_TRUE(nothing.bytes.empty());
}

TEST(fault_injector, doubles_and_swaps) {
    auto twice = with("scsi-response: twice");
    EXPECT_EQ(twice.apply(said({response}), {}).bytes, said({response, response}));
    auto swap = with("scsi-response 1: swap");
    EXPECT_EQ(swap.apply(said({response, data}), {}).bytes, said({data, response}));
}

TEST(fault_injector, says_other_text_and_messages) {
    auto text = with("text-response: text TargetName=x");
    const auto out = text.apply(said({pdu_of(text_response{})}), {});
    ASSERT_EQ(out.bytes.size(), 48U + 16U);
    EXPECT_EQ(std::to_integer<unsigned>(out.bytes.at(7)), 13U);
    auto message = with("scsi-response: async 2");
    EXPECT_EQ(
        message.apply(said({response}), {}).messages, (std::vector<std::uint8_t>{std::uint8_t{2}})
    );
}

raw_pdu heard(const initiator_pdu& pdu) {
    raw_pdu raw;
    encode(pdu, 0, raw.header);
    return raw;
}

TEST(fault_injector, replaces_a_text_by_bytes) {
    auto faults = with(R"(scsi-response: raw A=1\0B\xff)");
    const auto changed = faults.apply(said({response}), {}).bytes;
    ASSERT_EQ(changed.size(), 56U);
    EXPECT_EQ(changed[7], std::byte{6});
    EXPECT_EQ(changed[51], std::byte{0});
    EXPECT_EQ(changed[52], std::byte{'B'});
    EXPECT_EQ(changed[53], std::byte{0xff});
}

TEST(fault_injector, rejects_text_requests_only) {
    EXPECT_EQ(with("text-request: reject 0x0a").judge(heard(text_request{})).reject, 10);
    EXPECT_TRUE(parse_fault_script("nop-out: reject 4").has_error());
}

TEST(fault_injector, judges_what_it_hears) {
    auto faults = with("data-out 2: drop\nnop-out: silence\ntext-request: swallow\n"
                       "scsi-command/0x28 2: hold\nscsi-command/0x2a: async 1");
    scsi_command read;
    read.cdb[0] = std::byte{0x28};
    scsi_command write;
    write.cdb[0] = std::byte{0x2a};
    EXPECT_FALSE(faults.judge(heard(data_out{})).close);
    EXPECT_TRUE(faults.judge(heard(data_out{})).close);
    EXPECT_TRUE(faults.judge(heard(nop_out{})).silence);
    EXPECT_TRUE(faults.judge(heard(text_request{})).ignore);
    EXPECT_FALSE(faults.judge(heard(read)).hold);
    EXPECT_EQ(faults.judge(heard(write)).messages, std::vector<std::uint8_t>{1});
    EXPECT_TRUE(faults.judge(heard(read)).hold);
    EXPECT_FALSE(faults.judge(heard(read)).hold);
    EXPECT_EQ(faults.faults(), 5U);
    EXPECT_FALSE(faults.apply(said({response, data}), {}).close) << "and not what it says";
}

TEST(fault_injector, knows_that_login_responses_have_no_digests) {
    auto faults = with("login-response: add statsn 1");
    const auto out = faults.apply(
        said({pdu_of(login_response{.status_sn = 1})}), {digest::crc32c, digest::crc32c}
    );
    ASSERT_EQ(out.bytes.size(), 48U);
    EXPECT_EQ(load_be32(out.bytes.data() + 24), 2U);
}

raw_pdu
command_pdu(std::uint16_t lun, std::uint8_t code, std::uint32_t block, std::uint16_t count) {
    scsi_command pdu;
    store_be16(pdu.lun.data(), lun);
    pdu.cdb[0] = std::byte{code};
    store_be32(pdu.cdb.data() + 2, block);
    store_be16(pdu.cdb.data() + 7, count);
    raw_pdu raw;
    encode(initiator_pdu(pdu), 0, raw.header);
    return raw;
}

TEST(fault_injector, holds_the_commands_of_a_unit_and_a_range_of_blocks) {
    auto faults = with("scsi-command/0x2a lun 3 lba 0x10-0x1f 2: hold");
    EXPECT_FALSE(faults.judge(command_pdu(3, 0x2a, 0x10, 1)).hold) << "only the second";
    EXPECT_FALSE(faults.judge(command_pdu(2, 0x2a, 0x10, 1)).hold) << "another unit";
    EXPECT_FALSE(faults.judge(command_pdu(3, 0x28, 0x10, 1)).hold) << "another operation";
    EXPECT_FALSE(faults.judge(command_pdu(3, 0x2a, 0x20, 8)).hold) << "behind the blocks";
    EXPECT_FALSE(faults.judge(command_pdu(3, 0x2a, 0x08, 8)).hold) << "before them";
    EXPECT_TRUE(faults.judge(command_pdu(3, 0x2a, 0x08, 9)).hold);
    EXPECT_FALSE(faults.judge(command_pdu(3, 0x2a, 0x1f, 1)).hold) << "the third";
}

TEST(fault_injector, answers_in_place_of_the_unit) {
    auto faults = with("scsi-command/0x28: status 8\nscsi-command/0x2a: sense 0x030c02\n"
                       "every 2 scsi-command/0x35: delay 70\n");
    EXPECT_EQ(faults.judge(command_pdu(0, 0x28, 0, 1)).answer->status, 8);
    const auto sense = faults.judge(command_pdu(0, 0x2a, 0, 1)).answer->sense;
    EXPECT_EQ(sense[2], std::byte{3});
    EXPECT_EQ(sense[12], std::byte{0x0c});
    EXPECT_EQ(sense[13], std::byte{0x02});
    EXPECT_EQ(faults.judge(command_pdu(0, 0x35, 0, 1)).delay.count(), 0);
    EXPECT_EQ(faults.judge(command_pdu(0, 0x35, 0, 1)).delay.count(), 70);
}

TEST(fault_injector, forgets_what_holds) {
    auto faults = with("scsi-command: hold\nscsi-command: delay 5\n");
    faults.clear(fault_action::hold);
    const auto verdict = faults.judge(command_pdu(0, 0x28, 0, 1));
    EXPECT_FALSE(verdict.hold);
    EXPECT_EQ(verdict.delay.count(), 5);
}

} // namespace
} // namespace iscsi::test
