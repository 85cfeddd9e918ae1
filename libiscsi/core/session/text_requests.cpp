#include "libiscsi/core/session/text_requests.hpp"

#include "libiscsi/core/session/faults.hpp"

#include <algorithm>
#include <utility>

namespace iscsi {
namespace {

constexpr auto pause_between_negotiations = std::chrono::seconds(1);

// The last response has no tag to answer with, so it must not call for an answer (§11.11.1).
result<void> check_last(const text_response& pdu, const renegotiation_answer& answer) {
    if (pdu.target_transfer_tag != reserved_tag)
        return number_fault(
            session_errc::unexpected_pdu,
            "Text Response Target Transfer Tag",
            pdu.target_transfer_tag,
            reserved_tag,
            "with F=1 [RFC 7143 11.11.1]"
        );
    if (!answer.needs_reply.empty())
        return session_fault(
            session_errc::unexpected_pdu,
            "Text Response F bit",
            "1 with " + answer.needs_reply,
            "0: the key needs an answer [RFC 7143 11.11.1]"
        );
    return {};
}

} // namespace

bool text_requests::send_targets(connection& over, std::string_view value) {
    if (under_way())
        return false;
    begin(over, text_purpose::send_targets, format_text({{"SendTargets", std::string(value)}}));
    return true;
}

void text_requests::renegotiate(connection& over, instant now) {
    if (under_way())
        return;
    if (renegotiated_at_ && now < *renegotiated_at_ + pause_between_negotiations) {
        wanted_at_ = *renegotiated_at_ + pause_between_negotiations;
        return;
    }
    wanted_at_.reset();
    renegotiated_at_ = now;
    begin(over, text_purpose::renegotiation, format_text(renegotiation_offer(context_.parameters)));
}

void text_requests::on_deadline(connection& over, instant now) {
    if (!wanted_at_ || now < *wanted_at_)
        return;
    wanted_at_.reset();
    renegotiate(over, now);
}

// Only then are answers read as keys of a negotiation.
bool text_requests::renegotiates() const {
    return under_way() && exchange_.purpose() == text_purpose::renegotiation;
}

bool text_requests::on_reject() {
    if (!renegotiates())
        return false;
    exchange_.forget(); // what the login has agreed still holds (§6.2)
    return true;
}

void text_requests::begin(connection& over, text_purpose purpose, std::string text) {
    const auto first = exchange_.begin(context_.tags.next(control_purpose::text), purpose);
    send(over, first, std::move(text));
}

// Immediate, so it carries the next CmdSN and does not use it up (§4.2.2.1).
void text_requests::send(connection& over, text_request pdu, std::string text) {
    pdu.command_sn = context_.window.next();
    over.send_text(pdu, std::move(text));
    ++context_.statistics.text_pdus;
}

// An answer that goes on is asked for again and again with an empty request, until F=1 (§11.10.4).
result<void>
text_requests::on_response(const text_response& pdu, bytes_view data, connection& from) {
    ++context_.statistics.textrsp_pdus;
    const auto turn = exchange_.on_response(pdu, data);
    if (turn.has_error())
        return turn.error();
    if (renegotiates() && *turn != text_turn::go_on)
        return take_renegotiation(pdu, from);
    if (*turn != text_turn::over) {
        send(from, exchange_.next(pdu), {});
        return {};
    }
    tell_targets();
    return {};
}

// What the target declares counts at once, also when the exchange goes on.
result<void> text_requests::take_renegotiation(const text_response& pdu, connection& from) {
    const auto text = exchange_.take_text();
    const auto pairs = parse_text(std::as_bytes(std::span(text)));
    if (pairs.has_error())
        return pairs.error();
    const auto answer = judge_renegotiation(*pairs);
    if (answer.has_error())
        return answer.error();
    if (answer->longest_segment)
        limit_segments(from, *answer->longest_segment);
    return pdu.final ? end_renegotiation(pdu, *answer) : reply(pdu, *answer, from);
}

result<void>
text_requests::end_renegotiation(const text_response& pdu, const renegotiation_answer& answer) {
    exchange_.forget();
    return check_last(pdu, answer);
}

// One PDU has to do (§6.2): who makes us say more wants something else than to negotiate.
result<void> text_requests::reply(
    const text_response& pdu, const renegotiation_answer& answer, connection& over
) {
    auto words = format_text(answer.replies);
    const auto most = context_.parameters.max_xmit_data_segment_length;
    if (words.size() > most)
        return session_fault(
            session_errc::text_too_long,
            "answers to a Text Response",
            std::to_string(words.size()),
            "at most " + std::to_string(most) + " bytes"
        );
    send(over, exchange_.next(pdu), std::move(words));
    return {};
}

// Down or up: the target says how much it takes, the record how much we send.
void text_requests::limit_segments(connection& over, std::uint32_t theirs) {
    const auto ours = context_.config.offer.max_xmit_data_segment_length;
    auto& limit = context_.parameters.max_xmit_data_segment_length;
    limit = ours == 0 ? theirs : std::min(ours, theirs);
    over.limit_segments(limit);
}

// Bad entries are events too, so that the user hears of each one that was left out.
void text_requests::tell_targets() {
    const auto text = exchange_.take_text();
    exchange_.forget();
    context_.events.push(read_send_targets(std::as_bytes(std::span(text))));
}

} // namespace iscsi
