#include "libiscsi/core/login/negotiation.hpp"

#include "libiscsi/core/login/key_value.hpp"
#include "libiscsi/core/login/leniency.hpp"

#include <algorithm>
#include <utility>

namespace iscsi {
namespace {

constexpr std::optional<std::string> no_answer = std::nullopt;

std::string_view digest_word(digest value) {
    return value == digest::crc32c ? "CRC32C" : "None";
}

// What we can accept of a list key, best first.
std::vector<std::string_view> acceptable(login_key key, const operational_offer& offer) {
    if (key == login_key::task_reporting)
        return {"RFC3720"};
    const auto& digests = key == login_key::header_digest ? offer.header_digest : offer.data_digest;
    std::vector<std::string_view> words;
    std::transform(digests.begin(), digests.end(), std::back_inserter(words), digest_word);
    return words;
}

bool is_marker(const key_row& row) {
    return row.key == login_key::if_marker || row.key == login_key::of_marker;
}

// An alias is shown to people: control characters could forge a line of output.
std::string printable(std::string text) {
    constexpr char highest_control = 0x1f;
    constexpr char deletion = 0x7f;
    std::replace_if(
        text.begin(),
        text.end(),
        [](char c) { return (c >= 0 && c <= highest_control) || c == deletion; },
        '?'
    );
    return text;
}

fault not_offered(const key_row& row, std::string_view got, const std::string& offered) {
    return key_fault(login_errc::value_not_offered, row.name, got, "a value that suits " + offered);
}

// Keys of another direction or stage (§6.3, §13).
result<void> check_place(const key_row& row, const text_pair& pair, key_phase phase) {
    if (row.rule == key_rule::authentication && phase == key_phase::operational)
        return key_fault(
            login_errc::authentication_method_unsupported,
            pair.key,
            pair.value,
            "no authentication in the operational stage"
        );
    if (row.sender == key_sender::initiator || (row.phase != key_phase::any && row.phase != phase))
        return key_fault(
            login_errc::key_not_understood, pair.key, pair.value, "a key of this stage and side"
        );
    return {};
}

// An AuthMethod=None in the operational stage says only that nothing is asked for, and a target
// may not know InitiatorAlias.
bool is_harmless(const key_row& row, const text_pair& pair) {
    if (row.key == login_key::auth_method)
        return pair.value == "None";
    return row.sender == key_sender::initiator && leaves_default(pair.value);
}

} // namespace

negotiation::negotiation(const operational_offer& offer, session_type type, negotiation_mode mode)
    : offer_(offer), type_(type), mode_(mode) {
    using enum login_key;
    wish(default_time2wait, offer.default_time2wait);
    wish(default_time2retain, offer.default_time2retain);
    wish(if_marker, 0); // §13.25: markers are history
    wish(of_marker, 0);
    wish(error_recovery_level, 0);
    wish(initial_r2t, offer.initial_r2t ? 1 : 0);
    wish(immediate_data, offer.immediate_data ? 1 : 0);
    wish(max_burst_length, offer.max_burst_length);
    wish(first_burst_length, std::min(offer.first_burst_length, offer.max_burst_length)); // §13.14
    wish(max_outstanding_r2t, offer.max_outstanding_r2t);
    wish(max_connections, 1);
    wish(data_pdu_in_order, offer.data_pdu_in_order ? 1 : 0);
    wish(data_sequence_in_order, offer.data_sequence_in_order ? 1 : 0);
    wish(iscsi_protocol_level, 1); // §13.24: RFC 7143
    wish(max_recv_data_segment_length, offer.max_recv_data_segment_length);
}

text_pairs negotiation::offers() {
    text_pairs text;
    for (auto key = login_key{}; key <= login_key::last_offered; key = next_of(key)) {
        const auto& row = row_of(key);
        if (!is_offered(row))
            continue;
        text.push_back({std::string(row.name), wanted_text(row)});
        if (row.rule != key_rule::declare_number) // a declaration has no answer
            state(row).how_far = progress::offered;
    }
    return text;
}

result<text_pairs> negotiation::receive(const text_pairs& text, key_phase phase) {
    text_pairs answers;
    for (const auto& pair : text) {
        auto taken = take(pair, phase);
        if (taken.has_error())
            return std::move(taken).error();
        if (*taken)
            answers.push_back({pair.key, std::move(**taken)});
    }
    return answers;
}

negotiation::answer negotiation::take(const text_pair& pair, key_phase phase) {
    const auto* const row = find_key(pair.key);
    if (row == nullptr) { // §6.2: unknown keys are answered, their answers are not
        if (leaves_default(pair.value) || pair.value == reject_word)
            return no_answer;
        return std::optional<std::string>(not_understood_word);
    }
    if (is_harmless(*row, pair))
        return no_answer;
    if (auto placed = check_place(*row, pair, phase); placed.has_error())
        return std::move(placed).error();
    if (row->rule == key_rule::authentication)
        return no_answer; // the security phase reads these itself
    return take_known(*row, pair.value);
}

negotiation::answer negotiation::take_known(const key_row& row, const std::string& value) {
    if (row.key == login_key::target_address) // §6.3: may be repeated, and only counts in redirects
        return no_answer;
    if (is_settled(row))
        return take_repeated(row, value);
    state(row).said = value;
    switch (row.rule) {
    case key_rule::declare_number:
    case key_rule::declare_text:
        return take_declaration(row, value);
    case key_rule::smaller:
    case key_rule::bigger:
    case key_rule::both_yes:
    case key_rule::either_yes:
    case key_rule::one_of_list:
        break;
    case key_rule::obsolete:
    case key_rule::authentication:
        return std::optional<std::string>(reject_word); // §13.25
    }
    return state(row).how_far == progress::offered ? take_reply(row, value)
                                                   : take_offer(row, value);
}

// §6.3: once in a login. Saying the same again changes nothing.
negotiation::answer negotiation::take_repeated(const key_row& row, const std::string& value) {
    if (!is_lenient() || state(row).said != value)
        return key_fault(login_errc::key_repeated, row.name, value, "once [RFC 7143 6.3]");
    warn(row.name, value + " again", value);
    return no_answer;
}

negotiation::answer negotiation::take_declaration(const key_row& row, const std::string& value) {
    if (row.rule == key_rule::declare_text) {
        if (value.size() > longest_text_value) // §6.1
            return key_fault(
                login_errc::value_out_of_range, row.name, value, "at most 255 bytes [RFC 7143 6.1]"
            );
        target_alias_ = printable(value);
        settle(row, 0);
        return no_answer;
    }
    const auto number = read_number(row, value);
    if (number.has_error())
        return number.error();
    const auto used = bounded(row, *number).value_or(*number);
    if (used != *number)
        warn(row.name, value, std::to_string(used));
    if (row.key == login_key::target_portal_group_tag)
        group_tag_ = static_cast<std::uint16_t>(used);
    settle(row, used);
    return no_answer;
}

// §6.2.1: the answer to an offer is already the outcome.
negotiation::answer negotiation::take_reply(const key_row& row, const std::string& value) {
    if (leaves_default(value) || (value == reject_word && is_marker(row))) {
        state(row).how_far = progress::left_at_default;
        return no_answer;
    }
    if (value == reject_word)
        return take_rejection(row);
    return row.rule == key_rule::one_of_list ? take_word(row, value) : take_number(row, value);
}

// §6.2: a rejected key keeps its default, and it is for us to live with that or not.
negotiation::answer negotiation::take_rejection(const key_row& row) {
    if (!is_lenient())
        return key_fault(login_errc::key_rejected, row.name, wanted_text(row), "to be accepted");
    state(row).how_far = progress::left_at_default;
    const bool is_list = row.rule == key_rule::one_of_list;
    warn(
        row.name,
        reject_word,
        is_list ? std::string(row.default_word) : format_value(row, number(row.key))
    );
    return no_answer;
}

// §6.2.1: one of the values offered. A target that answers with its own list means the first.
negotiation::answer negotiation::take_word(const key_row& row, const std::string& value) {
    const auto words = acceptable(row.key, offer_);
    const auto list = split_list(value);
    const auto chosen = is_lenient() && !list.empty() ? list.front() : std::string_view(value);
    const auto found = std::find(words.begin(), words.end(), chosen);
    if (found == words.end())
        return not_offered(row, value, wanted_text(row));
    if (chosen != value)
        warn(row.name, value, std::string(chosen));
    settle_word(row, *found);
    return no_answer;
}

negotiation::answer negotiation::take_number(const key_row& row, const std::string& value) {
    const auto theirs = read_number(row, value);
    if (theirs.has_error())
        return theirs.error();
    if (parse_value(row, value).has_value() &&
        combine(row.rule, state(row).wanted, *theirs) == *theirs) {
        settle(row, *theirs);
        return no_answer;
    }
    const auto safe = safe_value(row, *theirs);
    if (!safe)
        return not_offered(row, value, wanted_text(row));
    warn(row.name, value, format_value(row, *safe));
    settle(row, *safe);
    return no_answer;
}

// In the range of the key; when lenient also one beside it that a value of the range can stand for.
result<std::uint32_t> negotiation::read_number(const key_row& row, const std::string& value) const {
    auto strictly = parse_value(row, value);
    if (strictly.has_value() || !is_lenient())
        return strictly;
    const auto number = parse_any_number(row, value);
    if (!number || !bounded(row, *number))
        return strictly;
    return *number;
}

// What holds in place of an answer that breaks the rule of its key; nothing: the login must end.
std::optional<std::uint32_t>
negotiation::safe_value(const key_row& row, std::uint32_t theirs) const {
    const auto within = bounded(row, theirs);
    const auto how = leniency_of(row.key);
    if (!is_lenient() || !within || how == leniency::refuse)
        return std::nullopt;
    if (how == leniency::by_rule)
        return combine(row.rule, state(row).wanted, *within);
    if (row.key == login_key::max_outstanding_r2t)
        return std::min<std::uint32_t>(
            *within, std::max(offer_.max_outstanding_r2t, most_r2ts_unoffered)
        );
    return within;
}

negotiation::answer negotiation::take_offer(const key_row& row, const std::string& value) {
    if (leaves_default(value) || value == reject_word) // answers to what nobody offered
        return no_answer;
    if (row.scope == key_scope::normal_session && type_ == session_type::discovery)
        return std::optional<std::string>(irrelevant_word); // §13: irrelevant in discovery
    if (row.rule == key_rule::one_of_list)
        return take_list_offer(row, value);
    const auto theirs = parse_value(row, value);
    if (theirs.has_error())
        return std::optional<std::string>(reject_word); // §6.2
    settle(row, combine(row.rule, state(row).wanted, *theirs));
    return std::optional<std::string>(format_value(row, state(row).number));
}

// §6.2.1: the first of the offered values that we can use.
negotiation::answer negotiation::take_list_offer(const key_row& row, const std::string& value) {
    const auto words = acceptable(row.key, offer_);
    for (const auto theirs : split_list(value)) {
        const auto found = std::find(words.begin(), words.end(), theirs);
        if (found == words.end())
            continue;
        settle_word(row, *found);
        return std::optional<std::string>(*found);
    }
    return std::optional<std::string>(reject_word);
}

result<operational_parameters> negotiation::outcome() const {
    const auto header_digest = chosen_digest(login_key::header_digest);
    const auto data_digest = chosen_digest(login_key::data_digest);
    const auto max_burst = number(login_key::max_burst_length);
    const auto first = first_burst(max_burst);
    if (header_digest.has_error())
        return header_digest.error();
    if (data_digest.has_error())
        return data_digest.error();
    if (first.has_error())
        return first.error();
    const auto theirs = number(login_key::max_recv_data_segment_length);
    const auto ours = offer_.max_xmit_data_segment_length;
    return operational_parameters{
        .header_digest = *header_digest,
        .data_digest = *data_digest,
        .default_time2wait = static_cast<std::uint16_t>(number(login_key::default_time2wait)),
        .default_time2retain = static_cast<std::uint16_t>(number(login_key::default_time2retain)),
        .initial_r2t = number(login_key::initial_r2t) != 0,
        .immediate_data = number(login_key::immediate_data) != 0,
        .max_burst_length = max_burst,
        .first_burst_length = *first,
        .max_outstanding_r2t = static_cast<std::uint16_t>(number(login_key::max_outstanding_r2t)),
        .max_recv_data_segment_length = offer_.max_recv_data_segment_length,
        .max_xmit_data_segment_length = ours == 0 ? theirs : std::min(ours, theirs),
        .data_pdu_in_order = number(login_key::data_pdu_in_order) != 0,
        .data_sequence_in_order = number(login_key::data_sequence_in_order) != 0};
}

// §13.14: FirstBurstLength must not exceed MaxBurstLength. A default is cut; a target that said
// so itself is at fault, though sending less is always allowed.
result<std::uint32_t> negotiation::first_burst(std::uint32_t max_burst) const {
    const auto& row = row_of(login_key::first_burst_length);
    const auto first = number(login_key::first_burst_length);
    if (first > max_burst && state(row).how_far == progress::agreed && !is_lenient())
        return key_fault(
            login_errc::value_out_of_range,
            row.name,
            std::to_string(first),
            "at most MaxBurstLength " + std::to_string(max_burst) + " [RFC 7143 13.14]"
        );
    return std::min(first, max_burst);
}

void negotiation::warn(std::string_view key, std::string_view got, std::string used) {
    warnings_.push_back(key_warning(key, got, std::move(used)));
}

std::vector<negotiation_warning> negotiation::warnings() const {
    auto all = warnings_;
    const auto& row = row_of(login_key::first_burst_length);
    const auto first = number(row.key);
    const auto max_burst = number(login_key::max_burst_length);
    if (first > max_burst && state(row).how_far == progress::agreed)
        all.push_back({std::string(row.name), std::to_string(first), std::to_string(max_burst)});
    return all;
}

std::uint32_t negotiation::number(login_key key) const {
    const auto& row = row_of(key);
    if (state(row).how_far == progress::agreed)
        return state(row).number;
    if (row.rule == key_rule::declare_number)
        return row.default_number;
    return combine(row.rule, state(row).wanted, row.default_number);
}

result<digest> negotiation::chosen_digest(login_key key) const {
    const auto& row = row_of(key);
    std::string_view word = state(row).word;
    if (state(row).how_far != progress::agreed) {
        const auto words = acceptable(key, offer_);
        if (std::find(words.begin(), words.end(), row.default_word) == words.end())
            return not_offered(row, row.default_word, wanted_text(row));
        word = row.default_word;
    }
    return word == digest_word(digest::crc32c) ? digest::crc32c : digest::none;
}

bool negotiation::is_settled(const key_row& row) const {
    return state(row).how_far == progress::agreed ||
           state(row).how_far == progress::left_at_default;
}

bool negotiation::is_offered(const key_row& row) const {
    return type_ == session_type::normal || row.scope == key_scope::every_session;
}

std::string negotiation::wanted_text(const key_row& row) const {
    if (row.rule != key_rule::one_of_list)
        return format_value(row, state(row).wanted);
    return join_list(acceptable(row.key, offer_));
}

void negotiation::wish(login_key key, std::uint32_t number) {
    state(row_of(key)).wanted = number;
}

negotiation::key_state& negotiation::state(const key_row& row) {
    return states_[static_cast<std::size_t>(row.key)];
}

const negotiation::key_state& negotiation::state(const key_row& row) const {
    return states_[static_cast<std::size_t>(row.key)];
}

void negotiation::settle(const key_row& row, std::uint32_t number) {
    state(row).how_far = progress::agreed;
    state(row).number = number;
}

void negotiation::settle_word(const key_row& row, std::string_view word) {
    state(row).how_far = progress::agreed;
    state(row).word = word;
}

} // namespace iscsi
