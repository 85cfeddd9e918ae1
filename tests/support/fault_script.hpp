#pragma once

#include "libiscsi/core/pdu/pdu.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// clang-format off
// What a target shall do wrong, and when, in words. One fault a line, "WHEN: WHAT".
// At a PDU that it says:
//
//   WHEN   r2t 3            the third R2T of this target (all connections count)
//          every 100 data-in
//          scsi-response    each of them
//          any 5            the fifth PDU of any kind
//
//   WHAT   drop             closes the connection instead
//          cut 20           closes it after 20 bytes of the PDU
//          stall 300        says it 300 ms later
//          silence          says nothing more on this connection
//          corrupt 8        changes byte 8 of what is sent, behind the digests
//          set itt 0xffff   a field of the header: opcode flags response status ahs length itt ttt
//          add statsn 1     statsn expcmdsn maxcmdsn datasn offset residual; digests are right again
//          twice            says it two times
//          swallow          does not say it
//          swap             says it behind the next one
//          text KEY=VALUE   with this data segment
//          raw A=1\0B\xff   with these bytes, and no NUL behind them; no blanks
//          async 2          and an Asynchronous Message with this event behind it
//
// At a PDU that it hears:
//
//   WHEN   data-out 3       scsi-command nop-out task-management login-request text-request logout-request
//          scsi-command/0x28 2   the second SCSI Command with this operation code
//          scsi-command lun 3    of this logical unit; behind it or alone:
//          scsi-command/0x2a lun 0 lba 0x800-0x8ff 2   the second that touches these blocks
//
//   WHAT   drop             closes the connection instead
//          silence          says nothing more on this connection
//          swallow          is as if it had not come
//          hold             takes a SCSI Command and its data, and answers it when released
//          delay 500        answers a SCSI Command that many ms later
//          status 0x08      answers a SCSI Command with this status and does not execute it
//          sense 0x030c00   the same with CHECK CONDITION: key, additional code and qualifier
//          async 2          and an Asynchronous Message with this event
//          reject 4         answers a Text Request with Reject, for this reason
//
// Empty lines and lines that begin with # mean nothing.
// clang-format on
namespace iscsi::test {

enum class fault_action : std::uint8_t {
    drop,
    cut,
    stall,
    silence,
    corrupt,
    set,
    add,
    twice,
    swallow,
    swap,
    text,
    raw,
    async,
    hold,
    delay,
    status,
    sense,
    reject,
};

struct header_field {
    std::string_view name;
    std::size_t at = 0;
    std::size_t size = 0; // bytes
};

struct fault_rule {
    std::optional<opcode> pdu;             // none: any that the target says
    std::optional<std::uint8_t> operation; // of a SCSI Command
    std::optional<std::uint16_t> lun;
    std::optional<std::pair<std::uint64_t, std::uint64_t>> blocks; // first and last
    std::uint32_t number = 0;                                      // 0: each
    bool repeats = false;                                          // each `number`th
    fault_action what = fault_action::drop;
    std::uint32_t value = 0;
    header_field field;
    std::string text;
    std::uint32_t seen = 0; // PDUs of this kind so far

    // Of the rule's operation code, logical unit and blocks, as far as it names them.
    bool is_about(const basic_header& heard) const;

    // One more PDU of that kind; true: do it to this one.
    bool applies_to_next();
};

enum class script_errc {
    no_colon = 1,
    unknown_pdu,
    unknown_action,
    unknown_field,
    not_a_number,
    not_here
};

const char* category_name(script_errc);
std::string_view message_of(script_errc);

// Faults: script_errc, with the line and what was expected.
result<std::vector<fault_rule>> parse_fault_script(std::string_view text);

} // namespace iscsi::test
