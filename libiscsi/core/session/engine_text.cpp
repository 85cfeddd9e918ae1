#include "libiscsi/core/session/engine.hpp"
#include "libiscsi/core/session/faults.hpp"
#include "libiscsi/core/session/renegotiation.hpp"

#include <algorithm>

// Text Requests: SendTargets, and negotiation in full feature phase (RFC 7143 §11.10).
namespace iscsi {

result<void> session_engine::send_targets(std::string_view value) {
    if (life_ != life::logged_in || text_.under_way())
        return session_fault(session_errc::not_usable, "SendTargets");
    const auto first =
        text_.begin(context_.tags.next(control_purpose::text), text_purpose::send_targets);
    send_text(leading(), first, format_text({{"SendTargets", std::string(value)}}));
    return {};
}

// An exchange that is under way answers the target's wish too (§11.9.1, event 4).
void session_engine::renegotiate(connection& over) {
    if (life_ != life::logged_in || text_.under_way())
        return;
    const auto first =
        text_.begin(context_.tags.next(control_purpose::text), text_purpose::renegotiation);
    send_text(over, first, format_text(renegotiation_offer(context_.parameters)));
}

bool session_engine::renegotiates() const {
    return text_.under_way() && text_.purpose() == text_purpose::renegotiation;
}

void session_engine::send_text(connection& over, text_request pdu, std::string text) {
    pdu.command_sn = context_.window.next();
    over.send_text(pdu, std::move(text));
    ++context_.statistics.text_pdus;
}

result<void>
session_engine::on(const text_response& pdu, connection& from, bytes_view data, instant /*now*/) {
    ++context_.statistics.textrsp_pdus;
    const auto turn = text_.on_response(pdu, data);
    if (turn.has_error())
        return turn.error();
    if (renegotiates() && *turn != text_turn::go_on)
        return take_renegotiation(pdu, from);
    if (*turn != text_turn::over) { // empty: "go on" (§11.10.4)
        send_text(from, text_.next(pdu), {});
        return {};
    }
    return tell_targets();
}

// F=1 of the target ends it: there is no place for replies then.
result<void> session_engine::take_renegotiation(const text_response& pdu, connection& from) {
    const auto text = text_.take_text();
    const auto pairs = parse_text(std::as_bytes(std::span(text)));
    if (pairs.has_error())
        return pairs.error();
    const auto answer = judge_renegotiation(*pairs);
    if (answer.has_error())
        return answer.error();
    if (answer->longest_segment)
        limit_segments(from, *answer->longest_segment);
    if (pdu.final)
        text_.forget();
    else
        send_text(from, text_.next(pdu), format_text(answer->replies));
    return {};
}

void session_engine::limit_segments(connection& over, std::uint32_t theirs) {
    const auto ours = context_.config.offer.max_xmit_data_segment_length;
    auto& limit = context_.parameters.max_xmit_data_segment_length;
    limit = ours == 0 ? theirs : std::min(ours, theirs);
    over.limit_segments(limit);
}

result<void> session_engine::tell_targets() {
    const auto text = text_.take_text();
    text_.forget();
    const auto pairs = parse_text(std::as_bytes(std::span(text)));
    if (pairs.has_error())
        return pairs.error();
    auto answer = read_send_targets(*pairs);
    context_.events.push(targets_found{std::move(answer.targets), std::move(answer.refused)});
    return {};
}

} // namespace iscsi
