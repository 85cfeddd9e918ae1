#include "libiscsi/core/login/chap_keys.hpp"

#include "libiscsi/core/login/key_value.hpp"

#include <algorithm>
#include <utility>

namespace iscsi {
namespace {

// By the table: a key that is added there is watched here.
bool is_authentication(const text_pair& pair) {
    const auto* const row = find_key(pair.key);
    return row != nullptr && row->rule == key_rule::authentication;
}

std::string number_of(chap_algorithm algorithm) {
    return std::to_string(static_cast<unsigned>(algorithm));
}

fault under_key(std::string_view key, const fault& why) {
    return chap_fault(key, why.got, why.expected);
}

// The target must choose one of the offered algorithms.
// A digest that was not offered must not be used, even when we know it: the user has ruled it out.
result<chap_algorithm>
read_algorithm(const std::string& value, const std::vector<std::string>& offered) {
    constexpr std::uint32_t highest = 0xff;
    const auto number = read_chap_number(value, highest);
    for (const auto& name : offered) {
        const auto algorithm = chap_algorithm_named(name);
        if (number.has_value() && algorithm && static_cast<std::uint32_t>(*algorithm) == *number)
            return *algorithm;
    }
    return chap_fault("CHAP_A", value, "one of " + format_chap_algorithms(offered));
}

} // namespace

fault chap_fault(std::string_view key, std::string_view got, std::string expected) {
    return key_fault(login_errc::chap_failed, key, got, std::move(expected));
}

result<void> expect_keys(const text_pairs& text, std::span<const std::string_view> due) {
    for (const auto& pair : text)
        if (is_authentication(pair) && std::find(due.begin(), due.end(), pair.key) == due.end())
            return chap_fault(pair.key, "out of place", "in its turn [RFC 7143 12.1.3]");
    for (const auto key : due) {
        const auto times = std::count_if(text.begin(), text.end(), [key](const auto& pair) {
            return pair.key == key;
        });
        if (times != 1)
            return chap_fault(key, std::to_string(times) + " times", "once [RFC 7143 12.1.3]");
    }
    return {};
}

result<chap_question>
read_chap_question(const text_pairs& text, const std::vector<std::string>& offered_algorithms) {
    constexpr std::uint32_t highest_identifier = 0xff;
    const auto algorithm = read_algorithm(*find_value(text, "CHAP_A"), offered_algorithms);
    if (algorithm.has_error())
        return algorithm.error();
    const auto identifier = read_chap_number(*find_value(text, "CHAP_I"), highest_identifier);
    if (identifier.has_error())
        return under_key("CHAP_I", identifier.error());
    auto challenge = read_chap_binary(*find_value(text, "CHAP_C"));
    if (challenge.has_error())
        return under_key("CHAP_C", challenge.error());
    return chap_question{*algorithm, static_cast<std::uint8_t>(*identifier), std::move(*challenge)};
}

result<chap_proof> read_chap_proof(const text_pairs& text) {
    const auto& name = *find_value(text, "CHAP_N");
    if (name.empty() || name.size() > longest_text_value) // §6.1
        return chap_fault("CHAP_N", name, "1 to 255 bytes [RFC 7143 6.1]");
    auto response = read_chap_binary(*find_value(text, "CHAP_R"));
    if (response.has_error())
        return chap_fault("CHAP_R", "no binary value", response.error().expected);
    return chap_proof{name, std::move(*response)};
}

std::string format_chap_algorithms(const std::vector<std::string>& names) {
    std::string list;
    for (const auto& name : names) {
        const auto algorithm = chap_algorithm_named(name);
        if (!algorithm)
            continue;
        if (!list.empty())
            list += ',';
        list += number_of(*algorithm);
    }
    return list;
}

} // namespace iscsi
