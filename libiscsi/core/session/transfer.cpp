#include "libiscsi/core/session/transfer.hpp"

#include "libiscsi/core/pdu/sense_segment.hpp"
#include "libiscsi/core/session/faults.hpp"

#include <algorithm>

namespace iscsi {
namespace {

constexpr std::uint8_t status_good = 0x00;
constexpr std::uint8_t completed_at_target = 0x00;

// Only when both are Yes is the next byte known before it comes (§13.18, §13.19).
bool in_order(const operational_parameters& parameters) {
    return parameters.data_pdu_in_order && parameters.data_sequence_in_order;
}

std::string range_text(std::uint32_t offset, std::uint32_t length) {
    return std::to_string(offset) + "+" + std::to_string(length);
}

fault range_fault(
    session_errc code,
    std::string_view field,
    std::string got,
    std::uint32_t size,
    std::string_view clause
) {
    return session_fault(
        code, field, std::move(got), "within " + std::to_string(size).append(" ").append(clause)
    );
}

} // namespace

// Immediate data ride in the command's own PDU, as much as one segment takes; what FirstBurstLength
// leaves goes as unsolicited Data-Out, unless the target wants to ask first (InitialR2T).
unasked_data unasked_data_of(const task& what, const operational_parameters& parameters) {
    if (!what.is_write())
        return {};
    const auto most = std::min(what.expected_length(), parameters.first_burst_length); // §13.14
    const auto immediate =
        parameters.immediate_data ? std::min(most, parameters.max_xmit_data_segment_length) : 0;
    return {immediate, parameters.initial_r2t ? 0 : most - immediate};
}

// ---- Data-In ----------------------------------------------------------------------------------

namespace {

// In this order: a PDU that does not belong to a read has no offset worth looking at. Nothing has
// been written to the buffer yet.
result<void> check_data_in(const task& what, const data_in& pdu, std::uint32_t length) {
    if (!what.is_read())
        return session_fault(session_errc::unexpected_pdu, "Data-In", "data", "none of a write");
    if (pdu.acknowledge)
        return session_fault(
            session_errc::not_negotiated, "Data-In A bit", "1", "0 at level 0 [RFC 7143 11.7.2]"
        );
    if (pdu.data_sn != what.next_data_sn)
        return number_fault(
            session_errc::data_sn_gap,
            "Data-In DataSN",
            pdu.data_sn,
            what.next_data_sn,
            "[RFC 7143 11.7.5]"
        );
    if (std::uint64_t{pdu.buffer_offset} + length > what.what.data_in.size())
        return range_fault(
            session_errc::data_out_of_range,
            "Data-In Buffer Offset",
            range_text(pdu.buffer_offset, length),
            what.expected_length(),
            "[RFC 7143 11.7.6]"
        );
    return {};
}

} // namespace

result<mutable_bytes> accept_data_in(
    task& what, const data_in& pdu, std::uint32_t length, const operational_parameters& parameters
) {
    if (auto checked = check_data_in(what, pdu, length); checked.has_error())
        return checked.error();
    const bool expected_place =
        length == 0 || !in_order(parameters) || pdu.buffer_offset == what.moved.contiguous();
    if (!expected_place)
        return number_fault(
            session_errc::data_out_of_order,
            "Data-In Buffer Offset",
            pdu.buffer_offset,
            what.moved.contiguous(),
            "[RFC 7143 13.18, 13.19]"
        );
    if (!what.moved.add(pdu.buffer_offset, length))
        return session_fault(
            session_errc::data_out_of_order,
            "Data-In Buffer Offset",
            range_text(pdu.buffer_offset, length),
            "each byte once [RFC 7143 11.7.6]"
        );
    ++what.next_data_sn;
    return what.what.data_in.subspan(pdu.buffer_offset, length);
}

// ---- R2T --------------------------------------------------------------------------------------

namespace {

// The unsolicited burst is in the same queue, and no R2T has asked for it.
std::size_t outstanding_r2ts(const task& what) {
    const bool first_is_unsolicited =
        !what.bursts.empty() && what.bursts.front().target_transfer_tag == reserved_tag;
    return what.bursts.size() - (first_is_unsolicited ? 1 : 0);
}

result<void>
// R2TSN counts up from 0 in each task (§11.8.2); a gap means that one was lost on the way.
check_r2t_number(const task& what, const r2t& pdu, const operational_parameters& parameters) {
    if (!what.is_write())
        return session_fault(session_errc::unexpected_pdu, "R2T", "R2T", "none of a read");
    if (pdu.r2t_sn != what.next_data_sn)
        return number_fault(
            session_errc::r2t_sn_gap,
            "R2T R2TSN",
            pdu.r2t_sn,
            what.next_data_sn,
            "[RFC 7143 11.8.3]"
        );
    if (outstanding_r2ts(what) >= parameters.max_outstanding_r2t)
        return session_fault(
            session_errc::too_many_r2ts,
            "R2T",
            std::to_string(outstanding_r2ts(what) + 1),
            "at most " + std::to_string(parameters.max_outstanding_r2t) + " [RFC 7143 13.17]"
        );
    return {};
}

result<void>
// 64 bits for the sum: offset and length are both the target's.
check_r2t_range(const task& what, const r2t& pdu, const operational_parameters& parameters) {
    const auto length = pdu.desired_data_transfer_length;
    if (length == 0 || length > parameters.max_burst_length)
        return session_fault(
            session_errc::r2t_out_of_range,
            "R2T Desired Data Transfer Length",
            std::to_string(length),
            "1 to " + std::to_string(parameters.max_burst_length) + " [RFC 7143 11.8.4]"
        );
    if (std::uint64_t{pdu.buffer_offset} + length > what.what.data_out.size())
        return range_fault(
            session_errc::r2t_out_of_range,
            "R2T Buffer Offset",
            range_text(pdu.buffer_offset, length),
            what.expected_length(),
            "[RFC 7143 11.8.4]"
        );
    return {};
}

} // namespace

// The burst waits in the task; the outbox sends of all open bursts in turn.
result<void> accept_r2t(task& what, const r2t& pdu, const operational_parameters& parameters) {
    if (auto checked = check_r2t_number(what, pdu, parameters); checked.has_error())
        return checked;
    if (auto checked = check_r2t_range(what, pdu, parameters); checked.has_error())
        return checked;
    const auto length = pdu.desired_data_transfer_length;
    const bool follows =
        !parameters.data_sequence_in_order || pdu.buffer_offset == what.moved.contiguous();
    if (!follows || !what.moved.add(pdu.buffer_offset, length))
        return number_fault(
            session_errc::data_out_of_order,
            "R2T Buffer Offset",
            pdu.buffer_offset,
            what.moved.contiguous(),
            "[RFC 7143 13.19]"
        );
    ++what.next_data_sn;
    what.bursts.push({pdu.target_transfer_tag, pdu.lun, pdu.buffer_offset, length, 0});
    return {};
}

// ---- the answer -------------------------------------------------------------------------------

namespace {

// How much less (underflow) or more (overflow) there was than expected_data_transfer_length, in
// bytes.
struct residual {
    bool overflow = false;
    bool underflow = false;
    std::uint32_t count = 0;
};

// An overflow may be any number: it says how much more room there should have been.
result<void> note_residual(task& what, const residual& said) {
    if (said.underflow && said.count > what.expected_length())
        return range_fault(
            session_errc::residual_mismatch,
            "Residual Count",
            std::to_string(said.count),
            what.expected_length(),
            "[RFC 7143 11.4.5]"
        );
    what.answer.residual_overflow = said.overflow;
    what.answer.residual_count = said.overflow || said.underflow ? said.count : 0;
    return {};
}

// ExpDataSN counts the Data-In and R2T PDUs (§11.4.8): the last one may have been lost. Targets
// that never fill the field in leave it 0, and then the bytes alone must tell.
result<void> check_data_count(const task& what, const scsi_response& pdu) {
    if (pdu.response != completed_at_target || pdu.expected_data_sn == 0)
        return {};
    if (pdu.expected_data_sn == what.next_data_sn)
        return {};
    return number_fault(
        session_errc::data_sn_gap,
        "SCSI Response ExpDataSN",
        pdu.expected_data_sn,
        what.next_data_sn,
        "[RFC 7143 11.4.8]"
    );
}

// Longer sense data are cut: key and codes stand within the first 18 bytes (SPC-4 §4.5).
void keep_sense(task& what, bytes_view sense) {
    const auto kept = std::min(sense.size(), what.sense_room.size());
    std::copy_n(sense.begin(), kept, what.sense_room.begin());
    what.answer.sense = std::span(what.sense_room).first(kept);
}

} // namespace

// A Data-In with status always says "completed at target" (§11.4.3 has no other place there).
result<void> accept_status(task& what, const data_in& pdu) {
    what.answer.response = completed_at_target;
    what.answer.status = pdu.status;
    return note_residual(what, {pdu.residual_overflow, pdu.residual_underflow, pdu.residual_count});
}

// The count of PDUs first: if some are missing, the status is of a transfer that we have not seen.
result<void> accept_response(task& what, const scsi_response& pdu, bytes_view data) {
    if (auto checked = check_data_count(what, pdu); checked.has_error())
        return checked;
    if (pdu.bidirectional_read_residual_overflow || pdu.bidirectional_read_residual_underflow)
        return session_fault(
            session_errc::residual_mismatch,
            "SCSI Response",
            "a bidirectional residual",
            "none of a command with one direction [RFC 7143 11.4.1]"
        );
    what.answer.response = pdu.response;
    what.answer.status = pdu.status;
    keep_sense(what, sense_in(data));
    return note_residual(what, {pdu.residual_overflow, pdu.residual_underflow, pdu.residual_count});
}

// The last check of every task: GOOD is believed only when the bytes agree with it.
void count_bytes(task& what) {
    auto& answer = what.answer;
    const auto expected = what.expected_length();
    const auto unused = answer.residual_overflow ? 0 : answer.residual_count;
    const auto moved =
        what.is_write() ? what.ledger.sent : static_cast<std::uint32_t>(what.moved.total());
    const auto used = expected - unused;
    answer.transferred = what.is_write() ? std::min(moved, used) : moved;
    const bool good = answer.outcome == task_result::answered &&
                      answer.response == completed_at_target && answer.status == status_good;
    // A target may use less than all that it was sent, but not more; what it says it gave, it gave.
    const bool adds_up = what.is_write() ? moved >= used : moved == used;
    if (good && !adds_up)
        answer.outcome = task_result::short_data;
}

} // namespace iscsi
