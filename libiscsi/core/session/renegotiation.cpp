#include "libiscsi/core/session/renegotiation.hpp"

#include "libiscsi/core/login/key_value.hpp"

#include <set>
#include <string>

namespace iscsi {
namespace {

constexpr auto segment_key = login_key::max_recv_data_segment_length;

// TargetAlias may change while we are logged in; TargetAddress stands in redirections and is no
// wish.
bool is_declared_at_any_time(login_key key) {
    return key == login_key::target_alias || key == login_key::target_address;
}

// What is declared needs no answer, nor does a key that nobody knows: it may be a declaration.
bool needs_reply(const key_row* row) {
    return row != nullptr && row->rule != key_rule::declare_number &&
           row->rule != key_rule::declare_text;
}

// A known key that may stand in a login only is out of place here (§13): Reject.
std::string_view word_for(const std::string& key) {
    return find_key(key) != nullptr ? reject_word : not_understood_word;
}

result<void>
// Every key gets the answer that the standard asks for, so that an exchange with a talkative target
// still ends.
judge_key(const std::string& key, const std::string& value, renegotiation_answer& answer) {
    const auto* const row = find_key(key);
    if (row != nullptr && is_declared_at_any_time(row->key))
        return {};
    if (needs_reply(row) && answer.needs_reply.empty())
        answer.needs_reply = key;
    if (row == nullptr || row->key != segment_key) {
        answer.replies.push_back({key, std::string(word_for(key))});
        return {};
    }
    if (leaves_default(value) || value == reject_word)
        return {}; // all stays as it is
    const auto length = parse_value(*row, value);
    if (length.has_error())
        return length.error();
    answer.longest_segment = *length;
    return {};
}

} // namespace

text_pairs renegotiation_offer(const operational_parameters& now) {
    const auto& row = row_of(segment_key);
    return {{std::string(row.name), format_value(row, now.max_recv_data_segment_length)}};
}

result<renegotiation_answer> judge_renegotiation(const text_pairs& said) {
    renegotiation_answer answer;
    std::set<std::string_view> seen;
    for (const auto& [key, value] : said) {
        if (!seen.insert(key).second)
            return key_fault(login_errc::key_repeated, key, value, "each key once [RFC 7143 6.2]");
        if (auto judged = judge_key(key, value, answer); judged.has_error())
            return judged.error();
    }
    return answer;
}

} // namespace iscsi
